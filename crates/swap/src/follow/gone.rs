//! Columns and sequences of the set that go with the swap, and the functions, rules and views that name them: their definitions
//! would mean nothing any more.

use std::fmt;

use cutover_core::ObjectKind;
use cutover_core::catalog::{CatalogSnapshot, ColumnRead, Referent};

use crate::members::Member;
use crate::refused::{Refusal, RefusalKind};

/// Collects them. Which columns of members a view reads is looked at with the view.
pub(super) fn check(live: &CatalogSnapshot, members: &[Member<'_>], refusals: &mut Vec<Refusal>) {
    let mut refuse = |object: &dyn fmt::Display, gone: Vec<String>| {
        if !gone.is_empty() {
            let reason = format!("names {}, which the swap takes away", gone.join(" and "));
            let remedy = "replace it before the swap by one that does without, or drop it";
            refusals.push(Refusal::new(RefusalKind::Dependent, object, reason, remedy));
        }
    };
    for function in &live.functions {
        let gone = columns(&function.reads, members).chain(sequences(&function.refers_to, members));
        refuse(&function.object(), gone.collect());
    }
    for rule in &live.rules {
        let gone = columns(&rule.reads, members).chain(sequences(&rule.refers_to, members));
        refuse(&rule.object(), gone.collect());
    }
    for view in &live.views {
        refuse(&view.object(), sequences(&view.refers_to, members).collect());
    }
}

fn columns(reads: &[ColumnRead], members: &[Member<'_>]) -> impl Iterator<Item = String> {
    reads.iter().filter_map(|read| {
        let member = members.iter().find(|member| member.live.oid == read.relation)?;
        let goes = member.incoming.column(&read.column).is_none();
        goes.then(|| format!("column {} of {}", read.column, member.live.name))
    })
}

fn sequences(refers_to: &[Referent], members: &[Member<'_>]) -> impl Iterator<Item = String> {
    let parts = members.iter().flat_map(|member| &member.parts);
    let gone = parts.filter(|part| part.kind == ObjectKind::Sequence && part.takes.is_none());
    let named = gone.filter_map(|part| part.live.as_ref());
    let named = named.filter(|(_, oid)| refers_to.contains(&Referent::Relation(*oid)));
    named.map(|(name, _)| format!("sequence {name}"))
}
