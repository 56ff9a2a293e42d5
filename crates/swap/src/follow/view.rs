//! A view over the set, in SQL.

use cutover_core::catalog::{DependentView, Relation, RelationKind};
use cutover_core::{Deparsed, Ident, LockMode, Sql, Step};

use crate::lock_order;
use crate::members::Member;
use crate::refused::{Refusal, RefusalKind};

pub(super) fn check(view: &DependentView, members: &[Member<'_>], refusals: &mut Vec<Refusal>) {
    // Told once, with all materialized views.
    if view.kind == RelationKind::MaterializedView {
        return;
    }
    let mut refuse = |reason: String, remedy| {
        refusals.push(Refusal::new(RefusalKind::View, view.object(), reason, remedy));
    };
    if let Some(extension) = &view.extension {
        refuse(
            format!("belongs to the extension {extension}"),
            "drop it, or take the relation out of the set",
        );
    }
    for column in &view.columns {
        let of = members
            .iter()
            .find(|member| column.row_type_of == Some(member.live.oid));
        if let Some(member) = of {
            let reason = format!(
                "shows whole rows of {} and would go on with the backup set",
                member.live.name
            );
            let remedy = "drop the view before the swap and create it again after it";
            refuse(reason, remedy);
        }
    }
    for read in &view.reads {
        let Some(member) = members.iter().find(|member| member.live.oid == read.relation) else {
            continue;
        };
        let type_of = |relation: &Relation| {
            relation
                .column(&read.column)
                .map(|column| (column.data_type.clone(), column.collation.clone()))
        };
        if type_of(member.live) != type_of(member.incoming) {
            let reason = format!(
                "reads column {} of {}, which changes",
                read.column, member.live.name
            );
            refuse(
                reason,
                "drop the view before the swap and create it again after it",
            );
        }
    }
}

pub(super) fn lock(view: &DependentView) -> Step {
    lock_order::owned("ALTER VIEW ", view.object(), &view.name, &view.owner)
}

/// `CREATE OR REPLACE VIEW`: oid, owner, grants, comments, column defaults, triggers, rules and what reads it stay.
/// Its options would not, so they are named again.
pub(super) fn replace(view: &DependentView) -> Step {
    let mut sql = Sql::text("CREATE OR REPLACE VIEW ").name(&view.name);
    if !view.options.is_empty() {
        let options = view.options.iter().map(|option| {
            let (name, value) = option.split_once('=').unwrap_or((option, "true"));
            match Ident::new(name) {
                Ok(name) => Sql::text("").ident(&name).then(" = ").literal(value),
                // The server stores no option without a name.
                Err(_) => Sql::text(""),
            }
        });
        sql = sql.then(" WITH (").append(&Sql::join(options, ", ")).then(")");
    }
    let query = Deparsed::from_server(
        view.definition
            .as_str()
            .trim_end()
            .trim_end_matches(';')
            .to_owned(),
    );
    Step::new("re-point", view.object(), sql.then(" AS\n").deparsed(&query))
        .locking(LockMode::AccessExclusive, &view.name)
}
