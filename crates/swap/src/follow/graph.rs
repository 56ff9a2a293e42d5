//! What must be made anew and what can be replaced in place, told from who refers to whom.

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::ObjectName;
use cutover_core::catalog::{CatalogSnapshot, DependentFunction, DependentView, Referent};

use crate::members::Member;
use crate::reshaped;

/// A view or function over the set.
#[derive(Debug, Clone, Copy)]
pub(super) enum Follower<'a> {
    View(&'a DependentView),
    Function(&'a DependentFunction),
}

impl<'a> Follower<'a> {
    /// All of a snapshot.
    pub(super) fn all(live: &'a CatalogSnapshot) -> BTreeMap<Referent, Self> {
        let views = live.views.iter().map(Self::View);
        let functions = live.functions.iter().map(Self::Function);
        views
            .chain(functions)
            .map(|follower| (follower.referent(), follower))
            .collect()
    }

    pub(super) fn referent(&self) -> Referent {
        match self {
            Self::View(view) => Referent::Relation(view.oid),
            Self::Function(function) => Referent::Function(function.oid),
        }
    }

    pub(super) fn object(&self) -> ObjectName {
        match self {
            Self::View(view) => view.object(),
            Self::Function(function) => function.object(),
        }
    }

    /// Relations whose row types, or arrays of them, are what it consists of: they cannot be changed in place.
    fn made_of(&self) -> Vec<u32> {
        match self {
            Self::View(view) => view
                .columns
                .iter()
                .filter_map(|column| column.row_type_of)
                .collect(),
            Self::Function(function) => function.row_types.clone(),
        }
    }
}

/// Those that must be dropped and made anew: row types of the old relations are what they are made of, or the types of
/// their columns may change, which `CREATE OR REPLACE` does not do; and those made of their row types.
pub(super) fn made_anew(
    followers: &BTreeMap<Referent, Follower<'_>>,
    members: &[Member<'_>],
) -> BTreeSet<Referent> {
    let mut reshaped: BTreeSet<Referent> = BTreeSet::new();
    let mut anew: BTreeSet<Referent> = BTreeSet::new();
    let changed: BTreeSet<u32> = members
        .iter()
        .filter(|member| reshaped::changes_type_of_columns(member))
        .map(|member| member.live.oid)
        .collect();
    loop {
        let before = (reshaped.len(), anew.len());
        for (referent, follower) in followers {
            let made_of = follower.made_of();
            let of_rows = made_of.iter().any(|oid| {
                members.iter().any(|member| member.live.oid == *oid)
                    || anew.contains(&Referent::Relation(*oid))
            });
            let of_changed_rows = made_of
                .iter()
                .any(|oid| changed.contains(oid) || reshaped.contains(&Referent::Relation(*oid)));
            let reads_changed = match follower {
                // Which column of a view comes from which one below is not told: all of them may.
                Follower::View(view) => {
                    view.reads
                        .iter()
                        .any(|read| reshaped::changes_type_of(read, members))
                        || view.refers_to.iter().any(|to| reshaped.contains(to))
                }
                // Its signature says what it returns.
                Follower::Function(_) => false,
            };
            if of_changed_rows || reads_changed {
                reshaped.insert(*referent);
            }
            if of_rows || reads_changed {
                anew.insert(*referent);
            }
        }
        if before == (reshaped.len(), anew.len()) {
            return anew;
        }
    }
}

/// Orders what is made anew so that each comes after what it is made of, or reads. Functions count with their signatures
/// only: their bodies come last. `Err` holds one that is in a circle.
pub(super) fn in_order<'a>(
    followers: &BTreeMap<Referent, Follower<'a>>,
    anew: &BTreeSet<Referent>,
) -> Result<Vec<Follower<'a>>, Follower<'a>> {
    let mut waiting: Vec<Follower<'a>> = anew
        .iter()
        .filter_map(|referent| followers.get(referent).copied())
        .collect();
    let mut ordered: Vec<Follower<'a>> = Vec::with_capacity(waiting.len());
    while let Some(any) = waiting.first().copied() {
        let still: BTreeSet<Referent> = waiting.iter().map(Follower::referent).collect();
        let waits = |follower: &Follower<'_>| match follower {
            Follower::View(view) => view.refers_to.iter().any(|to| still.contains(to)),
            Follower::Function(function) => function
                .row_types
                .iter()
                .any(|oid| still.contains(&Referent::Relation(*oid))),
        };
        let (later, ready): (Vec<_>, Vec<_>) = waiting.into_iter().partition(waits);
        if ready.is_empty() {
            return Err(any);
        }
        ordered.extend(ready);
        waiting = later;
    }
    Ok(ordered)
}
