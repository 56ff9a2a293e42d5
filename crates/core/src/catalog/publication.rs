//! Publications that list a member.

use serde::{Deserialize, Serialize};

use crate::{Deparsed, Ident};

/// What a publication publishes of a table that it lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PublicationMembership {
    /// The publication's name.
    pub name: Ident,
    /// Its owner.
    pub owner: Ident,
    /// Whether the session's role has the rights of that owner, which changing the list takes.
    pub may_act_as_owner: bool,
    /// The columns that are published; `None` is all of them, now and later.
    pub columns: Option<Vec<Ident>>,
    /// The condition that published rows meet, in parentheses.
    pub row_filter: Option<Deparsed>,
    /// The columns that the list or the condition names.
    pub reads: Vec<Ident>,
}
