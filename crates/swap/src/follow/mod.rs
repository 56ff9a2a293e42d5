//! Views, functions and rules outside the set that follow it: each is replaced in place by its own definition, whose
//! names mean the new relations by then. Oid, owner, grants, comments and whatever depends on it stay.

mod function;
mod rights;
mod rule;
mod view;

use cutover_core::catalog::{CatalogSnapshot, DependentFunction, DependentRule, DependentView, Referent};
use cutover_core::{QualifiedName, Step};

use crate::members::Member;
use crate::refused::Refusal;

/// What follows the set, and how.
pub(crate) struct Followers<'a> {
    /// Innermost first. Views that read only views and functions which stay what they are find those as they are.
    views: Vec<&'a DependentView>,
    functions: Vec<&'a DependentFunction>,
    rules: Vec<&'a DependentRule>,
}

impl<'a> Followers<'a> {
    pub(crate) fn of(live: &'a CatalogSnapshot) -> Self {
        let mut views: Vec<_> = live.views.iter().filter(|view| view.direct).collect();
        views.sort_by(|a, b| (a.depth, &a.name).cmp(&(b.depth, &b.name)));
        let over_the_set = |referent: &Referent| match referent {
            Referent::Relation(oid) => !live.views.iter().any(|view| view.oid == *oid),
            Referent::Function(_) => false,
        };
        Self {
            views,
            functions: live.functions.iter().filter(|function| function.direct).collect(),
            rules: live
                .rules
                .iter()
                .filter(|rule| rule.refers_to.iter().any(over_the_set))
                .collect(),
        }
    }

    /// Collects what cannot follow, and what the role may not do.
    pub(crate) fn check(&self, live: &CatalogSnapshot, members: &[Member<'_>], refusals: &mut Vec<Refusal>) {
        for view in &self.views {
            view::check(view, members, refusals);
        }
        for function in &self.functions {
            function::check(function, members, refusals);
        }
        rights::check(self, live, refusals);
    }

    /// What locks the views and functions, outermost first: readers lock a view before what it reads.
    pub(crate) fn locks(&self) -> Vec<Step> {
        let functions = self.functions.iter().map(|function| function::lock(function));
        let of_rules = self.views_of_rules().map(|rule| rule::lock(rule));
        let views = self.views.iter().rev().map(|view| view::lock(view));
        functions.chain(of_rules).chain(views).collect()
    }

    /// The oids of what [`locks`](Self::locks) locks that readers may be using.
    pub(crate) fn locked_oids(&self) -> impl Iterator<Item = u32> {
        let of_rules = self.views_of_rules().map(|rule| rule.relation_oid);
        of_rules.chain(self.views.iter().map(|view| view.oid))
    }

    /// What makes them follow, once the relations have changed names.
    pub(crate) fn repoint(&self) -> Vec<Step> {
        let views = self.views.iter().map(|view| view::replace(view));
        let functions = self.functions.iter().map(|function| function::replace(function));
        let rules = self.rules.iter().map(|rule| rule::replace(rule));
        views.chain(functions).chain(rules).collect()
    }

    /// One rule of each view that is locked for its rules alone.
    fn views_of_rules(&self) -> impl Iterator<Item = &'a DependentRule> {
        let mut seen: Vec<&QualifiedName> = self.views.iter().map(|view| &view.name).collect();
        let rules = self.rules.iter().copied();
        rules.filter(move |rule| {
            let first = !seen.contains(&&rule.relation);
            if first {
                seen.push(&rule.relation);
            }
            first
        })
    }
}
