//! Settings of the transaction that builds, always `SET LOCAL`: they end with it.

use std::time::Duration;

use cutover_core::{Ident, ObjectKind, ObjectName, Sql, Step};

/// What would change the meaning of our statements, or stop them half way, is set; what the role has set is not relied on.
pub(crate) fn settings(schema: &Ident, version_num: u32, lock_timeout: Duration) -> Step {
    let mut all = vec![
        Sql::text("SET LOCAL search_path = ").ident(schema),
        Sql::text("SET LOCAL lock_timeout = ").number(
            i64::try_from(lock_timeout.as_millis())
                .unwrap_or(i64::from(i32::MAX))
                .min(i64::from(i32::MAX)),
        ),
        Sql::text("SET LOCAL statement_timeout = 0"),
        Sql::text("SET LOCAL idle_in_transaction_session_timeout = 0"),
        Sql::text("SET LOCAL default_tablespace = ''"),
        Sql::text("SET LOCAL default_table_access_method = heap"),
        Sql::text("SET LOCAL row_security = off"),
        Sql::text("SET LOCAL client_min_messages = warning"),
        // Compiling the queries of the catalog takes longer than running them.
        Sql::text("SET LOCAL jit = off"),
    ];
    if version_num >= 170_000 {
        all.push(Sql::text("SET LOCAL transaction_timeout = 0"));
    }
    Step::new(
        "set up the transaction for",
        ObjectName::global(ObjectKind::Schema, schema),
        Sql::join(all, ";\n"),
    )
}
