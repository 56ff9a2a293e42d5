//! `[[hook]]`: what else happens at a point of a release.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::nearest::listed;
use super::table_reader::TableReader;
use super::{HookTemplate, QueryTemplate, Secret, duration};
use crate::Phase;

/// A request, a command or a statement at a point of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Hook {
    /// When.
    pub on: HookPoint,
    /// Of [`HookPoint::PhaseComplete`] the phases that are meant; all of them when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// Names it in events; letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// What.
    #[serde(flatten)]
    pub action: HookAction,
    /// Whether its failure is the release's, as long as the release is not live; `false` unless set.
    pub required: bool,
    /// How long it may take, tries and pauses included; 30 seconds unless set.
    #[serde(serialize_with = "duration::serialize")]
    pub timeout: Duration,
}

/// How long a hook may take, where the file does not say.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The points of a release that hooks can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HookPoint {
    /// The release holds the lock, and nothing is built.
    Started,
    /// A phase is done.
    PhaseComplete,
    /// The new release is live.
    PostSwap,
    /// A backup set is live again.
    PostRollback,
    /// The release failed.
    Failed,
}

impl HookPoint {
    /// Its name, as the release file spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::PhaseComplete => "phase_complete",
            Self::PostSwap => "post_swap",
            Self::PostRollback => "post_rollback",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for HookPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a hook does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HookAction {
    /// Sends a request.
    Http(HttpRequest),
    /// Runs a program with these arguments, without a shell.
    Command(Vec<String>),
    /// Executes a statement in the target database.
    Sql(QueryTemplate),
}

/// A request that a hook sends. Its URL and headers may hold tokens, so they are secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The method; `POST` unless set.
    pub method: HttpMethod,
    /// The address.
    pub url: Secret,
    /// Its headers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Secret>,
    /// Its body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<HookTemplate>,
}

/// The methods that make sense for a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "each variant is the HTTP method it is named after")]
#[non_exhaustive]
pub enum HttpMethod {
    Get,
    #[default]
    Post,
    Put,
    Patch,
    Delete,
}

impl HttpMethod {
    /// Its name in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl HttpRequest {
    /// A `POST` without a body.
    #[must_use]
    pub fn post(url: Secret) -> Self {
        Self {
            method: HttpMethod::Post,
            url,
            headers: BTreeMap::new(),
            body: None,
        }
    }

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let method = table.or("method", HttpMethod::default());
        let url = table.required("url");
        let headers = table.or("headers", BTreeMap::new());
        let body = table.optional("body");
        Some(Self {
            method,
            url: url?,
            headers,
            body,
        })
    }
}

impl Hook {
    /// A hook whose failure is only reported.
    #[must_use]
    pub fn new(on: HookPoint, name: impl Into<String>, action: HookAction) -> Self {
        Self {
            on,
            phases: Vec::new(),
            name: name.into(),
            action,
            required: false,
            timeout: TIMEOUT,
        }
    }

    /// Whether a failure of it after this phase, at [`HookPoint::PhaseComplete`], or at its point fails the release: where the
    /// release is live nothing does any more.
    #[must_use]
    pub fn can_veto(&self, phase: Option<Phase>) -> bool {
        let before_the_swap = match self.on {
            HookPoint::Started => true,
            HookPoint::PhaseComplete => phase.is_some_and(|phase| phase < Phase::FinaliseSwap),
            HookPoint::PostSwap | HookPoint::PostRollback | HookPoint::Failed => false,
        };
        self.required && before_the_swap
    }

    /// Whether it is for this point: after this phase, where the point is [`HookPoint::PhaseComplete`].
    #[must_use]
    pub fn is_for(&self, point: HookPoint, phase: Option<Phase>) -> bool {
        let phases = &self.phases;
        self.on == point && (phases.is_empty() || phase.is_some_and(|phase| phases.contains(&phase)))
    }

    /// Its failure is the release's failure.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let on = table.required("on");
        let phases = table.list("phases");
        let name = table.required("name");
        let action = HookAction::read(table);
        let required = table.or("required", false);
        let timeout = table.duration_or("timeout", TIMEOUT);
        Some(Self {
            on: on?,
            phases,
            name: name?,
            action: action?,
            required,
            timeout,
        })
    }
}

impl HookAction {
    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let present: Vec<&str> = ["http", "command", "sql"]
            .into_iter()
            .filter(|key| table.has(key))
            .collect();
        let http = table.table("http", HttpRequest::read).flatten().map(Self::Http);
        let command = table.optional_list("command").map(Self::Command);
        let sql = table.optional("sql").map(Self::Sql);
        match present.as_slice() {
            [_] => http.or(command).or(sql),
            [] => {
                table.wrong_table("needs an action: one of `http`, `command` and `sql`");
                None
            }
            several => {
                table.wrong_table(&format!("has several actions ({}); keep one", listed(several)));
                None
            }
        }
    }
}
