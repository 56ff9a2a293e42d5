//! What happens while readers wait for the swap.

use crate::release_set::{MEMBERS, ReleaseSet};

/// Of the statements of a swap: how many they are, how many exclusive locks the last of them found held, and how often any
/// of them read rows of the schema's relations, their TOAST included.
async fn effort(rows: u32) -> (String, String, String) {
    let mut set = ReleaseSet::staged("m2").await;
    for prefix in ["", "staging_"] {
        set.database
            .execute(&format!(
                "INSERT INTO {prefix}sources (title) SELECT 'm2 more ' || n FROM generate_series(1, {rows}) n; \
                 INSERT INTO {prefix}sites (source_id, name) SELECT 1, 'm2 more ' || n FROM generate_series(1, {rows}) n"
            ))
            .await
            .unwrap();
    }
    set.database
        .execute(
            "CREATE TABLE effort (locks bigint, scans bigint); \
             CREATE FUNCTION note_effort() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO public.effort \
                 SELECT (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock'), \
                        (SELECT sum(pg_stat_get_xact_numscans(c.oid)) FROM pg_class c \
                          WHERE c.relnamespace = 'public'::regnamespace \
                             OR c.oid IN (SELECT reltoastrelid FROM pg_class WHERE relnamespace = 'public'::regnamespace)); \
             END $$; \
             CREATE EVENT TRIGGER note_effort ON ddl_command_end EXECUTE FUNCTION note_effort()",
        )
        .await
        .unwrap();
    let plan = set.plan().await;
    assert_eq!(plan.relations, MEMBERS.len());
    set.run(&plan, &crate::release_set::quick()).await.unwrap();
    let seen = |what: &'static str| {
        let database = set.database.clone();
        async move {
            database
                .query_text(&format!("SELECT {what} FROM effort"))
                .await
                .unwrap()
        }
    };
    (
        seen("count(*)").await,
        seen("max(locks)").await,
        seen("sum(scans)").await,
    )
}

#[tokio::test]
async fn the_window_does_not_grow_with_rows() {
    let (statements, locks, scans) = effort(1).await;
    assert_eq!(scans, "0", "the swap read rows");
    assert_eq!((statements, locks, scans), effort(20_000).await);
}
