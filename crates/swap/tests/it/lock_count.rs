//! The lock table is shared by all sessions: what a swap takes of it is counted beforehand (trap 9).

use cutover_core::{NamingPolicy, Stamp};
use cutover_swap::{Pair, PlanOptions, RefusalKind, SwapPlan, SwapRefused};

use crate::release_set::{ReleaseSet, quick};

/// Notes, in the swap's own transaction, how many locks it holds after each of its statements.
const COUNTER: &str = "
    CREATE TABLE public.held (locks bigint);
    CREATE FUNCTION public.count_locks() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.held SELECT count(DISTINCT (locktype, database, relation, classid, objid, transactionid::text,
                                                       virtualxid)) FROM pg_locks WHERE pid = pg_backend_pid();
    END $$;
    CREATE EVENT TRIGGER count_locks ON ddl_command_end EXECUTE FUNCTION public.count_locks();";

/// What the refusal says is needed is what the transaction then holds, or somewhat more.
#[tokio::test]
async fn the_count_is_not_less_than_what_is_held() {
    let mut set = ReleaseSet::staged("m2").await;
    set.database.execute(COUNTER).await.unwrap();
    let (mut live, incoming) = set.snapshots().await;
    let policy = NamingPolicy::default();
    let mut with_room = |room: i64| -> Result<SwapPlan, SwapRefused> {
        live.server.max_lock_entries = room;
        let stamp: Stamp = "2509010405".parse().unwrap();
        let pairing = Pair::by_policy(&live, &incoming, &policy);
        SwapPlan::compute(
            &live,
            &incoming,
            &pairing,
            &stamp,
            &policy,
            &PlanOptions::default(),
        )
    };
    let refused = with_room(1).unwrap_err();
    let [refusal] = refused.refusals.as_slice() else {
        panic!("{refused}")
    };
    assert_eq!(refusal.kind, RefusalKind::LockTable);
    assert_eq!(
        refusal.remedy,
        "raise max_locks_per_transaction, or make several release sets"
    );
    let (_, needed) = refusal.reason.split_once("the swap takes about ").unwrap();
    let needed: i64 = needed.split_once(':').unwrap().0.parse().unwrap();

    // Half of the table should be the others'.
    let mut warnings = |room: i64| {
        let plan = with_room(room).unwrap();
        let told = plan
            .warnings
            .iter()
            .filter(|warning| warning.contains("lock table"));
        told.count()
    };
    assert_eq!(
        [warnings(needed), warnings(2 * needed - 2), warnings(2 * needed)],
        [1, 1, 0]
    );

    let plan = set.plan().await;
    set.run(&plan, &quick()).await.unwrap();
    let held = set
        .database
        .query_text("SELECT max(locks) FROM held")
        .await
        .unwrap();
    let held: i64 = held.parse().unwrap();
    assert!(
        needed >= held && needed < 2 * held,
        "{needed} counted, {held} held"
    );
}
