//! The comparison, part by part.

use std::fmt::Display;

use cutover_core::catalog::{
    Column, Constraint, ConstraintKind, ExtendedStatistics, Index, OwnedSequence, Relation,
};
use cutover_core::{Deparsed, Ident, ObjectKind, ObjectName, QualifiedName};

use super::text::{is_reprint, same_default, same_trigger};
use super::{Change, Difference, acl};
use crate::StagedSet;
use crate::staged::{PartPair, StagedMember};

pub(super) fn compare(live: &Relation, staging: &Relation, set: &StagedSet) -> Vec<Difference> {
    let unpaired;
    let member = if let Some(member) = set.members.iter().find(|member| member.live == live.name) {
        member
    } else {
        unpaired = StagedMember {
            live: live.name.clone(),
            live_oid: live.oid,
            staging: staging.name.clone(),
            oid: staging.oid,
            kind: live.kind,
            parts: Vec::new(),
            reprinted: Vec::new(),
        };
        &unpaired
    };
    let mut comparison = Comparison {
        live,
        staging,
        set,
        member,
        found: Vec::new(),
    };
    comparison.relation();
    comparison.columns();
    comparison.constraints();
    comparison.indexes();
    comparison.triggers();
    comparison.sequences();
    comparison.statistics();
    comparison.found
}

struct Comparison<'a> {
    live: &'a Relation,
    staging: &'a Relation,
    set: &'a StagedSet,
    member: &'a StagedMember,
    found: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    fn missing(&mut self, object: ObjectName) {
        self.found.push(Difference {
            object,
            change: Change::Missing,
        });
    }

    fn extra(&mut self, object: ObjectName) {
        self.found.push(Difference {
            object,
            change: Change::Extra,
        });
    }

    fn differs(&mut self, object: &ObjectName, property: &str, live: impl Display, staging: impl Display) {
        self.found.push(Difference {
            object: object.clone(),
            change: Change::Different {
                property: property.to_owned(),
                live: live.to_string(),
                staging: staging.to_string(),
            },
        });
    }

    fn equal<T: PartialEq + Display + ?Sized>(&mut self, object: &ObjectName, property: &str, a: &T, b: &T) {
        if a != b {
            self.differs(object, property, a, b);
        }
    }

    fn equal_option<T: PartialEq + Display>(
        &mut self,
        object: &ObjectName,
        property: &str,
        a: Option<&T>,
        b: Option<&T>,
    ) {
        if a != b {
            self.differs(object, property, print_option(a), print_option(b));
        }
    }

    fn equal_list<T: PartialEq + Display>(&mut self, object: &ObjectName, property: &str, a: &[T], b: &[T]) {
        if a != b {
            self.differs(object, property, print_list(a), print_list(b));
        }
    }

    fn equal_text(
        &mut self,
        object: &ObjectName,
        property: &str,
        of: (ObjectKind, &Ident),
        a: &Deparsed,
        b: &Deparsed,
    ) {
        if a != b && !is_reprint(self.member, of.0, of.1, a, b) {
            self.differs(object, property, a, b);
        }
    }

    fn relation(&mut self) {
        let (a, b) = (self.live, self.staging);
        let object = a.object();
        self.equal(
            &object,
            "kind",
            a.kind.object_kind().as_str(),
            b.kind.object_kind().as_str(),
        );
        self.equal(&object, "owner", &a.owner, &b.owner);
        if a.persistence != b.persistence {
            let name = |relation: &Relation| format!("{:?}", relation.persistence).to_lowercase();
            self.differs(&object, "persistence", name(a), name(b));
        }
        self.equal_option(
            &object,
            "access method",
            a.access_method.as_ref(),
            b.access_method.as_ref(),
        );
        self.equal_option(
            &object,
            "tablespace",
            a.tablespace.as_ref(),
            b.tablespace.as_ref(),
        );
        self.equal_list(
            &object,
            "storage parameters",
            &sorted(&a.options),
            &sorted(&b.options),
        );
        self.equal_list(
            &object,
            "storage parameters of its TOAST table",
            &sorted(&a.toast_options),
            &sorted(&b.toast_options),
        );
        self.equal_option(&object, "comment", a.comment.as_ref(), b.comment.as_ref());
        self.equal(&object, "row security", &a.row_security, &b.row_security);
        self.equal(
            &object,
            "forced row security",
            &a.force_row_security,
            &b.force_row_security,
        );
        self.equal(
            &object,
            "replica identity",
            &a.replica_identity,
            &b.replica_identity,
        );
        self.equal_list(&object, "policies", &a.policies, &b.policies);
        self.equal_list(&object, "rules", &a.rules, &b.rules);
        if !acl::same(&a.acl, &b.acl, &a.owner, acl::OF_TABLES) {
            self.differs(&object, "privileges", acl::print(&a.acl), acl::print(&b.acl));
        }
        if let (Some(x), Some(y)) = (&a.definition, &b.definition) {
            self.equal_text(
                &object,
                "query",
                (ObjectKind::MaterializedView, &a.name.name),
                x,
                y,
            );
        }
    }

    fn columns(&mut self) {
        let (live, staging) = (self.live, self.staging);
        let object = |column: &Column| ObjectName::part(ObjectKind::Column, &column.name, &live.name);
        for a in &live.columns {
            match staging.column(&a.name) {
                Some(b) => self.column(&object(a), a, b),
                None => self.missing(object(a)),
            }
        }
        for b in staging.columns.iter().filter(|b| live.column(&b.name).is_none()) {
            self.extra(object(b));
        }
        let shared = |from: &'a Relation, in_: &Relation| -> Vec<&'a Ident> {
            let names = from.columns.iter().map(|column| &column.name);
            names.filter(|name| in_.column(name).is_some()).collect()
        };
        self.equal_list(
            &live.object(),
            "order of columns",
            &shared(live, staging),
            &shared(staging, live),
        );
    }

    fn column(&mut self, object: &ObjectName, a: &Column, b: &Column) {
        self.equal(object, "type", &a.data_type, &b.data_type);
        self.equal_option(object, "collation", a.collation.as_ref(), b.collation.as_ref());
        self.equal(object, "NOT NULL", &a.not_null, &b.not_null);
        if !same_default(a, b, self.set) {
            self.differs(
                object,
                "default",
                print_option(a.default.as_ref()),
                print_option(b.default.as_ref()),
            );
        }
        self.equal(object, "generation", &a.generated, &b.generated);
        self.equal(object, "identity", &a.identity, &b.identity);
        self.equal_option(object, "storage", a.storage.as_ref(), b.storage.as_ref());
        self.equal_option(
            object,
            "compression",
            a.compression.as_ref(),
            b.compression.as_ref(),
        );
        self.equal_option(
            object,
            "statistics target",
            a.statistics_target.as_ref(),
            b.statistics_target.as_ref(),
        );
        self.equal_list(object, "options", &sorted(&a.options), &sorted(&b.options));
        self.equal_option(object, "comment", a.comment.as_ref(), b.comment.as_ref());
        if !acl::same(&a.acl, &b.acl, &self.live.owner, acl::OF_COLUMNS) {
            self.differs(object, "privileges", acl::print(&a.acl), acl::print(&b.acl));
        }
    }

    fn constraints(&mut self) {
        let (live, staging) = (self.live, self.staging);
        let object =
            |constraint: &Constraint| ObjectName::part(ObjectKind::Constraint, &constraint.name, &live.name);
        let mut seen = Vec::new();
        for a in &live.constraints {
            // A key bears its index's name, so it is found by the index.
            let name = match &a.index {
                Some(index) => self
                    .member
                    .part(ObjectKind::Index, &live.name.with_name(index.clone()))
                    .map(|name| &name.name),
                None => Some(&a.name),
            };
            let twin = staging
                .constraints
                .iter()
                .find(|b| Some(&b.name) == name && b.kind == a.kind);
            match twin {
                Some(b) => {
                    seen.push(&b.name);
                    self.constraint(&object(a), a, b);
                }
                None => self.missing(object(a)),
            }
        }
        for b in staging.constraints.iter().filter(|b| !seen.contains(&&b.name)) {
            self.extra(object(b));
        }
    }

    fn constraint(&mut self, object: &ObjectName, a: &Constraint, b: &Constraint) {
        self.equal(object, "deferrable", &a.deferrable, &b.deferrable);
        self.equal(object, "initially deferred", &a.deferred, &b.deferred);
        self.equal(object, "validated", &a.validated, &b.validated);
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
        let twin = self.set.members.iter().find(|member| member.live_oid == x.oid);
        let expected: &QualifiedName = twin.map_or(&x.table, |member| &member.staging);
        self.equal(object, "referenced table", expected, &y.table);
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
        name: impl Fn(&T) -> &QualifiedName,
    ) -> Vec<(ObjectName, &'a T, &'a T)> {
        let object = |part: &T| ObjectName::qualified(kind, name(part));
        let mut both = Vec::new();
        for a in live {
            let twin = self.member.part(kind, name(a));
            match staging.iter().find(|b| Some(name(b)) == twin) {
                Some(b) => both.push((object(a), a, b)),
                None => self.missing(object(a)),
            }
        }
        let is_twin = |part: &&PartPair, b: &T| {
            part.kind == kind && part.staging == *name(b) && live.iter().any(|a| *name(a) == part.live)
        };
        let extra: Vec<ObjectName> = staging
            .iter()
            .filter(|b| !self.member.parts.iter().any(|part| is_twin(&part, b)))
            .map(object)
            .collect();
        for object in extra {
            self.extra(object);
        }
        both
    }

    fn indexes(&mut self) {
        for (object, a, b) in self.paired(
            ObjectKind::Index,
            &self.live.indexes,
            &self.staging.indexes,
            |i: &Index| &i.name,
        ) {
            self.equal(&object, "unique", &a.unique, &b.unique);
            self.equal(&object, "primary", &a.primary, &b.primary);
            self.equal(&object, "valid", &a.valid, &b.valid);
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

    fn triggers(&mut self) {
        let (live, staging) = (self.live, self.staging);
        let object = |name: &Ident| ObjectName::part(ObjectKind::Trigger, name, &live.name);
        for a in &live.triggers {
            let object = object(&a.name);
            let Some(b) = staging.triggers.iter().find(|b| b.name == a.name) else {
                self.missing(object);
                continue;
            };
            let reprint = is_reprint(
                self.member,
                ObjectKind::Trigger,
                &a.name,
                &a.definition,
                &b.definition,
            );
            if !reprint && !same_trigger(live, a, staging, b) {
                self.differs(&object, "definition", &a.definition, &b.definition);
            }
            self.equal(&object, "state", &a.enabled, &b.enabled);
            self.equal_option(&object, "comment", a.comment.as_ref(), b.comment.as_ref());
        }
        for b in &staging.triggers {
            if !live.triggers.iter().any(|a| a.name == b.name) {
                self.extra(object(&b.name));
            }
        }
    }

    fn sequences(&mut self) {
        for (object, a, b) in self.paired(
            ObjectKind::Sequence,
            &self.live.sequences,
            &self.staging.sequences,
            |s: &OwnedSequence| &s.name,
        ) {
            self.equal(&object, "column", &a.column, &b.column);
            self.equal(&object, "identity", &a.identity, &b.identity);
            self.equal(&object, "owner", &a.owner, &b.owner);
            self.equal(&object, "type", &a.data_type, &b.data_type);
            self.equal(&object, "start", &a.start, &b.start);
            self.equal(&object, "increment", &a.increment, &b.increment);
            self.equal(&object, "minimum", &a.min, &b.min);
            self.equal(&object, "maximum", &a.max, &b.max);
            self.equal(&object, "cache", &a.cache, &b.cache);
            self.equal(&object, "cycle", &a.cycle, &b.cycle);
            self.equal_option(&object, "comment", a.comment.as_ref(), b.comment.as_ref());
            if !acl::same(&a.acl, &b.acl, &a.owner, acl::OF_SEQUENCES) {
                self.differs(&object, "privileges", acl::print(&a.acl), acl::print(&b.acl));
            }
        }
    }

    fn statistics(&mut self) {
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

fn print_option<T: Display>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn print_list<T: Display>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    values.join(", ")
}

fn sorted(options: &[String]) -> Vec<&String> {
    let mut options: Vec<&String> = options.iter().collect();
    options.sort();
    options
}
