//! The comparison, part by part.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use cutover_core::catalog::{Column, Kin, Relation};
use cutover_core::{Deparsed, Ident, ObjectKind, ObjectName, QualifiedName};

use super::counterparts::Counterparts;
use super::text::{is_reprint, same_default};
use super::{Change, Difference, acl};

pub(super) fn compare(
    live: &Relation,
    staging: &Relation,
    counterparts: &Counterparts<'_>,
) -> Vec<Difference> {
    let mut comparison = Comparison {
        live,
        staging,
        counterparts,
        found: Vec::new(),
    };
    comparison.relation();
    comparison.columns();
    comparison.constraints();
    comparison.indexes();
    comparison.triggers();
    comparison.rules();
    comparison.policies();
    comparison.system_columns();
    comparison.sequences();
    comparison.statistics();
    comparison.found
}

pub(super) struct Comparison<'a> {
    pub(super) live: &'a Relation,
    pub(super) staging: &'a Relation,
    pub(super) counterparts: &'a Counterparts<'a>,
    pub(super) found: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    pub(super) fn missing(&mut self, object: ObjectName) {
        self.found.push(Difference::missing(object));
    }

    pub(super) fn extra(&mut self, object: ObjectName) {
        self.found.push(Difference::extra(object));
    }

    pub(super) fn differs(
        &mut self,
        object: &ObjectName,
        property: &str,
        live: impl Display,
        staging: impl Display,
    ) {
        self.found.push(Difference {
            object: object.clone(),
            change: Change::Different {
                property: property.to_owned(),
                live: live.to_string(),
                staging: staging.to_string(),
            },
        });
    }

    pub(super) fn equal<T: PartialEq + Display + ?Sized>(
        &mut self,
        object: &ObjectName,
        property: &str,
        a: &T,
        b: &T,
    ) {
        if a != b {
            self.differs(object, property, a, b);
        }
    }

    pub(super) fn equal_option<T: PartialEq + Display>(
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

    pub(super) fn equal_list<T: PartialEq + Display>(
        &mut self,
        object: &ObjectName,
        property: &str,
        a: &[T],
        b: &[T],
    ) {
        if a != b {
            self.differs(object, property, print_list(a), print_list(b));
        }
    }

    pub(super) fn equal_text(
        &mut self,
        object: &ObjectName,
        property: &str,
        of: (ObjectKind, &Ident),
        a: &Deparsed,
        b: &Deparsed,
    ) {
        if a != b && !self.is_reprint(of.0, of.1, a, b) {
            self.differs(object, property, a, b);
        }
    }

    pub(super) fn is_reprint(&self, kind: ObjectKind, name: &Ident, a: &Deparsed, b: &Deparsed) -> bool {
        is_reprint(self.counterparts.reprinted(&self.live.name), kind, name, a, b)
    }

    /// Pairs things that are named within their relation; returns those that both have.
    pub(super) fn named<T>(
        &mut self,
        (live, staging): (&'a [T], &'a [T]),
        name: impl Fn(&'a T) -> &'a Ident,
        object: impl Fn(&T) -> ObjectName,
    ) -> Vec<(ObjectName, &'a T, &'a T)> {
        let mut theirs: HashMap<&Ident, &'a T> = staging.iter().map(|b| (name(b), b)).collect();
        let mut both = Vec::new();
        for a in live {
            match theirs.remove(name(a)) {
                Some(b) => both.push((object(a), a, b)),
                None => self.missing(object(a)),
            }
        }
        for b in staging.iter().filter(|b| theirs.contains_key(name(b))) {
            self.extra(object(b));
        }
        both
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
        self.equal(
            &object,
            "persistence",
            a.persistence.as_str(),
            b.persistence.as_str(),
        );
        self.kinship(&object);
        self.equal_option(&object, "type of rows", a.of_type.as_ref(), b.of_type.as_ref());
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
        self.equal_list(&object, "security labels", &a.security_labels, &b.security_labels);
        self.extensions(&object, &a.depends_on_extensions, &b.depends_on_extensions);
        if !acl::same(&a.acl, &b.acl, &a.built_in_acl) {
            self.differs(&object, "privileges", acl::print(&a.acl), acl::print(&b.acl));
        }
        if let (Some(x), Some(y)) = (&a.definition, &b.definition) {
            self.equal_text(&object, "query", (a.kind.object_kind(), &a.name.name), x, y);
        }
    }

    /// Parents and children, by their twins' names where they are members.
    fn kinship(&mut self, object: &ObjectName) {
        let (a, b) = (self.live, self.staging);
        let twins =
            |kin: &[Kin]| -> Vec<QualifiedName> { kin.iter().map(|kin| self.twin_name(kin)).collect() };
        let names = |kin: &[Kin]| -> Vec<QualifiedName> { kin.iter().map(|kin| kin.name.clone()).collect() };
        let sorted = |mut names: Vec<QualifiedName>| {
            names.sort();
            names
        };
        let parents = (twins(&a.inherits_from), names(&b.inherits_from));
        let children = (sorted(twins(&a.inherited_by)), sorted(names(&b.inherited_by)));
        self.equal_list(object, "parents", &parents.0, &parents.1);
        self.equal_list(object, "partitions or children", &children.0, &children.1);
        self.equal_option(
            object,
            "partition key",
            a.partition_key.as_ref(),
            b.partition_key.as_ref(),
        );
        let bound = |relation: &'a Relation| relation.partition.as_ref().map(|partition| &partition.bound);
        self.equal_option(object, "partition bound", bound(a), bound(b));
        let detaching = |relation: &Relation| relation.partition.as_ref().is_some_and(|p| p.detaching);
        self.equal(object, "being detached", &detaching(a), &detaching(b));
    }

    /// The name of a relation's twin; of what has none, its own.
    fn twin_name(&self, kin: &Kin) -> QualifiedName {
        self.counterparts.expected(kin.oid, &kin.name)
    }

    fn columns(&mut self) {
        let (live, staging) = (self.live, self.staging);
        let object = |column: &Column| ObjectName::part(ObjectKind::Column, &column.name, &live.name);
        let both = self.named((&live.columns, &staging.columns), |column| &column.name, object);
        for (object, a, b) in &both {
            self.column(object, a, b);
        }
        let shared: HashSet<&Ident> = both.iter().map(|(_, a, _)| &a.name).collect();
        let order = |of: &'a Relation| -> Vec<&'a Ident> {
            let names = of.columns.iter().map(|column| &column.name);
            names.filter(|name| shared.contains(name)).collect()
        };
        self.equal_list(&live.object(), "order of columns", &order(live), &order(staging));
    }

    /// Whether the one has the row type of a live member, or an array of it, and the other that of its twin.
    fn is_twins_row(&self, a: &Column, b: &Column) -> bool {
        let is_array = |column: &Column| column.data_type.as_str().ends_with("[]");
        let twin = a.row_type_of.and_then(|live| self.counterparts.twin_oid(live));
        twin.is_some() && twin == b.row_type_of && is_array(a) == is_array(b)
    }

    fn column(&mut self, object: &ObjectName, a: &Column, b: &Column) {
        if !self.is_twins_row(a, b) {
            self.equal(object, "type", &a.data_type, &b.data_type);
        }
        self.equal_option(object, "collation", a.collation.as_ref(), b.collation.as_ref());
        self.equal(object, "local definition", &a.local, &b.local);
        self.equal(
            object,
            "number of parents with it",
            &a.inherit_count,
            &b.inherit_count,
        );
        self.equal(object, "NOT NULL", &a.not_null, &b.not_null);
        let reprint = match (&a.default, &b.default) {
            (Some(x), Some(y)) => self.is_reprint(ObjectKind::Column, &a.name, x, y),
            _ => false,
        };
        if !reprint && !same_default(a, b, self.counterparts) {
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
        self.equal_list(object, "security labels", &a.security_labels, &b.security_labels);
        if !acl::same(&a.acl, &b.acl, &[]) {
            self.differs(object, "privileges", acl::print(&a.acl), acl::print(&b.acl));
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
