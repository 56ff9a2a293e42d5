//! Views, functions and rules outside the set that follow it.
//!
//! Each is *replaced in place* by its own definition, whose names mean the new relations by then: oid, owner, grants,
//! comments and whatever depends on it stay. What is made of a member's row type, or whose columns change their types,
//! cannot be: it is dropped and *made anew*, with all that hung on it. What reads something that is made anew, and is not
//! itself, is turned into a *stub* of the same shape meanwhile, which depends on nothing.

mod anew;
mod function;
mod gone;
mod graph;
mod rights;
mod rule;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::catalog::{CatalogSnapshot, DependentFunction, DependentRule, DependentView, Referent};
use cutover_core::{QualifiedName, Step};

use crate::members::Member;
use crate::refused::{Refusal, RefusalKind};
use graph::Follower;

/// What follows the set, and how.
pub(crate) struct Followers<'a> {
    live: &'a CatalogSnapshot,
    all: BTreeMap<Referent, Follower<'a>>,
    /// What is made anew, each after what it is made of.
    anew: Vec<Follower<'a>>,
    /// What stays and is replaced, views innermost first.
    views: Vec<&'a DependentView>,
    functions: Vec<&'a DependentFunction>,
    rules: Vec<&'a DependentRule>,
    made_anew: BTreeSet<Referent>,
}

impl<'a> Followers<'a> {
    /// Sorts them, and collects what cannot follow and what the role may not do.
    pub(crate) fn of(live: &'a CatalogSnapshot, members: &[Member<'_>], refusals: &mut Vec<Refusal>) -> Self {
        let all = Follower::all(live);
        let made_anew = graph::made_anew(&all, members);
        let anew = graph::in_order(&all, &made_anew).unwrap_or_else(|follower| {
            let reason = "reads itself through others, and has to be dropped and made anew";
            let remedy = "drop it before the swap and create it again after it";
            refusals.push(Refusal::new(
                RefusalKind::Dependent,
                follower.object(),
                reason,
                remedy,
            ));
            Vec::new()
        });
        // What reads only views and functions that stay what they are finds those as they are.
        let moves = |referents: &[Referent]| {
            referents
                .iter()
                .any(|to| made_anew.contains(to) || !all.contains_key(to))
        };
        let stays = |referent| !made_anew.contains(&referent);
        let mut views: Vec<_> = live
            .views
            .iter()
            .filter(|view| stays(Referent::Relation(view.oid)) && moves(&view.refers_to))
            .collect();
        views.sort_by(|a, b| (a.depth, &a.name).cmp(&(b.depth, &b.name)));
        let functions = live
            .functions
            .iter()
            .filter(|function| stays(Referent::Function(function.oid)) && moves(&function.refers_to))
            .collect();
        // The rules of a view that is made anew are, too.
        let rules = live
            .rules
            .iter()
            .filter(|rule| stays(Referent::Relation(rule.relation_oid)) && moves(&rule.refers_to))
            .collect();
        let followers = Self {
            live,
            all,
            anew,
            views,
            functions,
            rules,
            made_anew,
        };
        followers.check(members, refusals);
        followers
    }

    fn check(&self, members: &[Member<'_>], refusals: &mut Vec<Refusal>) {
        let anew = |referent: &Referent| self.made_anew.contains(referent);
        for follower in self.touched() {
            match follower {
                Follower::View(view) => view::check(view, members, refusals),
                Follower::Function(function) => function::check(function, refusals),
            }
        }
        for dependent in self.live.upper_dependents.iter().filter(|d| anew(&d.on)) {
            let told = self
                .live
                .other_dependents
                .iter()
                .any(|o| o.description == dependent.description);
            let Some(on) = self.all.get(&dependent.on).filter(|_| !told) else {
                continue;
            };
            let reason = format!(
                "depends on {}, which has to be dropped and made anew",
                on.object()
            );
            let remedy = "drop it before the swap and create it again after it";
            refusals.push(Refusal::new(
                RefusalKind::Dependent,
                &dependent.description,
                reason,
                remedy,
            ));
        }
        gone::check(self.live, members, refusals);
        rights::check(self, refusals);
    }

    /// All views and functions that a step touches.
    fn touched(&self) -> impl Iterator<Item = Follower<'a>> {
        let views = self.views.iter().copied().map(Follower::View);
        let functions = self.functions.iter().copied().map(Follower::Function);
        views.chain(functions).chain(self.anew.iter().copied())
    }

    /// What the operator should know of that stops nothing.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let functions = self
            .anew
            .iter()
            .filter(|follower| matches!(follower, Follower::Function(_)));
        functions
            .map(|function| {
                format!(
                    "{} is made of a row type of the set and is dropped and made anew: a statement that calls it, began \
                     before the swap and is held up by it fails with \"cache lookup failed for function\"; it works when \
                     it is sent again",
                    function.object()
                )
            })
            .collect()
    }

    /// What locks the views and functions, outermost first: readers lock a view before what it reads.
    pub(crate) fn locks(&self) -> Vec<Step> {
        let functions = self.touched().filter_map(|follower| match follower {
            Follower::Function(function) => Some(function::lock(function)),
            Follower::View(_) => None,
        });
        let of_rules = self.views_of_rules().map(rule::lock);
        let views = self.locked_views().into_iter().rev().map(view::lock);
        functions.chain(of_rules).chain(views).collect()
    }

    /// The oids of what [`locks`](Self::locks) locks that readers may be using.
    pub(crate) fn locked_oids(&self) -> impl Iterator<Item = u32> {
        let of_rules = self.views_of_rules().map(|rule| rule.relation_oid);
        of_rules.chain(self.locked_views().into_iter().map(|view| view.oid))
    }

    /// Innermost first.
    fn locked_views(&self) -> Vec<&'a DependentView> {
        let mut views: Vec<&DependentView> = self
            .touched()
            .filter_map(|follower| match follower {
                Follower::View(view) => Some(view),
                Follower::Function(_) => None,
            })
            .collect();
        views.sort_by(|a, b| (a.depth, &a.name).cmp(&(b.depth, &b.name)));
        views
    }

    /// Before any relation changes its name: what is made anew is dropped, once nothing refers to it any more.
    pub(crate) fn clear_away(&self) -> Vec<Step> {
        let on_anew = |referents: &[Referent]| referents.iter().any(|to| self.made_anew.contains(to));
        // Those of views that go, too: they may refer to others that go.
        let rules = self.live.rules.iter().filter(|rule| on_anew(&rule.refers_to));
        let views = self.views.iter().rev().filter(|view| on_anew(&view.refers_to));
        let functions = self
            .functions
            .iter()
            .filter(|function| on_anew(&function.refers_to));
        // These go, but first they let go of each other: bodies may refer to each other in circles.
        let bodies = self.anew.iter().filter_map(|follower| match follower {
            Follower::Function(function) if on_anew(&function.refers_to) => Some(function::stub(function)),
            _ => None,
        });
        let drops = self.anew.iter().rev().map(|follower| match follower {
            Follower::View(view) => view::drop(view),
            Follower::Function(function) => function::drop(function),
        });
        rules
            .map(rule::stub)
            .chain(views.map(|view| view::stub(view)))
            .chain(functions.map(|function| function::stub(function)))
            .chain(bodies)
            .chain(drops)
            .collect()
    }

    /// Once the relations have changed names: what was dropped is made anew, and the rest is replaced in place.
    pub(crate) fn repoint(&self) -> Vec<Step> {
        let on_anew = |referents: &[Referent]| referents.iter().any(|to| self.made_anew.contains(to));
        let body_later =
            |function: &DependentFunction| function.standard_body || on_anew(&function.refers_to);
        let mut steps = Vec::new();
        let mut bodies = Vec::new();
        for follower in &self.anew {
            match follower {
                Follower::View(view) => steps.extend(anew::view(view, self.live)),
                Follower::Function(function) => {
                    let later = body_later(function);
                    steps.extend(anew::function(function, later, self.live));
                    if later {
                        bodies.extend(function::replace(function));
                    }
                }
            }
        }
        let views = self.views.iter().map(|view| view::replace(view));
        let functions = self
            .functions
            .iter()
            .flat_map(|function| function::replace(function));
        let of_views = self.anew.iter().flat_map(|follower| match follower {
            Follower::View(view) => anew::rules(view),
            Follower::Function(_) => Vec::new(),
        });
        let rules = of_views.chain(self.rules.iter().map(|rule| rule::replace(rule)));
        steps.extend(bodies.into_iter().chain(views).chain(functions).chain(rules));
        steps
    }

    /// One rule of each view that is locked for its rules alone.
    fn views_of_rules(&self) -> impl Iterator<Item = &'a DependentRule> {
        let mut seen: Vec<&QualifiedName> = self.locked_views().into_iter().map(|view| &view.name).collect();
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
