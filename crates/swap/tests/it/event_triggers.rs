//! Event triggers fire on the statements of a swap, and may veto it.

use cutover_core::records::ReleaseKind;
use cutover_swap::{SwapContext, SwapError};

use crate::release_set::{ReleaseSet, quick};

const VETO: &str = "CREATE FUNCTION veto() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no % on weekdays', tg_tag USING ERRCODE = 'CV001'; END $$;
    CREATE EVENT TRIGGER veto ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION veto()";

#[track_caller]
fn assert_vetoed(error: &SwapError) {
    let SwapError::Statement(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.sqlstate().unwrap().code(), "CV001");
}

#[tokio::test]
async fn a_veto_is_met_by_the_rehearsal_and_rolls_the_swap_back() {
    let mut set = ReleaseSet::staged("m2").await;
    let quiet = set.plan().await;
    assert!(
        !quiet
            .warnings
            .iter()
            .any(|warning| warning.contains("event trigger"))
    );
    set.database.execute(VETO).await.unwrap();
    let plan = set.plan().await;
    let warned = |warning: &String| warning.contains("event trigger") && warning.contains("veto");
    assert!(plan.warnings.iter().any(warned), "{:?}", plan.warnings);
    let before = set.leftovers().await;

    let release = set.open(ReleaseKind::Release).await;
    let (lock, records, events) = (set.lock.clone(), set.records.clone(), set.events.clone());
    let context = SwapContext {
        lock: &lock,
        records: &records,
        release,
        events: &events,
        observer: None,
    };
    assert_vetoed(
        &plan
            .rehearse(&mut set.client, &context, &quick())
            .await
            .unwrap_err(),
    );
    assert_vetoed(&set.run(&plan, &quick()).await.unwrap_err());
    assert_eq!(set.month().await, "m1");
    assert_eq!(set.leftovers().await, before);
    assert_eq!(set.records.backup_sets(&set.client).await.unwrap(), []);
    set.assert_no_locks().await;

    set.database.execute("DROP EVENT TRIGGER veto").await.unwrap();
    set.swap().await;
    assert_eq!(set.month().await, "m2");
}
