//! Why a swap cannot be planned: every reason at once, each with its object and its remedy.

use std::fmt;

use serde::Serialize;

/// What stands against a swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalKind {
    /// A relation, index, sequence or statistics object that is to be replaced has no partner, or the other way round.
    Unpaired,
    /// The two relations of a pair are of different kinds, or of a kind that is not swapped.
    Kind,
    /// A member has a parent or a child outside the set.
    Inheritance,
    /// The relation belongs to an extension.
    Extension,
    /// What would go live is not fit to: unlogged, not populated, an invalid index.
    NotReady,
    /// A view that reads the set cannot be re-pointed.
    View,
    /// A foreign key from outside the set cannot be re-pointed.
    ForeignKey,
    /// Functions, types, policies, rules and others that would keep pointing at the backup set.
    Dependent,
    /// A publication cannot follow, or takes in what is not live.
    Publication,
    /// A logical-replication subscription writes to a member.
    Subscription,
    /// The role may not do it.
    Rights,
    /// A schema of its own for staging or backups cannot hold them.
    Schema,
    /// Two objects would bear one name.
    Name,
    /// The server's lock table has no room for all the locks.
    LockTable,
}

/// One reason why a swap was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What kind of reason.
    pub kind: RefusalKind,
    /// The object, by kind and name.
    pub object: String,
    /// What is the matter with it.
    pub reason: String,
    /// What the operator can do about it.
    pub remedy: &'static str,
}

impl Refusal {
    pub(crate) fn new(
        kind: RefusalKind,
        object: impl fmt::Display,
        reason: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Self {
            kind,
            object: object.to_string(),
            reason: reason.into(),
            remedy,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}; {}", self.object, self.reason, self.remedy)
    }
}

/// A swap that cannot be planned, with all reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("the swap cannot be planned:{}", lines(.refusals))]
pub struct SwapRefused {
    /// All of them, in the order they were found; never empty.
    pub refusals: Vec<Refusal>,
}

fn lines(refusals: &[Refusal]) -> String {
    refusals
        .iter()
        .flat_map(|refusal| ["\n  ".to_owned(), refusal.to_string()])
        .collect()
}
