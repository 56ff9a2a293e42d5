//! Access privileges, as `aclexplode` tells them.

use serde::{Deserialize, Serialize};

use crate::{Ident, Sql};

/// One privilege of one grantee.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AclItem {
    /// The role; `None` is `PUBLIC`.
    pub grantee: Option<Ident>,
    /// The role that granted it.
    pub grantor: Ident,
    /// `SELECT`, `INSERT`, … as the server spells it.
    pub privilege: String,
    /// Whether it was granted `WITH GRANT OPTION`.
    pub grantable: bool,
}

impl AclItem {
    /// The privilege as a keyword, when it is one that relations, columns, sequences or functions have.
    #[must_use]
    pub fn keyword(&self) -> Option<&'static str> {
        Some(match self.privilege.as_str() {
            "SELECT" => "SELECT",
            "INSERT" => "INSERT",
            "UPDATE" => "UPDATE",
            "DELETE" => "DELETE",
            "TRUNCATE" => "TRUNCATE",
            "REFERENCES" => "REFERENCES",
            "TRIGGER" => "TRIGGER",
            "MAINTAIN" => "MAINTAIN",
            "USAGE" => "USAGE",
            "EXECUTE" => "EXECUTE",
            _ => return None,
        })
    }

    /// The grantee as it stands in `GRANT … TO`.
    pub fn grantee_sql(&self) -> Sql {
        match &self.grantee {
            Some(role) => Sql::text("").ident(role),
            None => Sql::text("PUBLIC"),
        }
    }
}

/// The access privileges of an object in the order the server keeps them; `None` where it still has the built-in
/// default (`relacl IS NULL`), which is not the same as having been granted nothing.
pub type Acl = Option<Vec<AclItem>>;
