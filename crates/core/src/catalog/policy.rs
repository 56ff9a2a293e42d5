//! Row-level security policies of a member.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Deparsed, Ident};

/// A row-level security policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Policy {
    /// Its name.
    pub name: Ident,
    /// `PERMISSIVE` rather than `RESTRICTIVE`.
    pub permissive: bool,
    /// The commands it applies to.
    pub command: PolicyCommand,
    /// The roles it applies to; `None` is `PUBLIC`.
    pub roles: Vec<Option<Ident>>,
    /// `USING`: which rows are seen. Columns of the table stand unqualified, within sub-selects behind its name.
    pub using: Option<Deparsed>,
    /// `WITH CHECK`: which rows may be written.
    pub with_check: Option<Deparsed>,
    /// Its comment.
    pub comment: Option<String>,
}

/// `pg_policy.polcmd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each variant is the PostgreSQL command it is named after"
)]
pub enum PolicyCommand {
    #[serde(rename = "*")]
    All,
    #[serde(rename = "r")]
    Select,
    #[serde(rename = "a")]
    Insert,
    #[serde(rename = "w")]
    Update,
    #[serde(rename = "d")]
    Delete,
}

impl PolicyCommand {
    /// The command as it stands after `FOR`.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for PolicyCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}
