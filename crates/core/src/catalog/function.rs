//! Functions and procedures outside the release set that refer to it.

use serde::{Deserialize, Serialize};

use super::{Acl, ColumnRead, Referent, SecurityLabel};
use crate::{Deparsed, Ident, ObjectKind, ObjectName, QualifiedName};

/// Whether a routine is called or evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FunctionKind {
    /// A function, a window function included.
    Function,
    /// A procedure.
    Procedure,
}

/// A function or procedure that the catalog knows to refer to the set: by an SQL-standard body, by a row type in its
/// signature, or by a default of an argument. Bodies that are strings look their relations up when they run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[non_exhaustive]
pub struct DependentFunction {
    /// Its oid.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// Function or procedure.
    pub kind: FunctionKind,
    /// The arguments that tell it from others of its name, as `ALTER FUNCTION` wants them.
    pub identity_arguments: Deparsed,
    /// All its arguments with their modes and names, as `CREATE FUNCTION` wants them; defaults are `NULL`.
    pub stub_arguments: Deparsed,
    /// What it returns; nothing for a procedure.
    pub result: Option<Deparsed>,
    /// What `pg_get_functiondef` prints: `CREATE OR REPLACE …`, members of the set unqualified.
    pub definition: Deparsed,
    /// Whether its body is parsed when it is made: `BEGIN ATOMIC …` or `RETURN …`.
    pub standard_body: bool,
    /// Whether the server can read again what it prints of such a body: not where it uses an argument without a name and
    /// others have names.
    pub readable_body: bool,
    /// Its owner.
    pub owner: Ident,
    /// Whether the session's role has the rights of the owner.
    pub may_act_as_owner: bool,
    /// Whether the session's role may create functions in its schema, which replacing one takes too.
    pub may_create_in_schema: bool,
    /// Whether its owner may create there, which who is to own a function there must.
    pub owner_may_create_in_schema: bool,
    /// Access privileges.
    pub acl: Acl,
    /// What default privileges give to a function that the session's role makes in its schema.
    pub default_acl: Acl,
    /// Its comment.
    pub comment: Option<String>,
    /// Its security labels.
    pub security_labels: Vec<SecurityLabel>,
    /// Extensions that it is dropped with (`ALTER … DEPENDS ON EXTENSION`).
    pub depends_on_extensions: Vec<Ident>,
    /// Whether only a superuser may make it: it is `LEAKPROOF`, has a `SUPPORT` function or an untrusted language.
    pub superuser_only: bool,
    /// The oids of the relations whose row types, or arrays of them, are in its signature.
    pub row_types: Vec<u32>,
    /// Whether it refers to a member, a sequence or a row type of one itself.
    #[serde(default)]
    pub direct: bool,
    /// What of the set, and of the views and functions over it, it refers to itself.
    #[serde(default)]
    pub refers_to: Vec<Referent>,
    /// Columns of members that a body of SQL, or the default of an argument, names.
    pub reads: Vec<ColumnRead>,
    /// The extension it belongs to.
    pub extension: Option<Ident>,
}

impl DependentFunction {
    /// The function as steps and errors name it.
    #[must_use]
    pub fn object(&self) -> ObjectName {
        let kind = match self.kind {
            FunctionKind::Function => ObjectKind::Function,
            FunctionKind::Procedure => ObjectKind::Procedure,
        };
        ObjectName::qualified(kind, &self.name)
    }
}
