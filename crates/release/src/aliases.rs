//! Importers that read a materialized view of the set by its live name read its staging twin.

use cutover_core::{Ident, ObjectKind, ObjectName, QualifiedName, Sql, Step};

/// The steps that make the twins answer to the live names in one session, and the steps that undo it.
///
/// A temporary view of the live name stands before every schema on the search path ([5.9.3]), so PostgreSQL's own name
/// resolution finds it; the planner sees through it. Temporary views would hold the twins fast at the swap, so they
/// go before the transaction commits.
///
/// [5.9.3]: https://www.postgresql.org/docs/15/ddl-schemas.html#DDL-SCHEMAS-PATH
pub(crate) fn twin_aliases(twins: &[(Ident, QualifiedName)]) -> (Vec<Step>, Vec<Step>) {
    let alias = |name: &Ident| ObjectName::global(ObjectKind::View, name);
    let make = twins
        .iter()
        .map(|(live, twin)| {
            let sql = Sql::text("CREATE TEMPORARY VIEW ")
                .ident(live)
                .then(" AS SELECT * FROM ")
                .name(twin);
            Step::new("alias the staging twin as", alias(live), sql)
        })
        .collect();
    let undo = twins
        .iter()
        .map(|(live, _)| {
            Step::new(
                "drop the alias",
                alias(live),
                Sql::text("DROP VIEW pg_temp.").ident(live),
            )
        })
        .collect();
    (make, undo)
}
