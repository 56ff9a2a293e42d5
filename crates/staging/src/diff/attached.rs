//! The comparison of what hangs on a relation: constraints, indexes, triggers, sequences, statistics.

use std::collections::HashMap;

use cutover_core::catalog::{
    Constraint, ConstraintKind, ExtendedStatistics, Index, Kin, OwnedSequence, Trigger,
};
use cutover_core::{Ident, ObjectKind, ObjectName, QualifiedName};

use super::acl;
use super::compare::Comparison;
use super::text::same_trigger;

impl<'a> Comparison<'a> {
    pub(super) fn constraints(&mut self) {
        let (live, staging) = (self.live, self.staging);
        let object =
            |constraint: &Constraint| ObjectName::part(ObjectKind::Constraint, &constraint.name, &live.name);
        let mut theirs: HashMap<&Ident, &Constraint> =
            staging.constraints.iter().map(|b| (&b.name, b)).collect();
        for a in &live.constraints {
            // A key bears its index's name, so it is found by the index.
            let name = match &a.index {
                Some(index) => {
                    let index = live.name.with_name(index.clone());
                    let twin = self.counterparts.part(ObjectKind::Index, &index);
                    twin.map(|twin| &twin.name)
                }
                None => Some(&a.name),
            };
            let twin = name.filter(|name| theirs.get(name).is_some_and(|b| b.kind == a.kind));
            match twin.and_then(|name| theirs.remove(name)) {
                Some(b) => self.constraint(&object(a), a, b),
                None => self.missing(object(a)),
            }
        }
        for b in staging
            .constraints
            .iter()
            .filter(|b| theirs.contains_key(&b.name))
        {
            self.extra(object(b));
        }
    }

    fn constraint(&mut self, object: &ObjectName, a: &Constraint, b: &Constraint) {
        self.equal(object, "deferrable", &a.deferrable, &b.deferrable);
        self.equal(object, "initially deferred", &a.deferred, &b.deferred);
        self.equal(object, "validated", &a.validated, &b.validated);
        self.equal(object, "enforced", &a.enforced, &b.enforced);
        self.equal(object, "temporal", &a.temporal, &b.temporal);
        self.equal(object, "local definition", &a.local, &b.local);
        self.equal(
            object,
            "number of parents with it",
            &a.inherit_count,
            &b.inherit_count,
        );
        self.equal_option(object, "comment", a.comment.as_ref(), b.comment.as_ref());
        self.equal_list(object, "columns", &a.columns, &b.columns);
        if a.kind != ConstraintKind::ForeignKey {
            self.equal_text(
                object,
                "definition",
                (ObjectKind::Constraint, &a.name),
                &a.definition,
                &b.definition,
            );
            return;
        }
        let (Some(x), Some(y)) = (&a.references, &b.references) else {
            return;
        };
        let expected = self.counterparts.expected(x.oid, &x.table);
        self.equal(object, "referenced table", &expected, &y.table);
        self.equal_list(object, "referenced columns", &x.columns, &y.columns);
        self.equal(object, "match", &x.match_type, &y.match_type);
        self.equal(object, "action on update", &x.on_update, &y.on_update);
        self.equal(object, "action on delete", &x.on_delete, &y.on_delete);
        self.equal_list(
            object,
            "columns set on delete",
            &x.on_delete_columns,
            &y.on_delete_columns,
        );
    }

    /// Pairs the parts of one kind; returns those that both have.
    fn paired<T>(
        &mut self,
        kind: ObjectKind,
        live: &'a [T],
        staging: &'a [T],
        name: impl Fn(&'a T) -> &'a QualifiedName,
    ) -> Vec<(ObjectName, &'a T, &'a T)> {
        let object = |part: &'a T| ObjectName::qualified(kind, name(part));
        let mut theirs: HashMap<&QualifiedName, &'a T> = staging.iter().map(|b| (name(b), b)).collect();
        let mut both = Vec::new();
        for a in live {
            let twin = self.counterparts.part(kind, name(a));
            match twin.and_then(|twin| theirs.remove(twin)) {
                Some(b) => both.push((object(a), a, b)),
                None => self.missing(object(a)),
            }
        }
        for b in staging.iter().filter(|b| theirs.contains_key(name(b))) {
            self.extra(object(b));
        }
        both
    }

    pub(super) fn indexes(&mut self) {
        for (object, a, b) in self.paired(
            ObjectKind::Index,
            &self.live.indexes,
            &self.staging.indexes,
            |i: &Index| &i.name,
        ) {
            self.equal(&object, "unique", &a.unique, &b.unique);
            self.equal(&object, "primary", &a.primary, &b.primary);
            // An invalid index of live is built anew and valid, as the plan's notice says.
            if a.valid {
                self.equal(&object, "valid", &a.valid, &b.valid);
            }
            self.extensions(&object, &a.depends_on_extensions, &b.depends_on_extensions);
            let parent = a.parent.as_ref().map(|parent| self.twin_of_index(parent));
            self.equal_option(
                &object,
                "partitioned index",
                parent.as_ref(),
                b.parent.as_ref().map(|p| &p.name),
            );
            self.equal(&object, "CLUSTER mark", &a.clustered, &b.clustered);
            self.equal(
                &object,
                "replica identity",
                &a.replica_identity,
                &b.replica_identity,
            );
            self.equal_option(
                &object,
                "tablespace",
                a.tablespace.as_ref(),
                b.tablespace.as_ref(),
            );
            self.equal_option(&object, "comment", a.comment.as_ref(), b.comment.as_ref());
            let targets = |index: &Index| -> Vec<String> {
                let each = index.statistics_targets.iter();
                each.map(|(column, target)| format!("{column}: {target}"))
                    .collect()
            };
            self.equal_list(&object, "statistics targets", &targets(a), &targets(b));
            self.equal_text(
                &object,
                "definition",
                (ObjectKind::Index, &a.name.name),
                &a.tail,
                &b.tail,
            );
        }
    }

    /// The staging name of a partitioned table's index.
    fn twin_of_index(&self, index: &Kin) -> QualifiedName {
        let twin = self.counterparts.part(ObjectKind::Index, &index.name);
        twin.unwrap_or(&index.name).clone()
    }

    pub(super) fn triggers(&mut self) {
        let (live, staging) = (self.live, self.staging);
        let object = |trigger: &Trigger| ObjectName::part(ObjectKind::Trigger, &trigger.name, &live.name);
        let both = self.named(
            (&live.triggers, &staging.triggers),
            |trigger| &trigger.name,
            object,
        );
        for (object, a, b) in both {
            let reprint = self.is_reprint(ObjectKind::Trigger, &a.name, &a.definition, &b.definition);
            if !reprint && !same_trigger(live, a, staging, b) {
                self.differs(&object, "definition", &a.definition, &b.definition);
            }
            self.equal(&object, "state", &a.enabled, &b.enabled);
            self.equal(&object, "inheritance", &a.inherited, &b.inherited);
            self.equal_option(&object, "comment", a.comment.as_ref(), b.comment.as_ref());
            self.equal_option(
                &object,
                "comment on its constraint",
                a.constraint_comment.as_ref(),
                b.constraint_comment.as_ref(),
            );
            self.extensions(&object, &a.depends_on_extensions, &b.depends_on_extensions);
        }
    }

    pub(super) fn sequences(&mut self) {
        for (object, a, b) in self.paired(
            ObjectKind::Sequence,
            &self.live.sequences,
            &self.staging.sequences,
            |s: &OwnedSequence| &s.name,
        ) {
            self.equal(&object, "column", &a.column, &b.column);
            self.equal(&object, "identity", &a.identity, &b.identity);
            self.equal(
                &object,
                "persistence",
                a.persistence.as_str(),
                b.persistence.as_str(),
            );
            self.equal(&object, "owner", &a.owner, &b.owner);
            self.equal(&object, "type", &a.data_type, &b.data_type);
            self.equal(&object, "start", &a.start, &b.start);
            self.equal(&object, "increment", &a.increment, &b.increment);
            self.equal(&object, "minimum", &a.min, &b.min);
            self.equal(&object, "maximum", &a.max, &b.max);
            self.equal(&object, "cache", &a.cache, &b.cache);
            self.equal(&object, "cycle", &a.cycle, &b.cycle);
            self.equal_option(&object, "comment", a.comment.as_ref(), b.comment.as_ref());
            self.equal_list(&object, "security labels", &a.security_labels, &b.security_labels);
            if !acl::same(&a.acl, &b.acl, &a.built_in_acl) {
                self.differs(&object, "privileges", acl::print(&a.acl), acl::print(&b.acl));
            }
        }
    }

    pub(super) fn statistics(&mut self) {
        for (object, a, b) in self.paired(
            ObjectKind::ExtendedStatistics,
            &self.live.statistics,
            &self.staging.statistics,
            |s: &ExtendedStatistics| &s.name,
        ) {
            self.equal(&object, "owner", &a.owner, &b.owner);
            self.equal_list(&object, "kinds", &a.kinds, &b.kinds);
            self.equal_option(&object, "target", a.target.as_ref(), b.target.as_ref());
            self.equal_option(&object, "comment", a.comment.as_ref(), b.comment.as_ref());
            self.equal_text(
                &object,
                "columns",
                (ObjectKind::ExtendedStatistics, &a.name.name),
                &a.columns,
                &b.columns,
            );
        }
    }
}
