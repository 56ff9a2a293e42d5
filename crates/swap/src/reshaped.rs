//! What readers notice of columns that change with the swap.

use std::collections::HashMap;

use cutover_core::catalog::{CatalogSnapshot, ColumnRead, Relation};
use cutover_core::{Ident, QualifiedName};

use crate::members::Member;

/// Whether the columns of a relation stay what they are when `incoming` takes its place, so that prepared statements
/// replan silently. Where not, one of a long-lived session that reads `*` or a changed column fails with "cached plan
/// must not change result type" until it is prepared again.
#[must_use]
pub fn is_plan_safe(live: &Relation, incoming: &Relation) -> bool {
    shape(live) == shape(incoming)
}

/// Whether a column that something outside reads has another type in what goes live, or is not there.
pub(crate) fn changes_type_of(read: &ColumnRead, members: &[Member<'_>]) -> bool {
    let mut members = members.iter();
    let of = members.find(|member| member.live.oid == read.relation);
    of.is_some_and(|member| type_of(member.live, &read.column) != type_of(member.incoming, &read.column))
}

/// Whether any column of the live relation has another type in what takes its place, or is not there.
pub(crate) fn changes_type_of_columns(member: &Member<'_>) -> bool {
    let mut columns = member.live.columns.iter();
    columns.any(|column| type_of(member.live, &column.name) != type_of(member.incoming, &column.name))
}

fn type_of<'a>(relation: &'a Relation, column: &Ident) -> Option<(&'a str, Option<&'a QualifiedName>)> {
    let column = relation.column(column)?;
    Some((column.data_type.as_str(), column.collation.as_ref()))
}

/// What a result of `SELECT *` is made of: order, names, types with their modifiers, collations.
fn shape(relation: &Relation) -> Vec<(&Ident, &str, Option<String>)> {
    let columns = relation.columns.iter();
    columns
        .map(|column| {
            let collation = column.collation.as_ref().map(ToString::to_string);
            (&column.name, column.data_type.as_str(), collation)
        })
        .collect()
}

/// A line for each member whose columns change, and for each view that will not gain what is added.
pub(crate) fn warnings(live: &CatalogSnapshot, members: &[Member<'_>]) -> Vec<String> {
    let mut warnings = Vec::new();
    for member in members {
        if is_plan_safe(member.live, member.incoming) {
            continue;
        }
        warnings.push(format!(
            "the columns of {} change ({}): prepared statements of open sessions that read * or a changed column fail \
             with \"cached plan must not change result type\" until they are prepared again; let pools reconnect after the swap",
            member.live.name,
            changes(member).join(", "),
        ));
        warnings.extend(views_that_stay_behind(live, member));
    }
    warnings
}

fn changes(member: &Member<'_>) -> Vec<String> {
    let columns = |of: &'_ Relation| -> HashMap<Ident, String> {
        let pairs = shape(of).into_iter().map(|(name, data_type, collation)| {
            let collation = collation.map(|c| format!(" COLLATE {c}")).unwrap_or_default();
            (name.clone(), format!("{data_type}{collation}"))
        });
        pairs.collect()
    };
    let (before, after) = (columns(member.live), columns(member.incoming));
    let gone = member
        .live
        .columns
        .iter()
        .filter_map(|column| match after.get(&column.name) {
            None => Some(format!("{} goes", column.name)),
            Some(now) => {
                let was = before.get(&column.name)?;
                (was != now).then(|| format!("{} was {was} and becomes {now}", column.name))
            }
        });
    let come = added(member).map(|name| format!("{name} comes"));
    let mut changes: Vec<String> = gone.chain(come).collect();
    if changes.is_empty() {
        changes.push("their order".to_owned());
    }
    changes
}

fn added<'a>(member: &Member<'a>) -> impl Iterator<Item = &'a Ident> {
    let (live, incoming) = (member.live, member.incoming);
    let columns = incoming.columns.iter().map(|column| &column.name);
    columns.filter(|name| live.column(name).is_none())
}

/// The column list of a view is frozen when it is made.
fn views_that_stay_behind(live: &CatalogSnapshot, member: &Member<'_>) -> Vec<String> {
    let added: Vec<String> = added(member).map(ToString::to_string).collect();
    if added.is_empty() {
        return Vec::new();
    }
    let reads_all = |view: &&cutover_core::catalog::DependentView| {
        let read = view.reads.iter().filter(|read| read.relation == member.live.oid);
        view.direct && read.count() == member.live.columns.len()
    };
    let views = live.views.iter().filter(reads_all);
    views
        .map(|view| {
            format!(
                "{} reads every column of {} and does not gain {}; CREATE OR REPLACE it after the swap if it should",
                view.object(),
                member.live.name,
                added.join(", "),
            )
        })
        .collect()
}
