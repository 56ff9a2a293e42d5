//! What outside the set has to change places with it.
//!
//! A materialized view keeps the rows of those relations that it was made over, and its query cannot be changed
//! afterwards: one that reads the set is made anew beside it, from the new rows, and takes its place in the same swap. So
//! are the plain views through which it reads the set, because they too must mean the new rows before the swap.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::{CatalogSnapshot, DependentView, Referent, RelationKind};
use crate::{Ident, ObjectName, QualifiedName};

/// A relation outside the set that changes places with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Companion {
    /// Its name, in the set's schema.
    pub name: Ident,
    /// Materialized view, or a plain view that one reads.
    pub kind: RelationKind,
}

/// Why a materialized view that reads the set cannot come along.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StaysBehind {
    /// It is in another schema.
    OtherSchema,
    /// It belongs to this extension.
    Extension(Ident),
    /// It reads the set by calling this function, which reads live until the swap.
    Function(ObjectName),
    /// It reads the set through a view or materialized view that cannot come along.
    Through(QualifiedName, Box<StaysBehind>),
}

impl StaysBehind {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::OtherSchema => "ALTER … SET SCHEMA, so that it is where the set is, or drop it",
            Self::Extension(_) => "drop it, or take the relation that it reads out of the set",
            Self::Function(_) => "let its query read the relations themselves, or drop it",
            Self::Through(_, why) => why.remedy(),
        }
    }
}

impl fmt::Display for StaysBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSchema => write!(f, "is in another schema than the set"),
            Self::Extension(extension) => write!(f, "belongs to the extension {extension}"),
            Self::Function(function) => write!(f, "reads the set by calling {function}"),
            Self::Through(view, why) => write!(f, "reads the set through {view}, which {why}"),
        }
    }
}

impl CatalogSnapshot {
    /// The materialized views outside the set that read it and can change places with it, and the plain views through which
    /// they or materialized views of the set do; each after those that it reads. Pure.
    ///
    /// Read together with these, the set has no companions any more.
    #[must_use]
    pub fn companions(&self) -> Vec<Companion> {
        let outside = self
            .views
            .iter()
            .filter(|view| view.kind == RelationKind::MaterializedView);
        let outside = outside.filter(|view| self.stays_behind(view).is_none());
        self.with_views_between(&outside.map(|view| view.oid).collect())
    }

    /// Of [`companions`](Self::companions) only those that materialized views of the set itself need.
    #[must_use]
    pub fn companions_of_members(&self) -> Vec<Companion> {
        self.with_views_between(&BTreeSet::new())
    }

    /// Why a materialized view outside the set, or a view that one reads, cannot change places with it; `None` where it can.
    #[must_use]
    pub fn stays_behind(&self, view: &DependentView) -> Option<StaysBehind> {
        self.stays_behind_seen(view, &mut BTreeSet::new())
    }

    /// `seen` ends circles: two plain views can be made to read each other.
    fn stays_behind_seen(&self, view: &DependentView, seen: &mut BTreeSet<u32>) -> Option<StaysBehind> {
        if !seen.insert(view.oid) {
            return None;
        }
        if view.name.schema != self.schema {
            return Some(StaysBehind::OtherSchema);
        }
        if let Some(extension) = &view.extension {
            return Some(StaysBehind::Extension(extension.clone()));
        }
        view.refers_to.iter().find_map(|referent| match referent {
            Referent::Function(oid) => {
                let function = self.functions.iter().find(|function| function.oid == *oid)?;
                Some(StaysBehind::Function(function.object()))
            }
            Referent::Relation(oid) => {
                let inner = self.views.iter().find(|inner| inner.oid == *oid)?;
                let why = self.stays_behind_seen(inner, seen)?;
                Some(StaysBehind::Through(inner.name.clone(), Box::new(why)))
            }
        })
    }

    /// `matviews` of [`views`](Self::views) and every view between the set and them or the set's own.
    fn with_views_between(&self, matviews: &BTreeSet<u32>) -> Vec<Companion> {
        let views: BTreeMap<u32, &DependentView> = self.views.iter().map(|view| (view.oid, view)).collect();
        let members = self.relations.iter().filter(|member| member.kind.has_query());
        let mut waiting: Vec<u32> = members.flat_map(|member| member.reads.iter().copied()).collect();
        waiting.extend(matviews);
        let mut come = BTreeSet::new();
        while let Some(oid) = waiting.pop() {
            let Some(view) = views.get(&oid) else { continue };
            let comes = view.kind == RelationKind::View || matviews.contains(&oid);
            if !comes || self.stays_behind(view).is_some() || !come.insert(oid) {
                continue;
            }
            waiting.extend(view.refers_to.iter().filter_map(|referent| match referent {
                Referent::Relation(oid) => Some(*oid),
                Referent::Function(_) => None,
            }));
        }
        // Nearest to the set first.
        let come = self.views.iter().filter(|view| come.contains(&view.oid));
        come.map(|view| Companion {
            name: view.name.name.clone(),
            kind: view.kind,
        })
        .collect()
    }
}
