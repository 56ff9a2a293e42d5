//! The roles that own members and granted privileges on them.

use serde::{Deserialize, Serialize};

use crate::Ident;

/// A role that owns a member or granted a privilege on one, and what the session may do in its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[non_exhaustive]
pub struct RoleFacts {
    /// Its name.
    pub name: Ident,
    /// Whether it is a superuser.
    pub superuser: bool,
    /// Whether the session may `SET ROLE` to it. From PostgreSQL 16 on that takes a membership `WITH SET TRUE`.
    pub may_become: bool,
    /// Whether the current role may make it an owner: for that, the current role must be able to `SET ROLE` to it.
    pub may_be_given: bool,
    /// Whether it may look up names in the set's schema.
    pub may_use_schema: bool,
    /// Whether it may create relations in the set's schema, which who is to own one there must.
    pub may_create_in_schema: bool,
}
