//! A function or procedure that refers to the set, in SQL.

use cutover_core::catalog::{DependentFunction, FunctionKind};
use cutover_core::{Sql, Step};

use crate::refused::{Refusal, RefusalKind};

pub(super) fn check(function: &DependentFunction, refusals: &mut Vec<Refusal>) {
    if !function.readable_body {
        let reason =
            "uses an argument without a name beside others that have names, which the server does not print";
        let remedy = "CREATE OR REPLACE it with a name for every argument";
        refusals.push(Refusal::new(
            RefusalKind::Dependent,
            function.object(),
            reason,
            remedy,
        ));
    }
    if let Some(extension) = &function.extension {
        let reason = format!("belongs to the extension {extension}");
        let remedy = "drop it, or take the relation out of the set";
        refusals.push(Refusal::new(
            RefusalKind::Dependent,
            function.object(),
            reason,
            remedy,
        ));
    }
}

/// Keeps others from changing or dropping it; who calls it takes no lock on it.
pub(super) fn lock(function: &DependentFunction) -> Step {
    let sql = named("ALTER ", function)
        .then(" OWNER TO ")
        .ident(&function.owner);
    Step::new("lock", function.object(), sql)
}

/// `CREATE OR REPLACE FUNCTION`: oid, owner, grants, comment and what calls it stay. That it is to go with an extension
/// does not, and is said again.
pub(super) fn replace(function: &DependentFunction) -> Vec<Step> {
    let mut steps = vec![Step::new("re-point", function.object(), definition(function))];
    steps.extend(depend_on_extensions(function));
    steps
}

/// `ALTER FUNCTION … DEPENDS ON EXTENSION`.
pub(super) fn depend_on_extensions(function: &DependentFunction) -> impl Iterator<Item = Step> {
    function.depends_on_extensions.iter().map(|extension| {
        let sql = named("ALTER ", function)
            .then(" DEPENDS ON EXTENSION ")
            .ident(extension);
        Step::new("tie to its extension", function.object(), sql)
    })
}

/// As it is on live.
pub(super) fn definition(function: &DependentFunction) -> Sql {
    let sql = Sql::text("").deparsed(&function.definition);
    if function.standard_body {
        sql
    } else {
        unchecked(&sql)
    }
}

/// The same signature, with nothing behind it: nobody gets to see it.
pub(super) fn stub(function: &DependentFunction) -> Step {
    let mut sql = Sql::text("CREATE OR REPLACE ")
        .then(keyword(function))
        .name(&function.name)
        .then("(")
        .deparsed(&function.stub_arguments)
        .then(")");
    if let Some(result) = &function.result {
        sql = sql.then(" RETURNS ").deparsed(result);
    }
    let sql = unchecked(&sql.then(" LANGUAGE sql AS ''"));
    Step::new("detach for the moment", function.object(), sql)
}

pub(super) fn drop(function: &DependentFunction) -> Step {
    Step::new("drop", function.object(), named("DROP ", function))
}

/// Bodies that are strings are not to be judged here: they are live's own, or empty.
fn unchecked(sql: &Sql) -> Sql {
    Sql::text("SET LOCAL check_function_bodies = off;\n")
        .append(sql)
        .then(";\nSET LOCAL check_function_bodies = on")
}

/// `ALTER FUNCTION "public"."f"(integer)`.
pub(super) fn named(verb: &'static str, function: &DependentFunction) -> Sql {
    Sql::text(verb)
        .then(keyword(function))
        .name(&function.name)
        .then("(")
        .deparsed(&function.identity_arguments)
        .then(")")
}

fn keyword(function: &DependentFunction) -> &'static str {
    match function.kind {
        FunctionKind::Procedure => "PROCEDURE ",
        _ => "FUNCTION ",
    }
}
