//! A function or procedure that refers to the set, in SQL.

use cutover_core::catalog::{DependentFunction, FunctionKind};
use cutover_core::{Sql, Step};

use crate::members::Member;
use crate::refused::{Refusal, RefusalKind};

pub(super) fn check(function: &DependentFunction, members: &[Member<'_>], refusals: &mut Vec<Refusal>) {
    let mut refuse = |reason: String, remedy| {
        refusals.push(Refusal::new(
            RefusalKind::Dependent,
            function.object(),
            reason,
            remedy,
        ));
    };
    if let Some(extension) = &function.extension {
        refuse(
            format!("belongs to the extension {extension}"),
            "drop it, or take the relation out of the set",
        );
    }
    let of = members
        .iter()
        .find(|member| function.row_types.contains(&member.live.oid));
    if let Some(member) = of {
        refuse(
            format!(
                "has the row type of {} in its signature and would go on with the backup set",
                member.live.name
            ),
            "drop it before the swap and create it again after it",
        );
    }
}

/// Keeps others from changing or dropping it; who calls it takes no lock on it.
pub(super) fn lock(function: &DependentFunction) -> Step {
    let sql = named("ALTER ", function)
        .then(" OWNER TO ")
        .ident(&function.owner);
    Step::new("lock", function.object(), sql)
}

/// `CREATE OR REPLACE FUNCTION`: oid, owner, grants, comment and what calls it stay.
pub(super) fn replace(function: &DependentFunction) -> Step {
    let sql = Sql::text("").deparsed(&function.definition);
    let sql = if function.standard_body {
        sql
    } else {
        // Live's own body is not to be judged here.
        Sql::text("SET LOCAL check_function_bodies = off;\n")
            .append(&sql)
            .then(";\nSET LOCAL check_function_bodies = on")
    };
    Step::new("re-point", function.object(), sql)
}

/// `ALTER FUNCTION "public"."f"(integer)`.
fn named(verb: &'static str, function: &DependentFunction) -> Sql {
    let kind = match function.kind {
        FunctionKind::Procedure => "PROCEDURE ",
        _ => "FUNCTION ",
    };
    Sql::text(verb)
        .then(kind)
        .name(&function.name)
        .then("(")
        .deparsed(&function.identity_arguments)
        .then(")")
}
