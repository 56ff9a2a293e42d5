//! The bare table: columns, defaults, checks, storage, and its sequences.

use cutover_core::catalog::{
    CatalogSnapshot, Column, Constraint, ConstraintKind, OwnedSequence, Persistence, Relation,
};
use cutover_core::{Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Step};

use super::row_type;
use super::twin::Twin;
use crate::deferred::comment_on_constraint;

/// `CREATE TABLE … (LIKE …)`, with what `LIKE` copies exactly: expressions go over as parsed trees, not as text.
///
/// Left out on purpose: identity, whose sequence would get a name of the server's choice; indexes and statistics, for
/// the same reason; and what `LIKE` does not know.
pub(super) fn create(twin: &Twin<'_>, snapshot: &CatalogSnapshot) -> Step {
    let mut sql = Sql::text(match twin.live.persistence {
        Persistence::Unlogged => "CREATE UNLOGGED TABLE ",
        Persistence::Permanent | Persistence::Temporary => "CREATE TABLE ",
    });
    sql = sql
        .name(&twin.scratch)
        .then(" (LIKE ")
        .name(&twin.live.name)
        .then(" INCLUDING DEFAULTS")
        .then(if row_type::checks_are_text(twin.live, snapshot) {
            ""
        } else {
            " INCLUDING CONSTRAINTS"
        })
        .then(" INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)");
    if let Some(key) = &twin.live.partition_key {
        sql = sql.then(" PARTITION BY ").deparsed(key);
    }
    sql = storage_clauses(sql, twin.live);
    Step::new("create", twin.object(), sql).locking(LockMode::AccessShare, &twin.live.name)
}

/// Where `LIKE` did not bring it.
pub(super) fn comment_on_check(twin: &Twin<'_>, check: &Constraint) -> Option<Step> {
    let comment = check.comment.as_ref()?;
    let object = ObjectName::part(ObjectKind::Constraint, &check.name, &twin.staging);
    let sql = comment_on_constraint(&twin.scratch, &check.name, comment);
    Some(Step::new("comment on", object, sql))
}

/// Makes the table typed, as it were `CREATE TABLE … OF type`: its columns are that type's already.
pub(super) fn set_type(twin: &Twin<'_>) -> Option<Step> {
    let of_type = twin.live.of_type.as_ref()?;
    let sql = twin.alter_in_scratch().then(" OF ").name(of_type);
    Some(Step::new("give its type to", twin.object(), sql))
}

/// ` USING … WITH (…) TABLESPACE …`
pub(super) fn storage_clauses(mut sql: Sql, live: &Relation) -> Sql {
    // The transaction's default is heap.
    if let Some(access_method) = live.access_method.as_ref().filter(|am| am.as_str() != "heap") {
        sql = sql.then(" USING ").ident(access_method);
    }
    let own = live
        .options
        .iter()
        .map(|option| storage_parameter(Sql::text(""), option));
    let toast = live
        .toast_options
        .iter()
        .map(|option| storage_parameter(Sql::text("toast."), option));
    let parameters: Vec<Sql> = own.chain(toast).collect();
    if !parameters.is_empty() {
        sql = sql.then(" WITH (").append(&Sql::join(parameters, ", ")).then(")");
    }
    match &live.tablespace {
        Some(tablespace) => sql.then(" TABLESPACE ").ident(tablespace),
        None => sql,
    }
}

/// `fillfactor=70` → `"fillfactor" = '70'`.
pub(crate) fn storage_parameter(prefix: Sql, option: &str) -> Sql {
    let (name, value) = option.split_once('=').unwrap_or((option, "true"));
    match Ident::new(name) {
        Ok(name) => prefix.ident(&name).then(" = ").literal(value),
        // The server keeps no parameter without a name.
        Err(_) => prefix,
    }
}

/// The sequence of a serial column, under live's name so that defaults find it.
pub(super) fn create_sequence(twin: &Twin<'_>, sequence: &OwnedSequence, staging: &QualifiedName) -> Step {
    let name = QualifiedName::new(twin.scratch.schema.clone(), sequence.name.name.clone());
    // Whatever its table is: PostgreSQL 15 and newer can have each without the other.
    let sql = Sql::text(match sequence.persistence {
        Persistence::Unlogged => "CREATE UNLOGGED SEQUENCE ",
        Persistence::Permanent | Persistence::Temporary => "CREATE SEQUENCE ",
    });
    let sql = sql.name(&name).then(" AS ").deparsed(&sequence.data_type);
    let sql = sequence_parameters(sql, sequence)
        .then(" OWNED BY ")
        .name(&twin.scratch)
        .then(".")
        .ident(&sequence.column);
    Step::new(
        "create",
        ObjectName::qualified(ObjectKind::Sequence, staging),
        sql,
    )
}

/// The identity of a column, with its sequence under its final name.
///
/// Made in the scratch schema, as all relations are: what default privileges give `IN SCHEMA` of the set would stay on it.
pub(super) fn add_identity(
    twin: &Twin<'_>,
    column: &Column,
    sequence: &OwnedSequence,
    staging: &QualifiedName,
) -> Step {
    let name = QualifiedName::new(twin.scratch.schema.clone(), staging.name.clone());
    let sql = twin
        .alter_in_scratch()
        .then(" ALTER COLUMN ")
        .ident(&column.name)
        .then(if column.identity == "a" {
            " ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "
        } else {
            " ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME "
        })
        .name(&name);
    Step::new(
        "add the identity of",
        ObjectName::part(ObjectKind::Column, &column.name, &twin.staging),
        sequence_parameters(sql, sequence).then(")"),
    )
}

/// An identity's sequence is made as its table is, logged or not; where live's was altered, so is this.
///
/// Up to PostgreSQL 14 every sequence is logged, and nothing can alter that.
pub(super) fn sequence_persistence(
    twin: &Twin<'_>,
    sequence: &OwnedSequence,
    staging: &QualifiedName,
    version_num: u32,
) -> Option<Step> {
    if version_num < 150_000 || !sequence.identity || sequence.persistence == twin.live.persistence {
        return None;
    }
    let sql = Sql::text("ALTER SEQUENCE ")
        .name(&QualifiedName::new(
            twin.scratch.schema.clone(),
            staging.name.clone(),
        ))
        .then(match sequence.persistence {
            Persistence::Unlogged => " SET UNLOGGED",
            Persistence::Permanent | Persistence::Temporary => " SET LOGGED",
        });
    let object = ObjectName::qualified(ObjectKind::Sequence, staging);
    Some(Step::new("set the persistence of", object, sql))
}

fn sequence_parameters(sql: Sql, sequence: &OwnedSequence) -> Sql {
    sql.then(" START WITH ")
        .number(sequence.start)
        .then(" INCREMENT BY ")
        .number(sequence.increment)
        .then(" MINVALUE ")
        .number(sequence.min)
        .then(" MAXVALUE ")
        .number(sequence.max)
        .then(" CACHE ")
        .number(sequence.cache)
        .then(if sequence.cycle { " CYCLE" } else { " NO CYCLE" })
}

/// Goes on where live stands when the statement runs, so that no id is given twice.
pub(super) fn continue_sequence(sequence: &OwnedSequence, staging: &QualifiedName) -> Step {
    Step::new(
        "continue",
        ObjectName::qualified(ObjectKind::Sequence, staging),
        Sql::text("SELECT pg_catalog.setval(")
            .literal(&staging.to_string())
            .then(", last_value, is_called) FROM ")
            .name(&sequence.name),
    )
    .locking(LockMode::AccessShare, &sequence.name)
}

/// A default that names a sequence of the set, read again where that name means the twin's; or one that was not made with
/// its column.
pub(super) fn set_default(twin: &Twin<'_>, column: &Column) -> Option<Step> {
    let default = column.default.as_ref()?;
    let purpose = if column.default_sequences.is_empty() {
        "set the default of"
    } else {
        "re-point the default of"
    };
    Some(Step::new(
        purpose,
        ObjectName::part(ObjectKind::Column, &column.name, &twin.staging),
        twin.alter_only_in_scratch()
            .then(" ALTER COLUMN ")
            .ident(&column.name)
            .then(" SET DEFAULT ")
            .deparsed(default),
    ))
}

/// `LIKE` makes every check and `NOT NULL` valid; one that is `NOT VALID` (or `NOT ENFORCED`) on live is made again.
pub(super) fn invalidate_check(twin: &Twin<'_>, check: &Constraint) -> Vec<Step> {
    let object = || ObjectName::part(ObjectKind::Constraint, &check.name, &twin.staging);
    let mut steps = vec![Step::new(
        "make NOT VALID again",
        object(),
        twin.alter_in_scratch()
            .then(" DROP CONSTRAINT ")
            .ident(&check.name)
            .then(", ADD CONSTRAINT ")
            .ident(&check.name)
            .then(" ")
            .deparsed(&check.definition),
    )];
    if let Some(comment) = &check.comment {
        steps.push(Step::new(
            "comment on",
            object(),
            comment_on_constraint(&twin.scratch, &check.name, comment),
        ));
    }
    steps
}

/// Checks that `LIKE` copies without their state.
pub(super) fn unvalidated_checks(live: &Relation) -> impl Iterator<Item = &Constraint> {
    live.constraints
        .iter()
        .filter(|constraint| matches!(constraint.kind, ConstraintKind::Check | ConstraintKind::NotNull))
        .filter(|constraint| !constraint.validated)
}

/// Comments on `NOT NULL` constraints that stayed as `LIKE` made them. It brings those on checks, but these only in some
/// releases.
pub(super) fn comments_on_not_null(twin: &Twin<'_>) -> impl Iterator<Item = Step> {
    twin.live
        .constraints
        .iter()
        .filter(|constraint| constraint.kind == ConstraintKind::NotNull && constraint.validated)
        .filter_map(|constraint| {
            let comment = constraint.comment.as_ref()?;
            Some(Step::new(
                "comment on",
                ObjectName::part(ObjectKind::Constraint, &constraint.name, &twin.staging),
                comment_on_constraint(&twin.staging, &constraint.name, comment),
            ))
        })
}
