//! Rewrite rules of a member.

use serde::{Deserialize, Serialize};

use crate::{Deparsed, Ident};

/// A rewrite rule, a view's own query not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rule {
    /// Its name.
    pub name: Ident,
    /// What `pg_get_ruledef` prints, the table unqualified.
    pub definition: Deparsed,
    /// `O` (origin and local), `D` (disabled), `R` (replica) or `A` (always).
    pub enabled: String,
    /// Its comment.
    pub comment: Option<String>,
}
