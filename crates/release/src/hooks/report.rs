//! The hooks that there are, and what became of them.

use std::fmt;

use cutover_core::Phase;
use cutover_core::release_file::{Hook, HookAction, HookPoint};
use serde::{Deserialize, Serialize};

use super::error::at;

/// A hook at a point of a release or rollback to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedHook {
    /// Its name.
    pub hook: String,
    /// The point.
    pub point: HookPoint,
    /// The phase that is complete then, where the point is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What it does, without a secret.
    pub does: String,
    /// Whether its failure stops the release.
    pub fatal: bool,
}

impl PlannedHook {
    /// The hooks of a point, in the file's order.
    pub(crate) fn at(hooks: &[Hook], point: HookPoint, phase: Option<Phase>) -> Vec<Self> {
        let planned = |hook: &Hook| Self {
            hook: hook.name.clone(),
            point,
            phase,
            does: does(hook),
            fatal: hook.can_veto(phase),
        };
        hooks
            .iter()
            .filter(|hook| hook.is_for(point, phase))
            .map(planned)
            .collect()
    }
}

impl fmt::Display for PlannedHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hook, does, .. } = self;
        write!(f, "hook {hook} at {}: {does}", at(self.point, self.phase))?;
        f.write_str(if self.fatal { "; can stop the release" } else { "" })
    }
}

/// A hook at a point that was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HookReport {
    /// Its name.
    pub hook: String,
    /// The point.
    pub point: HookPoint,
    /// The phase that was complete, where the point is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// How it ended.
    pub outcome: HookOutcome,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why it failed, or was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The end of what it printed, or was answered; secrets are masked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// How a hook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HookOutcome {
    /// It did what it is for.
    Done,
    /// It failed.
    Failed,
    /// It was left out.
    Skipped,
}

/// The longest piece of a command or statement that is told.
const SHOWN: usize = 60;

/// What a hook does, in a few words. An address may hold a token: the variable that holds it is named, or nothing.
pub(super) fn does(hook: &Hook) -> String {
    match &hook.action {
        HookAction::Command(words) => format!("command {}", begin(&words.join(" "))),
        HookAction::Http(request) => format!("{} {}", request.method.as_str(), request.url),
        HookAction::Sql(sql) => format!("SQL {}", begin(sql.source())),
        // A kind of a later version.
        _ => "unknown".to_owned(),
    }
}

fn begin(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let cut = &line[..line.floor_char_boundary(SHOWN)];
    if cut.len() < text.trim().len() {
        format!("{cut}…")
    } else {
        cut.to_owned()
    }
}
