//! What declared changes make of a clone: what is left out, what is done to the twins, what cannot be.

use std::borrow::Cow;

use cutover_core::catalog::{CatalogSnapshot, ConstraintKind, Relation, RelationKind};
use cutover_core::{Deparsed, Ident, NamingPolicy, ObjectKind, ObjectName, Plan, QualifiedName, Sql, Step};

use super::{DeclaredChange, DeclaredChanges, Expected};
use crate::Refusal;

impl DeclaredChanges {
    /// The snapshot without what the clone leaves out. Columns, check constraints and sequences stay: `LIKE` brings the
    /// former two, so they are dropped afterwards, and a sequence goes with its column or by a statement.
    pub(crate) fn left_out<'a>(&self, snapshot: &'a CatalogSnapshot) -> Cow<'a, CatalogSnapshot> {
        if self.changes.is_empty() {
            return Cow::Borrowed(snapshot);
        }
        let declared = self.passed_down(snapshot);
        let mut kept = snapshot.clone();
        for relation in &mut kept.relations {
            for change in declared.of(&relation.name.clone()).filter(|change| change.goes()) {
                leave_out(relation, change.object.kind, &change.object.name);
            }
        }
        Cow::Owned(kept)
    }

    /// Live as it will be, as far as the declarations tell: what a swap can be planned from before anything is staged.
    ///
    /// Columns come and go and change their type; what type is not known yet, so a stand-in tells that it is another. Other
    /// parts only go: of one that comes nothing is known but its name.
    #[must_use]
    pub fn as_declared(&self, live: &CatalogSnapshot) -> CatalogSnapshot {
        let declared = self.passed_down(live);
        let mut expected = live.clone();
        for relation in &mut expected.relations {
            for change in declared.of(&relation.name.clone()) {
                let name = &change.object.name;
                match (&change.expected, change.object.kind) {
                    (Expected::Dropped, ObjectKind::Column) => {
                        relation.columns.retain(|column| column.name != *name);
                        relation.sequences.retain(|sequence| sequence.column != *name);
                    }
                    (Expected::Dropped, ObjectKind::Sequence) => {
                        relation.sequences.retain(|sequence| sequence.name.name != *name);
                    }
                    (Expected::Dropped, kind) => leave_out(relation, kind, name),
                    (Expected::Added, ObjectKind::Column) => {
                        if let Some(mut column) = relation.columns.first().cloned() {
                            column.name = name.clone();
                            column.data_type = another_type();
                            relation.columns.push(column);
                        }
                    }
                    (Expected::Altered { property }, ObjectKind::Column)
                        if property == "type" || property == "collation" =>
                    {
                        let altered = relation.columns.iter_mut().find(|column| column.name == *name);
                        if let Some(column) = altered {
                            column.data_type = another_type();
                        }
                    }
                    _ => {}
                }
            }
        }
        expected
    }

    /// What is done to the twins of `relations` once they stand: what `LIKE` brought is dropped, then the statements.
    pub(crate) fn steps(
        &self,
        snapshot: &CatalogSnapshot,
        relations: &[&Relation],
        naming: &NamingPolicy,
    ) -> Plan {
        let mut plan = Plan::new("make the declared changes", snapshot.fingerprint.clone());
        for relation in relations {
            let twin = naming.staging(&relation.name);
            let goes = self.of(&relation.name).filter(|change| change.goes());
            plan.steps
                .extend(goes.filter_map(|change| drop_step(relation, &twin, change)));
            for statement in self.statements.iter().filter(|s| s.relation == relation.name) {
                let object = ObjectName::qualified(relation.kind.object_kind(), &twin);
                plan.steps.push(Step::new(
                    "change the structure of",
                    object,
                    statement.sql.clone(),
                ));
            }
        }
        if !plan.steps.is_empty() {
            let own = [snapshot.schema.clone()];
            let path = if self.search_path.is_empty() {
                &own[..]
            } else {
                &self.search_path
            };
            let schema = ObjectName::global(ObjectKind::Schema, &snapshot.schema);
            let sql = Sql::text("SET LOCAL search_path = ").idents(path);
            plan.steps.insert(0, Step::new("look names up in", schema, sql));
        }
        plan
    }

    /// What cannot be as it is declared, seen from live alone.
    pub(crate) fn refusals(
        &self,
        snapshot: &CatalogSnapshot,
        concerned: impl Fn(&Relation) -> bool,
    ) -> Vec<Refusal> {
        let declared = self.passed_down(snapshot);
        let mut refusals = Vec::new();
        for relation in snapshot.relations.iter().filter(|relation| concerned(relation)) {
            for change in declared.of(&relation.name) {
                let on_live = has(relation, change);
                match change.expected {
                    Expected::Added if on_live => refusals.push(Refusal::new(
                        change.object.clone(),
                        "is declared to be added, and live has it",
                        "take the change out of the release file: it has happened",
                    )),
                    Expected::Dropped | Expected::Altered { .. } if !on_live => {
                        refusals.push(Refusal::new(
                            change.object.clone(),
                            "is declared to be dropped or altered, and live does not have it",
                            "take the change out of the release file, or mend the name",
                        ));
                    }
                    _ => {}
                }
            }
            declared.refuse_orphaned_constraints(relation, &mut refusals);
        }
        refusals
    }

    /// A constraint goes with its column, and that must be meant.
    fn refuse_orphaned_constraints(&self, relation: &Relation, refusals: &mut Vec<Refusal>) {
        let name = &relation.name;
        for constraint in &relation.constraints {
            let goes = |column: &&Ident| self.declares(name, ObjectKind::Column, column, &Expected::Dropped);
            let declared = self.declares(name, ObjectKind::Constraint, &constraint.name, &Expected::Dropped);
            if let Some(column) = constraint.columns.iter().find(goes)
                && !declared
            {
                refusals.push(Refusal::new(
                    ObjectName::part(ObjectKind::Constraint, &constraint.name, name),
                    format!("covers column {column}, which is declared to be dropped"),
                    "declare the constraint as dropped too, or keep the column",
                ));
            }
        }
    }
}

/// Never part of a statement: a swap names no types.
fn another_type() -> Deparsed {
    Deparsed::from_server("another type".to_owned())
}

impl DeclaredChange {
    /// Whether the clone is not to bring it over as it is on live.
    fn goes(&self) -> bool {
        match self.expected {
            Expected::Dropped => true,
            Expected::Altered { .. } => !matches!(
                self.object.kind,
                ObjectKind::Column | ObjectKind::Sequence | ObjectKind::Table
            ),
            Expected::Added => false,
        }
    }
}

fn leave_out(relation: &mut Relation, kind: ObjectKind, name: &Ident) {
    match kind {
        ObjectKind::Index => relation.indexes.retain(|index| index.name.name != *name),
        ObjectKind::Constraint => {
            // One that `LIKE` copies is dropped from the twin; the index of a key goes with it.
            relation
                .constraints
                .retain(|constraint| constraint.name != *name || constraint.kind == ConstraintKind::Check);
            relation
                .indexes
                .retain(|index| index.constraint.as_ref() != Some(name));
        }
        ObjectKind::Trigger => relation.triggers.retain(|trigger| trigger.name != *name),
        ObjectKind::ExtendedStatistics => relation.statistics.retain(|s| s.name.name != *name),
        ObjectKind::Policy => relation.policies.retain(|policy| policy.name != *name),
        ObjectKind::Rule => relation.rules.retain(|rule| rule.name != *name),
        _ => {}
    }
}

/// A statement for what came over in spite of being declared as going.
fn drop_step(relation: &Relation, twin: &QualifiedName, change: &DeclaredChange) -> Option<Step> {
    let name = &change.object.name;
    let alter = || Sql::text("ALTER TABLE ").name(twin);
    let sql = match change.object.kind {
        // The columns of a materialized view are those of its query.
        ObjectKind::Column if relation.kind != RelationKind::MaterializedView => {
            alter().then(" DROP COLUMN ").ident(name)
        }
        ObjectKind::Constraint
            if relation
                .constraints
                .iter()
                .any(|c| c.name == *name && c.kind == ConstraintKind::Check) =>
        {
            alter().then(" DROP CONSTRAINT ").ident(name)
        }
        _ => return None,
    };
    let object = ObjectName::part(change.object.kind, name, twin);
    Some(Step::new("drop, as declared,", object, sql))
}

/// Whether live has what a change is about.
fn has(relation: &Relation, change: &DeclaredChange) -> bool {
    let name = &change.object.name;
    match change.object.kind {
        ObjectKind::Column => relation.column(name).is_some(),
        ObjectKind::Constraint => relation.constraints.iter().any(|c| c.name == *name),
        ObjectKind::Index => relation.indexes.iter().any(|index| index.name.name == *name),
        ObjectKind::Trigger => relation.triggers.iter().any(|trigger| trigger.name == *name),
        ObjectKind::Sequence => relation.sequences.iter().any(|s| s.name.name == *name),
        ObjectKind::ExtendedStatistics => relation.statistics.iter().any(|s| s.name.name == *name),
        ObjectKind::Policy => relation.policies.iter().any(|policy| policy.name == *name),
        ObjectKind::Rule => relation.rules.iter().any(|rule| rule.name == *name),
        _ => true,
    }
}
