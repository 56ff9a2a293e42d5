//! What holds rows of members, or of the table itself: read again where their names mean the twins, because the trees that
//! `LIKE` copies hold live's row types.

use std::collections::BTreeSet;

use cutover_core::catalog::{CatalogSnapshot, Column, Constraint, ConstraintKind, Relation};
use cutover_core::{ObjectKind, ObjectName, Sql, Step};

use super::twin::Twin;
use super::{inheritance, table};

/// Whether it has the row type of a member, or an array of it.
pub(crate) fn is_row_of_member(column: &Column, snapshot: &CatalogSnapshot) -> bool {
    column.row_type_of.is_some_and(|oid| is_member(oid, snapshot))
}

/// Whether its default or generation expression names the row type of a member.
pub(crate) fn names_row_of_member(column: &Column, snapshot: &CatalogSnapshot) -> bool {
    let mut named = column.default_row_types.iter();
    named.any(|oid| is_member(*oid, snapshot))
}

fn is_member(oid: u32, snapshot: &CatalogSnapshot) -> bool {
    snapshot.relations.iter().any(|member| member.oid == oid)
}

/// Whether the checks of a table are made from what the server prints, rather than by `LIKE`: one that holds a whole row
/// `LIKE` refuses.
pub(super) fn checks_are_text(live: &Relation, snapshot: &CatalogSnapshot) -> bool {
    let mut checks = live
        .constraints
        .iter()
        .filter(|c| c.kind == ConstraintKind::Check);
    checks.any(|check| check.whole_row || check.row_types.iter().any(|oid| is_member(*oid, snapshot)))
}

/// The tables of a set in the order in which their columns get their types: a table's row type can be changed only as long
/// as no column has it. No table holds itself by any way.
///
/// First those that hold no table that inherits, then those that do.
pub(super) fn in_order<'t, 'a>(twins: &'t [Twin<'a>]) -> (Vec<&'t Twin<'a>>, Vec<&'t Twin<'a>>) {
    let members: BTreeSet<u32> = twins.iter().map(|twin| twin.live.oid).collect();
    let trees = twins.iter().filter(|twin| inheritance::is_in_tree(twin.live));
    let mut of_trees: BTreeSet<u32> = trees.map(|twin| twin.live.oid).collect();
    let mut placed = BTreeSet::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    while placed.len() < twins.len() {
        let so_far = placed.len();
        for twin in twins {
            let held = || twin.live.columns.iter().filter_map(|column| column.row_type_of);
            let ready = held().all(|oid| placed.contains(&oid) || !members.contains(&oid));
            if ready && placed.insert(twin.live.oid) {
                if held().any(|oid| of_trees.contains(&oid)) {
                    of_trees.insert(twin.live.oid);
                    after.push(twin);
                } else {
                    before.push(twin);
                }
            }
        }
        if placed.len() == so_far {
            break;
        }
    }
    (before, after)
}

/// Gives columns their twins' row types, and the table its checks. All tables are there, and empty.
pub(super) fn read_again(twin: &Twin<'_>, snapshot: &CatalogSnapshot) -> Vec<Step> {
    if twin.has_query() || inheritance::is_in_tree(twin.live) {
        return Vec::new();
    }
    let columns = twin.live.columns.iter();
    let mut steps: Vec<Step> = columns
        .filter(|column| is_row_of_member(column, snapshot))
        .map(|column| set_type(twin, column))
        .collect();
    if checks_are_text(twin.live, snapshot) {
        let checks = twin.live.constraints.iter();
        let checks = checks.filter(|constraint| constraint.kind == ConstraintKind::Check);
        steps.extend(checks.flat_map(|check| add_check(twin, check)));
    }
    steps
}

fn set_type(twin: &Twin<'_>, column: &Column) -> Step {
    let alter = || Sql::text("ALTER COLUMN ").ident(&column.name);
    let mut clauses = Vec::new();
    if column.default.is_some() {
        clauses.push(alter().then(" DROP DEFAULT"));
    }
    let of_type = alter().then(" TYPE ").deparsed(&column.data_type);
    clauses.push(of_type.then(" USING NULL"));
    let object = ObjectName::part(ObjectKind::Column, &column.name, &twin.staging);
    let sql = twin
        .alter_in_scratch()
        .then(" ")
        .append(&Sql::join(clauses, ", "));
    Step::new("re-point the type of", object, sql)
}

fn add_check(twin: &Twin<'_>, check: &Constraint) -> Vec<Step> {
    let object = ObjectName::part(ObjectKind::Constraint, &check.name, &twin.staging);
    let sql = twin
        .alter_in_scratch()
        .then(" ADD CONSTRAINT ")
        .ident(&check.name)
        .then(" ")
        .deparsed(&check.definition);
    let mut steps = vec![Step::new("add", object, sql)];
    steps.extend(table::comment_on_check(twin, check));
    steps
}
