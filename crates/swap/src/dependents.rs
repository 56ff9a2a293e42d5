//! What outside the set refers to it: what follows the swap and how, and what cannot.

use cutover_core::catalog::{
    CatalogSnapshot, ConstraintKind, DependentFunction, DependentRule, DependentView, InboundForeignKey,
    Relation, RelationKind,
};
use cutover_core::{Ident, LockMode, ObjectKind, ObjectName, QualifiedName, Sql, Step};

use crate::members::Member;
use crate::refused::{Refusal, RefusalKind};

/// Collects everything that would keep pointing at the backup set and cannot be re-pointed.
pub(crate) fn check(
    live: &CatalogSnapshot,
    incoming: &CatalogSnapshot,
    members: &[Member<'_>],
    refusals: &mut Vec<Refusal>,
) {
    let materialized = |view: &&DependentView| view.kind == RelationKind::MaterializedView;
    for view in live.views.iter().filter(materialized) {
        let reason = "reads the set and would keep the old data";
        let (reason, remedy) = match live.stays_behind(view) {
            Some(why) => (
                format!("{reason}: it cannot come along, because it {why}"),
                why.remedy(),
            ),
            None => (
                reason.to_owned(),
                "build staging with it (`[swap] matviews = \"follow\"`, the default), so that it comes along; or drop \
                 it before the swap and create it again after it",
            ),
        };
        refusals.push(Refusal::new(RefusalKind::View, view.object(), reason, remedy));
    }
    for key in &live.inbound_foreign_keys {
        check_key(key, incoming, members, refusals);
    }
    for dependent in &live.other_dependents {
        let reason = format!(
            "depends on {} and would go on with the backup set",
            dependent.member
        );
        refusals.push(Refusal::new(
            RefusalKind::Dependent,
            &dependent.description,
            reason,
            remedy(&dependent.kind),
        ));
    }
}

/// What can be done about a dependent of this kind, as `pg_identify_object` calls it.
fn remedy(kind: &str) -> &'static str {
    match kind {
        "table column" | "foreign table column" | "composite type column" => {
            "give the column another type: jsonb, or a composite type (CREATE TYPE … AS) that is no table's"
        }
        "type" => {
            "drop the type before the swap and create it again after it, or make it over one that is no table's"
        }
        "table constraint" | "domain constraint" => {
            "drop the constraint before the swap and add it again after it, or check the same in a trigger that finds the \
             relation by name"
        }
        "table" | "foreign table" => "put it into the release set as well, or make it independent of the set",
        _ => "drop it before the swap and create it again after it",
    }
}

/// What the operator should know of that stops nothing.
pub(crate) fn warnings(live: &CatalogSnapshot, incoming: &CatalogSnapshot) -> Vec<String> {
    let triggers = live.server.event_triggers.iter().map(|trigger| {
        let object = ObjectName::global(ObjectKind::EventTrigger, trigger);
        format!(
            "{object} fires on the swap's DDL and may veto it; rehearse the swap, or disable it meanwhile"
        )
    });
    let views = incoming.views.iter().map(|view| {
        format!(
            "{} reads what goes live, and will read live after the swap",
            view.object()
        )
    });
    let others = incoming.other_dependents.iter().map(|dependent| {
        format!(
            "{} depends on {}, and will depend on live after the swap",
            dependent.description, dependent.member
        )
    });
    let parts = incoming.parts.iter().map(|part| {
        format!(
            "{} names what goes live, and will name live after the swap",
            part.object()
        )
    });
    let functions = incoming.functions.iter().map(DependentFunction::object);
    let rules = incoming.rules.iter().map(DependentRule::object);
    let named = functions
        .chain(rules)
        .map(|object| format!("{object} names what goes live, and will name live after the swap"));
    triggers
        .chain(views)
        .chain(named)
        .chain(parts)
        .chain(others)
        .collect()
}

fn check_key(
    key: &InboundForeignKey,
    incoming: &CatalogSnapshot,
    members: &[Member<'_>],
    refusals: &mut Vec<Refusal>,
) {
    let object = ObjectName::part(ObjectKind::Constraint, &key.name, &key.table);
    let mut refuse = |reason: String, remedy| {
        refusals.push(Refusal::new(RefusalKind::ForeignKey, &object, reason, remedy));
    };
    if incoming
        .relations
        .iter()
        .any(|relation| relation.oid == key.table_oid)
    {
        let reason = format!("goes live with its table but points at {}", key.references.table);
        refuse(reason, "build staging again: its keys must point at staging");
        return;
    }
    if !key.may_act_as_owner {
        let reason = format!(
            "is of a table of {}, whose rights the session's role does not have",
            key.owner
        );
        let remedy = "connect as the owner, or GRANT the owning role";
        refusals.push(Refusal::new(RefusalKind::Rights, &object, reason, remedy));
    }
    let mut refuse = |reason: String, remedy| {
        refusals.push(Refusal::new(RefusalKind::ForeignKey, &object, reason, remedy));
    };
    if key.partitioned {
        let remedy = "drop it before the swap; after it add it NOT VALID to each partition, VALIDATE each, and only then add \
                      it to the partitioned table, which takes those over without looking at their rows";
        refuse(
            "is of a partitioned table, where it could only be added by looking at every row under the locks"
                .to_owned(),
            remedy,
        );
    }
    if !key.triggers_as_made {
        refuse(
            "has triggers that were disabled, or enabled for replicas, which would not come along".to_owned(),
            "ALTER TABLE … ENABLE TRIGGER ALL on its table and on what it refers to, or drop the key before the swap",
        );
    }
    if key.temporal {
        refuse(
            "has a PERIOD, whose rows cannot be looked at beforehand".to_owned(),
            "drop it before the swap and create it again after it",
        );
    }
    if key.validated && key.bound_by_row_security {
        let reason = "is of a table whose row-level security hides rows from the session's role: those that would be \
                      orphaned could not be found";
        let remedy = "swap as a role with BYPASSRLS, or ALTER TABLE … NO FORCE ROW LEVEL SECURITY meanwhile";
        refuse(reason.to_owned(), remedy);
    }
    let Some(member) = members
        .iter()
        .find(|member| member.live.oid == key.references.oid)
    else {
        return;
    };
    // A key may also point at a mere unique index; its pairing is checked with the indexes.
    let is_key = |relation: &Relation| {
        relation
            .constraints
            .iter()
            .any(|c| backs(c, &key.references.columns))
    };
    if is_key(member.live) && !is_key(member.incoming) {
        let reason = format!("needs a unique key that {} does not have", member.incoming.name);
        refuse(reason, "build staging again, or drop the foreign key");
    }
}

/// Whether a unique constraint covers exactly these columns, in whatever order.
fn backs(constraint: &cutover_core::catalog::Constraint, columns: &[Ident]) -> bool {
    matches!(
        constraint.kind,
        ConstraintKind::PrimaryKey | ConstraintKind::Unique
    ) && constraint.columns.len() == columns.len()
        && constraint.columns.iter().all(|column| columns.contains(column))
}

/// Drops the key and adds it again: under its name it then finds the new table. Existing rows are checked after the
/// swap, by [`validate_key`].
pub(crate) fn repoint_key(key: &InboundForeignKey, schema: &Ident) -> Vec<Step> {
    let object = ObjectName::part(ObjectKind::Constraint, &key.name, &key.table);
    // By now the old table bears its backup name; the key's definition has the live one.
    let referenced = QualifiedName::new(schema.clone(), key.references.table.name.clone());
    let mut sql = Sql::text("ALTER TABLE ")
        .name(&key.table)
        .then(" DROP CONSTRAINT ")
        .ident(&key.name)
        .then(", ADD CONSTRAINT ")
        .ident(&key.name)
        .then(" FOREIGN KEY (")
        .idents(&key.columns)
        .then(") REFERENCES ")
        .name(&referenced)
        .then(" (")
        .idents(&key.references.columns)
        .then(")");
    sql = sql.then(match key.references.match_type.as_str() {
        "f" => " MATCH FULL",
        "p" => " MATCH PARTIAL",
        _ => "",
    });
    sql = sql.then(on_update(&key.references.on_update));
    sql = sql.then(on_delete(&key.references.on_delete));
    if !key.references.on_delete_columns.is_empty() {
        sql = sql.then(" (").idents(&key.references.on_delete_columns).then(")");
    }
    if key.deferrable {
        sql = sql.then(" DEFERRABLE");
    }
    if key.deferred {
        sql = sql.then(" INITIALLY DEFERRED");
    }
    // One that is not enforced has no rows to look at, now or later.
    let validity = if key.enforced {
        " NOT VALID"
    } else {
        " NOT ENFORCED"
    };
    let mut steps = vec![
        Step::new("re-point", object.clone(), sql.then(validity))
            .locking(LockMode::AccessExclusive, &key.table)
            .locking(LockMode::AccessExclusive, &referenced),
    ];
    if let Some(comment) = &key.comment {
        let sql = Sql::text("COMMENT ON CONSTRAINT ")
            .ident(&key.name)
            .then(" ON ")
            .name(&key.table);
        steps.push(Step::new("comment on", object, sql.then(" IS ").literal(comment)));
    }
    steps
}

fn on_update(action: &str) -> &'static str {
    match action {
        "r" => " ON UPDATE RESTRICT",
        "c" => " ON UPDATE CASCADE",
        "n" => " ON UPDATE SET NULL",
        "d" => " ON UPDATE SET DEFAULT",
        _ => "",
    }
}

fn on_delete(action: &str) -> &'static str {
    match action {
        "r" => " ON DELETE RESTRICT",
        "c" => " ON DELETE CASCADE",
        "n" => " ON DELETE SET NULL",
        "d" => " ON DELETE SET DEFAULT",
        _ => "",
    }
}

/// Checks the rows of a re-pointed key, after the swap and without stopping readers or writers.
pub(crate) fn validate_key(key: &InboundForeignKey, schema: &Ident) -> Step {
    let object = ObjectName::part(ObjectKind::Constraint, &key.name, &key.table);
    let referenced = QualifiedName::new(schema.clone(), key.references.table.name.clone());
    let sql = Sql::text("ALTER TABLE ")
        .name(&key.table)
        .then(" VALIDATE CONSTRAINT ")
        .ident(&key.name);
    Step::new("validate", object, sql)
        .locking(LockMode::ShareUpdateExclusive, &key.table)
        .locking(LockMode::RowShare, &referenced)
        .done_when(cutover_core::DoneWhen::Repeatable)
}
