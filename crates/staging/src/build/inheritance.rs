//! Tables that inherit: built column by column, because `LIKE` would make what they inherit their own.
//!
//! Adding a column to a parent adds it to the children as an inherited one, or, where a child has it already, makes that
//! one inherited besides. So the order of additions decides both where a column stands and whose it is.

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::catalog::{Column, Constraint, ConstraintKind, Persistence, Relation, RelationKind};
use cutover_core::{ObjectKind, ObjectName, Sql, Step};

use super::table::{comment_on_check, storage_clauses, storage_parameter};
use super::twin::Twin;

/// Whether the table has parents or children that are not partitions.
pub(crate) fn is_in_tree(live: &Relation) -> bool {
    live.kind == RelationKind::Table
        && !live.is_partition()
        && !(live.inherits_from.is_empty() && live.inherited_by.is_empty())
}

/// What a table cannot be without: parents, and the tables whose rows it holds.
fn needs(relation: &Relation) -> impl Iterator<Item = u32> {
    let parents = relation.inherits_from.iter().map(|kin| kin.oid);
    let columns = relation.columns.iter();
    let columns = columns.flat_map(|column| column.row_type_of.iter().chain(&column.default_row_types));
    let checks = relation.constraints.iter().flat_map(|check| &check.row_types);
    let needed = parents.chain(columns.copied()).chain(checks.copied());
    needed.filter(|oid| *oid != relation.oid)
}

/// Each after all that it inherits from, is a partition of, or holds rows of. Only checks and defaults that name each
/// other's rows can go in circles; those tables come last, as they were given.
pub(crate) fn parents_first<'a>(relations: &[&'a Relation]) -> Vec<&'a Relation> {
    let given: BTreeSet<u32> = relations.iter().map(|relation| relation.oid).collect();
    let mut placed = BTreeSet::new();
    let mut ordered: Vec<&Relation> = Vec::with_capacity(relations.len());
    while ordered.len() < relations.len() {
        let before = ordered.len();
        for relation in relations {
            let ready = needs(relation).all(|parent| placed.contains(&parent) || !given.contains(&parent));
            if ready && placed.insert(relation.oid) {
                ordered.push(relation);
            }
        }
        if ordered.len() == before {
            let rest = relations
                .iter()
                .filter(|relation| !placed.contains(&relation.oid));
            ordered.extend(rest);
            break;
        }
    }
    ordered
}

/// The columns that are defined on the tables themselves, in an order of `ADD COLUMN` that leaves every table with its own
/// order of columns, and every column with the parents that it has on live.
///
/// # Errors
/// A table for whose columns there is none.
pub(crate) fn additions<'a>(
    tables: &[&'a Relation],
) -> Result<Vec<(&'a Relation, &'a Column)>, &'a Relation> {
    let tables = parents_first(tables);
    let mut additions = Vec::new();
    // The addition that makes a column of a table come into being.
    let mut makes: BTreeMap<(u32, &str), usize> = BTreeMap::new();
    let mut above: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for table in &tables {
        let parents = table.inherits_from.iter().map(|kin| kin.oid);
        let further = parents.clone().filter_map(|parent| above.get(&parent)).flatten();
        let all: BTreeSet<u32> = further.copied().chain(parents).collect();
        above.insert(table.oid, all);
        for column in &table.columns {
            let source = if column.local {
                additions.push((*table, column));
                additions.len() - 1
            } else {
                let of = |parent: u32| makes.get(&(parent, column.name.as_str())).copied();
                let having: Vec<u32> = table.inherits_from.iter().map(|kin| kin.oid).collect();
                let having: Vec<u32> = having
                    .into_iter()
                    .filter(|parent| of(*parent).is_some())
                    .collect();
                // One that inherits from another of them has the column before that.
                let is_above = |one: u32, other: &u32| above.get(other).is_some_and(|all| all.contains(&one));
                let first = having
                    .iter()
                    .find(|one| !having.iter().any(|other| is_above(**one, other)));
                first.and_then(|parent| of(*parent)).ok_or(*table)?
            };
            makes.insert((table.oid, column.name.as_str()), source);
        }
    }
    let mut after: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); additions.len()];
    let mut waits = vec![0_usize; additions.len()];
    let mut comes_before = |first: usize, second: usize| {
        if first != second && after[first].insert(second) {
            waits[second] += 1;
        }
    };
    for table in &tables {
        let of_table = |column: &Column| makes.get(&(table.oid, column.name.as_str())).copied();
        for pair in table.columns.windows(2) {
            if let [Some(a), Some(b)] = [of_table(&pair[0]), of_table(&pair[1])] {
                comes_before(a, b);
            }
        }
        for column in &table.columns {
            for kin in &table.inherits_from {
                let of_parent = makes.get(&(kin.oid, column.name.as_str()));
                if let (Some(own), Some(parents)) = (of_table(column), of_parent) {
                    comes_before(own, *parents);
                }
            }
        }
    }
    let mut ready: BTreeSet<usize> = (0..additions.len()).filter(|n| waits[*n] == 0).collect();
    let mut ordered = Vec::with_capacity(additions.len());
    while let Some(next) = ready.pop_first() {
        ordered.push(additions[next]);
        for later in &after[next] {
            waits[*later] -= 1;
            if waits[*later] == 0 {
                ready.insert(*later);
            }
        }
    }
    match waits.iter().position(|count| *count > 0) {
        Some(stuck) => Err(additions[stuck].0),
        None => Ok(ordered),
    }
}

/// All tables of the trees, with columns and checks, without defaults.
pub(super) fn create(twins: &[Twin<'_>], version_num: u32) -> Vec<Step> {
    let of: BTreeMap<u32, &Twin<'_>> = twins.iter().map(|twin| (twin.live.oid, twin)).collect();
    let live: Vec<&Relation> = twins
        .iter()
        .map(|twin| twin.live)
        .filter(|live| is_in_tree(live))
        .collect();
    let tables: Vec<&Twin<'_>> = parents_first(&live)
        .iter()
        .filter_map(|live| of.get(&live.oid).copied())
        .collect();
    let mut steps: Vec<Step> = tables.iter().map(|twin| bare(twin, &of)).collect();
    // What has no order was refused before.
    for (table, column) in additions(&live).unwrap_or_default() {
        steps.extend(of.get(&table.oid).map(|twin| add_column(twin, column)));
    }
    steps.extend(tables.iter().filter_map(|twin| toast_options(twin)));
    // From PostgreSQL 18 on they are constraints with names.
    if version_num < 180_000 {
        steps.extend(tables.iter().filter_map(|twin| not_null(twin)));
    }
    for twin in tables.iter().rev() {
        let own = checks(twin).filter(|check| check.local);
        steps.extend(own.map(|check| add_check(twin, check)));
    }
    for twin in &tables {
        steps.extend(checks(twin).filter_map(|check| validate(twin, check, &of)));
        let comments = checks(twin).filter(|check| check.kind == ConstraintKind::Check);
        steps.extend(comments.filter_map(|check| comment_on_check(twin, check)));
    }
    steps
}

fn bare(twin: &Twin<'_>, of: &BTreeMap<u32, &Twin<'_>>) -> Step {
    let mut sql = Sql::text(match twin.live.persistence {
        Persistence::Unlogged => "CREATE UNLOGGED TABLE ",
        Persistence::Permanent | Persistence::Temporary => "CREATE TABLE ",
    })
    .name(&twin.scratch)
    .then(" ()");
    let parents = twin.live.inherits_from.iter();
    let parents: Vec<Sql> = parents
        .filter_map(|kin| of.get(&kin.oid))
        .map(|parent| Sql::text("").name(&parent.scratch))
        .collect();
    if !parents.is_empty() {
        sql = sql
            .then(" INHERITS (")
            .append(&Sql::join(parents, ", "))
            .then(")");
    }
    Step::new("create", twin.object(), storage_clauses(sql, twin.live))
}

/// Without columns there is no TOAST table, and what is said of it when the table is made is lost.
fn toast_options(twin: &Twin<'_>) -> Option<Step> {
    let options = twin.live.toast_options.iter();
    let options: Vec<Sql> = options
        .map(|option| storage_parameter(Sql::text("toast."), option))
        .collect();
    (!options.is_empty()).then(|| {
        let sql = twin
            .alter_in_scratch()
            .then(" SET (")
            .append(&Sql::join(options, ", "))
            .then(")");
        Step::new("set the options of the TOAST table of", twin.object(), sql)
    })
}

fn add_column(twin: &Twin<'_>, column: &Column) -> Step {
    let mut sql = twin
        .alter_in_scratch()
        .then(" ADD COLUMN ")
        .ident(&column.name)
        .then(" ")
        .deparsed(&column.data_type);
    if let Some(collation) = &column.collation {
        sql = sql.then(" COLLATE ").name(collation);
    }
    if let Some(expression) = column.default.as_ref().filter(|_| column.is_generated()) {
        sql = sql
            .then(" GENERATED ALWAYS AS (")
            .deparsed(expression)
            .then(if column.generated == "v" {
                ") VIRTUAL"
            } else {
                ") STORED"
            });
    }
    let object = ObjectName::part(ObjectKind::Column, &column.name, &twin.staging);
    Step::new("add", object, sql)
}

/// Of this table alone: a child may refuse NULL where its parent does not, and be without where it does.
fn not_null(twin: &Twin<'_>) -> Option<Step> {
    let columns = twin.live.columns.iter().filter(|column| column.not_null);
    let clauses: Vec<Sql> = columns
        .map(|column| {
            Sql::text("ALTER COLUMN ")
                .ident(&column.name)
                .then(" SET NOT NULL")
        })
        .collect();
    let sql = twin.alter_only_in_scratch().then(" ");
    (!clauses.is_empty()).then(|| {
        let sql = sql.append(&Sql::join(clauses, ", "));
        Step::new("forbid NULL in", twin.object(), sql)
    })
}

fn checks<'a>(twin: &Twin<'a>) -> impl Iterator<Item = &'a Constraint> {
    let constraints = twin.live.constraints.iter();
    constraints
        .filter(|constraint| matches!(constraint.kind, ConstraintKind::Check | ConstraintKind::NotNull))
}

/// Children have it from this, and where they have one of their own already, it becomes inherited besides.
fn add_check(twin: &Twin<'_>, check: &Constraint) -> Step {
    let sql = twin
        .alter_in_scratch()
        .then(" ADD CONSTRAINT ")
        .ident(&check.name)
        .then(" ")
        .deparsed(&check.definition);
    Step::new("add", constraint(twin, check), sql)
}

/// A child's may be valid where its parent's, from which it came, is not.
fn validate(twin: &Twin<'_>, check: &Constraint, of: &BTreeMap<u32, &Twin<'_>>) -> Option<Step> {
    if check.local || !check.validated {
        return None;
    }
    let parents = twin.live.inherits_from.iter().filter_map(|kin| of.get(&kin.oid));
    let mut theirs = parents.flat_map(|parent| &parent.live.constraints);
    theirs.find(|theirs| theirs.name == check.name && !theirs.validated)?;
    let sql = twin
        .alter_in_scratch()
        .then(" VALIDATE CONSTRAINT ")
        .ident(&check.name);
    Some(Step::new("validate", constraint(twin, check), sql))
}

fn constraint(twin: &Twin<'_>, constraint: &Constraint) -> ObjectName {
    ObjectName::part(ObjectKind::Constraint, &constraint.name, &twin.staging)
}
