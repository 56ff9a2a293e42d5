//! A view over the set, in SQL.

use cutover_core::catalog::{DependentView, RelationKind};
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
    for read in &view.reads {
        let of = members.iter().find(|member| member.live.oid == read.relation);
        if let Some(member) = of.filter(|member| member.incoming.column(&read.column).is_none()) {
            refuse(
                format!("reads column {} of {}, which goes", read.column, member.live.name),
                "drop the view before the swap and create it again, without the column, after it",
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
    let sql = Sql::text("CREATE OR REPLACE VIEW ").append(&defined(view));
    Step::new("re-point", view.object(), sql).locking(LockMode::AccessExclusive, &view.name)
}

/// `CREATE VIEW`, as it is on live.
pub(super) fn create(view: &DependentView) -> Sql {
    Sql::text("CREATE VIEW ").append(&defined(view))
}

fn defined(view: &DependentView) -> Sql {
    let mut sql = Sql::text("").name(&view.name);
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
    let query = view.definition.as_str().trim_end().trim_end_matches(';');
    sql.then(" AS\n")
        .deparsed(&Deparsed::from_server(query.to_owned()))
}

/// Columns of the same names and types that come from nowhere. Its check option comes back with its query: without one
/// it cannot be.
pub(super) fn stub(view: &DependentView) -> Step {
    let columns = view.columns.iter().map(|column| {
        let sql = Sql::text("NULL::").deparsed(&column.data_type);
        let sql = match &column.collation {
            Some(collation) => sql.then(" COLLATE ").name(collation),
            None => sql,
        };
        sql.then(" AS ").ident(&column.name)
    });
    let sql = Sql::text("CREATE OR REPLACE VIEW ")
        .name(&view.name)
        .then(" AS\n SELECT ")
        .append(&Sql::join(columns, ", "));
    Step::new("detach for the moment", view.object(), sql).locking(LockMode::AccessExclusive, &view.name)
}

pub(super) fn drop(view: &DependentView) -> Step {
    let sql = Sql::text("DROP VIEW ").name(&view.name);
    Step::new("drop", view.object(), sql).locking(LockMode::AccessExclusive, &view.name)
}
