//! Whether a set can be cloned without losing anything.

use std::collections::BTreeSet;

use cutover_core::catalog::{
    CatalogSnapshot, Column, Constraint, ConstraintKind, Index, Kin, OwnedSequence, Persistence, Relation,
    RelationKind,
};
use cutover_core::{NamingPolicy, ObjectKind, ObjectName, QualifiedName};

use crate::build::{inheritance, row_type};
use crate::{CloneError, Refusal, rights, staging_schema};

const NOT_YET: &str = "leave the relation out of the release set: this version does not clone it";

/// Collects what stands in the way of cloning the members of `kinds`.
pub(crate) fn check(
    snapshot: &CatalogSnapshot,
    naming: &NamingPolicy,
    concerned: impl Fn(&Relation) -> bool,
) -> Result<(), CloneError> {
    let mut refusals = Vec::new();
    check_server(snapshot, &mut refusals);
    staging_schema::check(snapshot, naming, &mut refusals);
    check_names(snapshot, naming, &mut refusals);
    check_views(snapshot, &mut refusals);
    check_inheritance(snapshot, &concerned, &mut refusals);
    for relation in snapshot.relations.iter().filter(|relation| concerned(relation)) {
        check_relation(snapshot, relation, naming, &mut refusals);
    }
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(CloneError { refusals })
    }
}

fn check_server(snapshot: &CatalogSnapshot, refusals: &mut Vec<Refusal>) {
    let server = &snapshot.server;
    let database = || ObjectName::global(ObjectKind::Database, &server.database);
    if server.in_recovery {
        refusals.push(Refusal::new(database(), "is a standby", "connect to the primary"));
    }
    if !server.may_create_schemas {
        refusals.push(Refusal::new(
            database(),
            format!("does not let role {} create the scratch schema", server.role),
            "GRANT CREATE ON DATABASE to the role",
        ));
    }
    if !server.may_create_in_schema {
        refusals.push(Refusal::new(
            ObjectName::global(ObjectKind::Schema, &snapshot.schema),
            format!("does not let role {} create relations", server.role),
            "GRANT CREATE ON SCHEMA to the role",
        ));
    }
    for publication in &server.all_tables_publications {
        refusals.push(Refusal::new(
            ObjectName::global(ObjectKind::Publication, publication),
            "is FOR ALL TABLES: every row of staging would go to its subscribers",
            "publish a list of tables instead",
        ));
    }
}

/// Every name that the clone gives must be new and given once. Statistics have names of their own, all else shares
/// those of relations.
fn check_names(snapshot: &CatalogSnapshot, naming: &NamingPolicy, refusals: &mut Vec<Refusal>) {
    let space = |kind| kind == ObjectKind::ExtendedStatistics;
    let live: BTreeSet<_> = schema_wide_names(snapshot)
        .map(|(kind, name)| (space(kind), name.clone()))
        .collect();
    let mut given = BTreeSet::new();
    for (kind, name) in schema_wide_names(snapshot) {
        let staging = (space(kind), naming.staging(name));
        // The swap lets a twin into live's schema before it gives it the live name.
        let arrived = (space(kind), name.with_name(staging.1.name.clone()));
        if live.contains(&arrived) || !given.insert(staging.clone()) {
            refusals.push(Refusal::new(
                ObjectName::qualified(kind, name),
                format!(
                    "would be called {} in staging, as something else of the set is",
                    staging.1
                ),
                "rename one of the two",
            ));
        }
    }
}

fn schema_wide_names(snapshot: &CatalogSnapshot) -> impl Iterator<Item = (ObjectKind, &QualifiedName)> {
    snapshot.relations.iter().flat_map(|relation| {
        std::iter::once((relation.kind.object_kind(), &relation.name))
            .chain(relation.indexes.iter().map(|i| (ObjectKind::Index, &i.name)))
            .chain(relation.sequences.iter().map(|s| (ObjectKind::Sequence, &s.name)))
            .chain(
                relation
                    .statistics
                    .iter()
                    .map(|s| (ObjectKind::ExtendedStatistics, &s.name)),
            )
    })
}

fn check_relation(
    snapshot: &CatalogSnapshot,
    relation: &Relation,
    naming: &NamingPolicy,
    refusals: &mut Vec<Refusal>,
) {
    let apart = staging_schema::is_apart(snapshot, naming);
    check_kind(relation, refusals);
    check_partition(snapshot, relation, refusals);
    let mut refuse = |condition: bool, why: String, remedy| {
        if condition {
            refusals.push(Refusal::new(relation.object(), why, remedy));
        }
    };
    refuse(
        !relation.may_act_as_owner,
        format!(
            "belongs to role {}, whose rights role {} does not have",
            relation.owner, snapshot.server.role
        ),
        "connect as the owner, or GRANT the owner's role to the role",
    );
    refuse(
        // In another schema it is not looked for on this one's path.
        !relation.visible && relation.name.schema == snapshot.schema,
        "is called like a relation of pg_catalog, which its bare name means: what names it cannot be re-pointed".to_owned(),
        "rename it, or leave it out of the release set",
    );
    refuse(
        !relation.may_select,
        format!(
            "may not be read by role {}, so its columns cannot be copied",
            snapshot.server.role
        ),
        "GRANT SELECT ON it to the role",
    );
    for publication in &relation.schema_publications {
        refuse(
            !apart,
            format!(
                "is published with its schema by {publication}: every row of staging would go to its subscribers"
            ),
            "publish a list of tables instead, or give both staging and backups schemas of their own",
        );
    }
    refuse(
        !matches!(relation.replica_identity.as_str(), "d" | "n" | "f" | "i"),
        format!("has the replica identity {:?}", relation.replica_identity),
        NOT_YET,
    );
    // The mark stays when the index is dropped, and no statement can make it without one.
    refuse(
        relation.replica_identity == "i" && !relation.indexes.iter().any(|index| index.replica_identity),
        "has an index as its replica identity that is gone".to_owned(),
        "ALTER TABLE … REPLICA IDENTITY DEFAULT, or USING INDEX another",
    );
    rights::check(snapshot, relation, apart, refusals);
    check_reads(snapshot, relation, refusals);
    check_row_type_calls(snapshot, relation, refusals);
    for column in &relation.columns {
        check_column(snapshot, relation, column, refusals);
    }
    for constraint in &relation.constraints {
        check_constraint(relation, constraint, refusals);
    }
    for index in &relation.indexes {
        check_index(index, refusals);
    }
    for sequence in &relation.sequences {
        check_sequence(snapshot, sequence, refusals);
    }
}

/// A plain view has no rows to be swapped: only what a materialized view reads has to mean the new ones before the swap.
fn check_views(snapshot: &CatalogSnapshot, refusals: &mut Vec<Refusal>) {
    let views = snapshot
        .relations
        .iter()
        .filter(|relation| relation.kind == RelationKind::View);
    for view in views.filter(|view| !is_read_by_a_matview(snapshot, view)) {
        refusals.push(Refusal::new(
            view.object(),
            "is a plain view that no materialized view of the set reads",
            "leave it out: the swap re-points views over the set by itself",
        ));
    }
}

/// Whether a materialized view of the set reads it, through whatever views.
fn is_read_by_a_matview(snapshot: &CatalogSnapshot, view: &Relation) -> bool {
    let queries = || {
        snapshot
            .relations
            .iter()
            .filter(|relation| relation.kind.has_query())
    };
    let mut read = BTreeSet::from([view.oid]);
    loop {
        let readers = || queries().filter(|query| query.reads.iter().any(|source| read.contains(source)));
        if readers().any(|reader| reader.kind == RelationKind::MaterializedView) {
            return true;
        }
        let found: Vec<u32> = readers().map(|reader| reader.oid).collect();
        let before = read.len();
        read.extend(found);
        if read.len() == before {
            return false;
        }
    }
}

fn check_kind(relation: &Relation, refusals: &mut Vec<Refusal>) {
    let mut refuse = |condition: bool, why: &str, remedy| {
        if condition {
            refusals.push(Refusal::new(relation.object(), why, remedy));
        }
    };
    match relation.kind {
        RelationKind::Table
        | RelationKind::PartitionedTable
        | RelationKind::View
        | RelationKind::MaterializedView => {}
        RelationKind::ForeignTable => {
            refuse(true, "is a foreign table and holds no rows of its own", NOT_YET);
        }
    }
    refuse(
        relation.extension.is_some(),
        "belongs to an extension, so it can neither be dropped nor dumped by itself",
        "leave it out of the release set",
    );
    refuse(
        relation.distributed,
        "is distributed by Citus, over servers that this one's catalog does not describe",
        "leave it out of the release set",
    );
    refuse(
        relation.persistence == Persistence::Temporary,
        "is temporary",
        "leave it out of the release set",
    );
}

/// Trees of tables that inherit are cloned whole, in an order of columns that can be had.
fn check_inheritance(
    snapshot: &CatalogSnapshot,
    concerned: impl Fn(&Relation) -> bool,
    refusals: &mut Vec<Refusal>,
) {
    let members: BTreeSet<u32> = snapshot.relations.iter().map(|relation| relation.oid).collect();
    let relations = snapshot.relations.iter().filter(|relation| concerned(relation));
    let tables: Vec<&Relation> = relations
        .filter(|relation| inheritance::is_in_tree(relation))
        .collect();
    let before = refusals.len();
    for table in &tables {
        let mut refuse = |kin: &[Kin], how: &str| {
            for kin in kin.iter().filter(|kin| !members.contains(&kin.oid)) {
                let why = format!("{how} {}, which is not in the set", kin.name);
                let remedy = "add it to the set too, or take the two apart: ALTER TABLE … NO INHERIT";
                refusals.push(Refusal::new(table.object(), why, remedy));
            }
        };
        refuse(&table.inherits_from, "inherits from");
        refuse(&table.inherited_by, "is inherited by");
    }
    if refusals.len() > before {
        return;
    }
    if let Err(table) = inheritance::additions(&tables) {
        refusals.push(Refusal::new(
            table.object(),
            "has its columns in an order that adding them one by one to it and its parents cannot give",
            NOT_YET,
        ));
    }
}

/// Partitions come along with their parents, never without.
fn check_partition(snapshot: &CatalogSnapshot, relation: &Relation, refusals: &mut Vec<Refusal>) {
    let Some(partition) = &relation.partition else {
        return;
    };
    let mut refuse = |condition: bool, why: String, remedy| {
        if condition {
            refusals.push(Refusal::new(relation.object(), why, remedy));
        }
    };
    let member = snapshot
        .relations
        .iter()
        .any(|other| other.oid == partition.parent);
    let parents: Vec<String> = relation
        .inherits_from
        .iter()
        .map(|kin| kin.name.to_string())
        .collect();
    refuse(
        !member,
        format!(
            "is a partition of {}, which is not in the set",
            parents.join(", ")
        ),
        "name the partitioned table instead: its partitions come along",
    );
    refuse(
        relation.name.schema != snapshot.schema,
        format!("is a partition in another schema than {}", snapshot.schema),
        "ALTER TABLE … SET SCHEMA, so that the partition is where its parent is",
    );
    refuse(
        partition.detaching,
        "is being detached from its parent".to_owned(),
        "ALTER TABLE … DETACH PARTITION … FINALIZE",
    );
}

/// A materialized view may read members of the set, and what is outside it.
fn check_reads(snapshot: &CatalogSnapshot, relation: &Relation, refusals: &mut Vec<Refusal>) {
    for source in &relation.reads {
        if let Some(view) = snapshot.views.iter().find(|view| view.oid == *source) {
            refusals.push(Refusal::new(
                relation.object(),
                format!(
                    "reads the set through {}, which is not in the set and reads live",
                    view.object()
                ),
                snapshot.stays_behind(view).map_or(
                    "put the view into the set too, or read the members directly",
                    |why| why.remedy(),
                ),
            ));
        }
    }
}

fn check_column(
    snapshot: &CatalogSnapshot,
    relation: &Relation,
    column: &Column,
    refusals: &mut Vec<Refusal>,
) {
    let object = ObjectName::part(ObjectKind::Column, &column.name, &relation.name);
    let from_text = inheritance::is_in_tree(relation);
    let mut refuse = |condition: bool, why: &str| {
        if condition {
            refusals.push(Refusal::new(object.clone(), why, NOT_YET));
        }
    };
    let row = row_type::is_row_of_member(column, snapshot);
    let of_matview = |oid: u32| {
        let mut matviews = snapshot.relations.iter().filter(|r| r.kind.has_query());
        matviews.any(|matview| matview.oid == oid)
    };
    // Materialized views are made before tables, each in a plan of their own.
    refuse(
        row && (relation.kind.has_query() || column.row_type_of.is_some_and(of_matview)),
        "has the row type of a member of the set, of or in a view or materialized view",
    );
    refuse(
        row && relation.of_type.is_some(),
        "has the row type of a member of the set, in a typed table",
    );
    refuse(
        !from_text && column.is_generated() && (row || row_type::names_row_of_member(column, snapshot)),
        "is generated from rows of a member of the set",
    );
}

fn check_constraint(relation: &Relation, constraint: &Constraint, refusals: &mut Vec<Refusal>) {
    let object = || ObjectName::part(ObjectKind::Constraint, &constraint.name, &relation.name);
    for function in &constraint.functions_of_rows {
        refusals.push(Refusal::new(
            object(),
            format!("calls {function}, which takes live's rows and not those of a twin"),
            "pass the columns it needs, or leave the relation out of the release set",
        ));
    }
    let builds_its_index = constraint.kind == ConstraintKind::Exclusion || constraint.temporal;
    if builds_its_index && relation.kind == RelationKind::PartitionedTable {
        let why = "is an exclusion constraint or temporal key of a partitioned table";
        refusals.push(Refusal::new(object(), why, NOT_YET));
    }
    // A temporal key is made from its definition, which does not tell these; an exclusion constraint's does.
    let of_index = relation
        .indexes
        .iter()
        .find(|index| Some(&index.name.name) == constraint.index.as_ref());
    let parameters = of_index.is_some_and(|index| !index.options.is_empty());
    if constraint.temporal && parameters {
        refusals.push(Refusal::new(
            object(),
            "is a temporal key whose index has storage parameters",
            "ALTER INDEX … RESET them",
        ));
    }
}

/// A twin has a row type of its own, and no function takes that.
fn check_row_type_calls(snapshot: &CatalogSnapshot, relation: &Relation, refusals: &mut Vec<Refusal>) {
    for call in &relation.row_type_calls {
        let member = snapshot
            .relations
            .iter()
            .find(|member| member.oid == call.row_type_of);
        if let Some(member) = member {
            refusals.push(Refusal::new(
                relation.object(),
                format!(
                    "has {}, which calls {}: a function over the row type of the member {}, not over its twin's",
                    call.part, call.function, member.name
                ),
                "let the function take columns instead of the row",
            ));
        }
    }
}

fn check_index(index: &Index, refusals: &mut Vec<Refusal>) {
    let object = ObjectName::qualified(ObjectKind::Index, &index.name);
    if !index.tail.as_str().starts_with("USING ") {
        // What stands before is put together anew, with other names.
        refusals.push(Refusal::new(object, "has a definition of unknown shape", NOT_YET));
    }
}

fn check_sequence(snapshot: &CatalogSnapshot, sequence: &OwnedSequence, refusals: &mut Vec<Refusal>) {
    let object = ObjectName::qualified(ObjectKind::Sequence, &sequence.name);
    if !sequence.may_select {
        refusals.push(Refusal::new(
            object,
            format!(
                "may not be read by role {}, so its twin cannot go on from it",
                snapshot.server.role
            ),
            "GRANT SELECT ON SEQUENCE to the role",
        ));
    }
}
