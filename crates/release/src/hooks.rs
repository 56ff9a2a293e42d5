//! Hooks: what else happens at the points of a release. One that is required can stop a release that is not live yet; after
//! the swap none can do more than warn.

mod at; // the points of a release and of a rollback
mod command; // programs
mod error; // why a hook failed
mod facts; // what hooks are told
mod http; // requests
mod output; // what hooks print, bounded and masked
mod report; // what is planned, and what became of it
mod sql; // statements in the target database

use cutover_core::release_file::{Hook, HookAction, HookPoint, Secret};
use cutover_core::{ConnectSettings, Environment, Phase};

pub(crate) use at::HookSite;
pub use error::{HookError, HookProblem};
pub(crate) use facts::HookFacts;
use http::Request;
use output::Masks;
pub use report::{HookOutcome, HookReport, PlannedHook};

use crate::{Cutover, ReleaseError};

/// The hooks of a release file with their secrets looked up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hooks {
    all: Vec<Prepared>,
    masks: Masks,
    environment: Environment,
    /// Why none is run.
    left_out: Option<&'static str>,
}

#[derive(Debug, Clone)]
struct Prepared {
    hook: Hook,
    /// Of a hook by HTTP, what it sends.
    request: Option<Request>,
}

impl Hooks {
    /// Only tells of them at their points.
    pub(crate) fn leave_out(&mut self, why: &'static str) {
        self.left_out = Some(why);
    }

    /// Whether one after this phase could stop the release.
    pub(crate) fn can_veto_after(&self, phase: Phase) -> bool {
        let mut hooks = self.all.iter().map(|prepared| &prepared.hook);
        hooks.any(|hook| hook.is_for(HookPoint::PhaseComplete, Some(phase)) && hook.can_veto(Some(phase)))
    }

    fn at(&self, point: HookPoint, phase: Option<Phase>) -> impl Iterator<Item = &Prepared> {
        let is_for = move |prepared: &&Prepared| prepared.hook.is_for(point, phase);
        self.all.iter().filter(is_for)
    }
}

impl Cutover {
    /// The hooks of the release file, ready to be run.
    ///
    /// # Errors
    /// [`ReleaseError::Secret`] when a variable that one asks for is not set, [`ReleaseError::HookRequest`] when a URL or a
    /// header is none.
    pub(crate) fn hooks(&self) -> Result<Hooks, ReleaseError> {
        let variables = |name: &str| self.environment.get(name).map(str::to_owned);
        let mut masks = Masks::default();
        let passwords = self.settings().flat_map(ConnectSettings::passwords);
        passwords.for_each(|password| masks.add(password.expose()));
        // What connects elsewhere, commands inherit.
        masks.add(self.environment.get("PGPASSWORD").unwrap_or_default());
        let portal = self.file.portal().and_then(|portal| portal.url.as_ref());
        let notify = self.file.notify();
        let slack = notify.slack.as_ref().map(|slack| &slack.webhook);
        let webhook = notify.webhook.as_ref();
        let tokens = webhook.into_iter().flat_map(|webhook| webhook.headers.values());
        for token in tokens {
            if let Ok(value) = token.resolve("notify.webhook.headers", variables) {
                masks.add(value.reveal());
            }
        }
        let target = Some(&self.file.target().url);
        for (key, secret) in [
            ("target.url", target),
            ("portal.url", portal),
            ("notify.slack.webhook", slack),
            ("notify.webhook.url", webhook.map(|webhook| &webhook.url)),
        ] {
            // What is not set is asked for elsewhere, or not needed.
            if let Some(Ok(value)) = secret.map(|secret| secret.resolve(key, variables)) {
                masks.add(value.reveal());
            }
        }
        let mut all = Vec::new();
        for hook in self.file.hooks() {
            let mut reveal = |secret: &Secret, what: &str| {
                let key = format!("hook[\"{}\"].http.{what}", hook.name);
                let value = secret.resolve(&key, variables)?;
                masks.add(value.reveal());
                Ok::<_, ReleaseError>(value.reveal().to_owned())
            };
            let request = match &hook.action {
                HookAction::Http(request) => Some(Request::of(&hook.name, request, &mut reveal)?),
                _ => None,
            };
            let hook = hook.clone();
            all.push(Prepared { hook, request });
        }
        Ok(Hooks {
            all,
            masks,
            environment: self.environment.clone(),
            left_out: None,
        })
    }

    /// The hooks of a release at their points, in the order these are passed.
    pub(crate) fn planned_hooks(&self) -> Vec<PlannedHook> {
        let hooks = self.file.hooks();
        let mut planned = PlannedHook::at(hooks, HookPoint::Started, None);
        for phase in Phase::ALL {
            if phase == Phase::PostSwap {
                planned.extend(PlannedHook::at(hooks, HookPoint::PostSwap, None));
            }
            if phase != Phase::ReleaseLock {
                planned.extend(PlannedHook::at(hooks, HookPoint::PhaseComplete, Some(phase)));
            }
        }
        planned.extend(PlannedHook::at(hooks, HookPoint::Failed, None));
        planned
    }

    fn settings(&self) -> impl Iterator<Item = &ConnectSettings> {
        let portal = match &self.portal {
            Some(crate::PortalLogin::Settings(settings)) => Some(&**settings),
            _ => None,
        };
        portal.into_iter().chain([&self.target])
    }
}
