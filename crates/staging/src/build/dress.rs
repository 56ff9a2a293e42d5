//! What `LIKE` does not copy, for tables and materialized views: column settings, statistics, owner, grants, comments.

use cutover_core::catalog::{CatalogSnapshot, Column, ExtendedStatistics};
use cutover_core::{Grants, ObjectKind, ObjectName, QualifiedName, Sql, Step};

use super::inheritance::is_in_tree;
use super::row_type::is_row_of_member;
use super::table::storage_parameter;
use super::twin::Twin;
use crate::deferred::{DeferredAction, DeferredStep};

/// Statistics target and options of a column; where `LIKE` did not bring them, its storage and compression too.
pub(super) fn column_settings(twin: &Twin<'_>, column: &Column, snapshot: &CatalogSnapshot) -> Vec<Step> {
    let alter = || twin.alter_only().then(" ALTER COLUMN ").ident(&column.name);
    let mut all = Vec::new();
    if twin.is_materialized_view() || is_in_tree(twin.live) || is_row_of_member(column, snapshot) {
        let storage = match column.storage.as_deref() {
            Some("p") => Some(" SET STORAGE PLAIN"),
            Some("e") => Some(" SET STORAGE EXTERNAL"),
            Some("m") => Some(" SET STORAGE MAIN"),
            Some("x") => Some(" SET STORAGE EXTENDED"),
            _ => None,
        };
        let compression = match column.compression.as_deref() {
            Some("p") => Some(" SET COMPRESSION pglz"),
            Some("l") => Some(" SET COMPRESSION lz4"),
            _ => None,
        };
        all.extend(
            storage
                .into_iter()
                .chain(compression)
                .map(|setting| alter().then(setting)),
        );
    }
    if let Some(target) = column.statistics_target {
        all.push(alter().then(" SET STATISTICS ").number(i64::from(target)));
    }
    if !column.options.is_empty() {
        let options = column
            .options
            .iter()
            .map(|option| storage_parameter(Sql::text(""), option));
        all.push(alter().then(" SET (").append(&Sql::join(options, ", ")).then(")"));
    }
    let object = ObjectName::part(ObjectKind::Column, &column.name, &twin.staging);
    all.into_iter()
        .map(|sql| Step::new("set the options of", object.clone(), sql))
        .collect()
}

/// Replica identities that need no index.
pub(super) fn replica_identity(twin: &Twin<'_>) -> Option<Step> {
    let sql = match twin.live.replica_identity.as_str() {
        "f" => " REPLICA IDENTITY FULL",
        "n" if !twin.has_query() => " REPLICA IDENTITY NOTHING",
        _ => return None,
    };
    Some(Step::new(
        "set the replica identity of",
        twin.object(),
        twin.alter_only().then(sql),
    ))
}

/// Extended statistics, under their final name from the start.
pub(super) fn statistics(
    twin: &Twin<'_>,
    live: &ExtendedStatistics,
    staging: &QualifiedName,
    snapshot: &CatalogSnapshot,
) -> Vec<Step> {
    let kinds: Vec<Sql> = live
        .kinds
        .iter()
        .filter_map(|kind| match kind.as_str() {
            "d" => Some(Sql::text("ndistinct")),
            "f" => Some(Sql::text("dependencies")),
            "m" => Some(Sql::text("mcv")),
            _ => None,
        })
        .collect();
    let mut create = Sql::text("CREATE STATISTICS ").name(staging);
    if !kinds.is_empty() {
        create = create.then(" (").append(&Sql::join(kinds, ", ")).then(")");
    }
    create = create
        .then(" ON ")
        .deparsed(&live.columns)
        .then(" FROM ")
        .name(&twin.staging);
    let mut steps = vec![("create", create)];
    let alter = || Sql::text("ALTER STATISTICS ").name(staging);
    if let Some(target) = live.target {
        steps.push((
            "set the target of",
            alter().then(" SET STATISTICS ").number(i64::from(target)),
        ));
    }
    if let Some(comment) = &live.comment {
        let sql = Sql::text("COMMENT ON STATISTICS ")
            .name(staging)
            .then(" IS ")
            .literal(comment);
        steps.push(("comment on", sql));
    }
    if live.owner != snapshot.server.role {
        steps.push(("give away", alter().then(" OWNER TO ").ident(&live.owner)));
    }
    let object = ObjectName::qualified(ObjectKind::ExtendedStatistics, staging);
    steps
        .into_iter()
        .map(|(purpose, sql)| Step::new(purpose, object.clone(), sql))
        .collect()
}

/// Comments on the relation and, where `LIKE` did not bring them, on its columns.
pub(super) fn comments(twin: &Twin<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(comment) = &twin.live.comment {
        let sql = twin
            .verb("COMMENT ON ")
            .name(&twin.staging)
            .then(" IS ")
            .literal(comment);
        steps.push(Step::new("comment on", twin.object(), sql));
    }
    if twin.has_query() || is_in_tree(twin.live) {
        for column in &twin.live.columns {
            let Some(comment) = &column.comment else { continue };
            let sql = Sql::text("COMMENT ON COLUMN ")
                .name(&twin.staging)
                .then(".")
                .ident(&column.name)
                .then(" IS ")
                .literal(comment);
            let object = ObjectName::part(ObjectKind::Column, &column.name, &twin.staging);
            steps.push(Step::new("comment on", object, sql));
        }
    }
    steps
}

/// The owner, then every privilege down to columns and sequences.
pub(super) fn owner_and_grants(
    twin: &Twin<'_>,
    sequences: &[(ObjectName, QualifiedName, &cutover_core::catalog::OwnedSequence)],
    snapshot: &CatalogSnapshot,
) -> (Vec<Step>, Vec<DeferredStep>) {
    let server = &snapshot.server;
    let mut steps = Vec::new();
    // The sequences go with their table.
    if twin.live.owner != server.role {
        let sql = twin.alter().then(" OWNER TO ").ident(&twin.live.owner);
        steps.push(Step::new("give away", twin.object(), sql));
    }
    let table = Sql::text("TABLE ").name(&twin.staging);
    let mut granted = Vec::new();
    let mut grant = |object: ObjectName, statements: Vec<Sql>| {
        if !statements.is_empty() {
            let sql = Sql::join(statements, ";\n");
            let action = DeferredAction::SetPrivileges { object, sql };
            granted.push(DeferredStep::new(&twin.staging, action));
        }
    };
    let mut keep = |object: ObjectName, grants: &Grants<'_>| {
        steps.extend(
            grants
                .keep_to_the_owner()
                .map(|sql| Step::new("keep to its owner", object, sql)),
        );
    };
    let of_table = Grants {
        on: table,
        owner: &twin.live.owner,
        live: &twin.live.acl,
        given: &server.default_table_acl,
        creator: &server.role,
        public_by_default: false,
    };
    keep(twin.object(), &of_table);
    grant(twin.object(), of_table.statements());
    for column in &twin.live.columns {
        let object = ObjectName::part(ObjectKind::Column, &column.name, &twin.staging);
        grant(object, of_table.on_column(&column.name, &column.acl));
    }
    for column in &twin.live.system_columns {
        let object = ObjectName::part(ObjectKind::Column, &column.name, &twin.staging);
        grant(object, of_table.on_column(&column.name, &column.acl));
    }
    for (object, name, sequence) in sequences {
        let of_sequence = Grants {
            on: Sql::text("SEQUENCE ").name(name),
            owner: &sequence.owner,
            live: &sequence.acl,
            given: &server.default_sequence_acl,
            creator: &server.role,
            public_by_default: false,
        };
        keep(object.clone(), &of_sequence);
        grant(object.clone(), of_sequence.statements());
    }
    for (object, name, sequence) in sequences {
        if let Some(comment) = &sequence.comment {
            let sql = Sql::text("COMMENT ON SEQUENCE ")
                .name(name)
                .then(" IS ")
                .literal(comment);
            steps.push(Step::new("comment on", object.clone(), sql));
        }
    }
    (steps, granted)
}
