use std::time::Duration;

use cutover_core::EventKind;
use cutover_core::records::ReleaseKind;
use cutover_swap::{Rehearsal, SwapContext, SwapError, SwapPlan};

use crate::release_set::{ReleaseSet, dump, quick};

async fn rehearse(set: &mut ReleaseSet, plan: &SwapPlan) -> Result<Rehearsal, SwapError> {
    let release = set.open(ReleaseKind::Release).await;
    let (lock, records, events) = (set.lock.clone(), set.records.clone(), set.events.clone());
    let context = SwapContext {
        lock: &lock,
        records: &records,
        release,
        events: &events,
        observer: None,
    };
    plan.rehearse(&mut set.client, &context, &quick()).await
}

/// Everything is done and nothing has happened: not to live, not to staging, not to the records; and the same plan swaps.
#[tokio::test]
async fn a_rehearsal_leaves_no_trace() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let before = dump(&set.database, &[]);
    let leftovers = set.leftovers().await;
    let rehearsal = rehearse(&mut set, &plan).await.unwrap();
    assert_eq!((rehearsal.relations, rehearsal.attempts), (4, 1), "{rehearsal:?}");
    assert!(
        rehearsal.blockers.is_empty() && rehearsal.snapshots.is_empty(),
        "{rehearsal:?}"
    );
    assert_eq!(dump(&set.database, &[]), before);
    assert_eq!(set.leftovers().await, leftovers);
    assert_eq!(set.month().await, "m1");
    assert_eq!(set.records.backup_sets(&set.client).await.unwrap(), []);
    assert!(set.records.current(&set.client).await.unwrap().is_none());
    assert!(
        !set.events_seen()
            .iter()
            .any(|event| matches!(event, EventKind::Swapped { .. }))
    );
    set.assert_no_locks().await;
    set.run(&plan, &quick()).await.unwrap();
    assert_eq!(set.month().await, "m2");
}

#[tokio::test]
async fn who_is_in_the_way_is_told() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    let blocker = set.database.connect().await.unwrap();
    blocker
        .batch_execute("SET application_name = 'monthly report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM sites")
        .await
        .unwrap();
    let observer = set.observer();
    let let_go = async {
        loop {
            let events = observer.events_seen();
            if events
                .iter()
                .any(|event| matches!(event, EventKind::LockAttemptFailed { .. }))
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        blocker.batch_execute("COMMIT").await.unwrap();
    };
    let (rehearsal, ()) = tokio::join!(rehearse(&mut set, &plan), let_go);
    let rehearsal = rehearsal.unwrap();
    assert!(rehearsal.attempts > 1, "{rehearsal:?}");
    for told in [&rehearsal.blockers, &rehearsal.snapshots] {
        assert_eq!(told.len(), 1, "{rehearsal:?}");
        assert_eq!(told[0].application, "monthly report");
    }
}

/// An event trigger that vetoes our statements is met before it matters (trap 49).
#[tokio::test]
async fn a_veto_is_found() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    set.database
        .execute("CREATE FUNCTION veto() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not on my watch''; END'; \
                  CREATE EVENT TRIGGER veto ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION veto()")
        .await
        .unwrap();
    let error = rehearse(&mut set, &plan).await.unwrap_err();
    let SwapError::Statement(error) = error else {
        panic!("{error}")
    };
    assert!(
        error.database_error().to_string().contains("not on my watch"),
        "{error:?}"
    );
    set.database.execute("DROP EVENT TRIGGER veto").await.unwrap();
    assert_eq!(set.month().await, "m1");
    set.assert_no_locks().await;
}

#[tokio::test]
async fn it_takes_the_release_lock() {
    let mut set = ReleaseSet::staged("m2").await;
    let plan = set.plan().await;
    set.lock.release(&set.client).await.unwrap();
    let error = rehearse(&mut set, &plan).await.unwrap_err();
    assert!(matches!(error, SwapError::LockNotHeld { .. }), "{error}");
}
