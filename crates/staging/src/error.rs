//! What can go wrong while a plan runs.

use cutover_core::catalog::CatalogError;
use cutover_core::{Digest, ObjectName, StatementError};

use crate::build::label::LABELLING;

/// A plan that could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StagingError {
    /// A statement failed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The catalog could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Somebody changed live between planning and running.
    #[error("live was changed after the plan was computed (catalog {planned}, now {found})", planned = planned.short(), found = found.short())]
    LiveChanged {
        /// The catalog's digest at planning.
        planned: Digest,
        /// The digest now.
        found: Digest,
    },
    /// Something of the twins refers to live rather than to a twin; nothing was kept.
    #[error("staging would refer to live: {}", .references.join("; "))]
    RefersToLive {
        /// Each reference, as the server describes it.
        references: Vec<String>,
    },
    /// The statements of declared changes altered live; all was rolled back.
    #[error("the statements that make the declared changes altered live or a view that reads it")]
    ChangesLive,
    /// A relation that was recorded as staging is something else now: it was swapped, renamed or replaced.
    #[error("{} is not the relation that was staged", .object)]
    NotStaging {
        /// Under the recorded name, or what bears the recorded oid now.
        object: ObjectName,
    },
    /// Something bears a name that staging would get; nothing was done.
    #[error("the names that staging would get are taken: {}", .objects.join("; "))]
    InTheWay {
        /// Each, as the server names it.
        objects: Vec<String>,
    },
    /// Something outside depends on staging, so it cannot be dropped.
    #[error("staging cannot be dropped, because others depend on it: {}", .dependents.join("; "))]
    InUse {
        /// Each dependent, described.
        dependents: Vec<String>,
    },
}

impl StagingError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Statement(error) if error.purpose == LABELLING => {
                "have the label's provider loaded (shared_preload_libraries) and let it allow the role the label; or take \
                 the label off live"
            }
            Self::Statement(error) => error.remedy(),
            Self::Catalog(error) => error.remedy(),
            Self::LiveChanged { .. } => "run again: the plan is computed anew from live as it is",
            Self::RefersToLive { .. } => {
                "leave the relation out of the release set, and report what it looks like: this version cannot re-point it"
            }
            Self::ChangesLive => {
                "name the relations by {{ staging('…') }} in the `sql` of [[change]]; live is the swap's to change"
            }
            Self::NotStaging { .. } => "see `cutover status` for what became of the release",
            Self::InTheWay { .. } => {
                "`cutover abort` removes what a release left behind; what no release knows of is yours to drop or to rename"
            }
            Self::InUse { .. } => "drop or re-point what depends on staging, then try again",
        }
    }
}
