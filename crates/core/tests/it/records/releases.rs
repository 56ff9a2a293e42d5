//! Releases and rollbacks, from the opening of their record to its end.

use cutover_core::catalog::WriteCounts;
use cutover_core::records::{Records, ReleaseKind, ReleaseState, SwapRecord};
use cutover_core::{Digest, Phase};
use jiff::Timestamp;
use serde_json::json;

use super::{Fixture, ident, stamp};

#[tokio::test]
async fn a_record_tells_how_it_began() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let config = Digest::of([b"file".as_slice()]);
    let before = Timestamp::now();
    let id = records
        .open(client, ReleaseKind::Release, "Sep2025", Some(&config), "host", 42)
        .await
        .unwrap();
    let record = records.release(client, id).await.unwrap().unwrap();
    let backend: i32 = client
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(
        (record.id, &*record.label, record.kind),
        (id, "Sep2025", ReleaseKind::Release)
    );
    assert_eq!(
        (record.state, record.phase, record.current),
        (ReleaseState::Running, None, false)
    );
    assert_eq!(record.config_digest.as_deref(), Some(config.as_str()));
    assert_eq!(
        (record.host.as_deref(), record.client_pid, record.backend_pid),
        (Some("host"), Some(42), Some(backend))
    );
    assert!(record.started_at.duration_since(before).as_secs().abs() < 60);
    assert!(record.swapped_at.is_none() && record.finished_at.is_none() && record.abort_requested.is_none());
    assert!(record.backup_stamp.is_none() && record.restored_stamp.is_none());
    assert!(record.staged.is_none() && record.manifest.is_none() && record.error.is_none());
    assert_eq!(records.release(client, id + 1).await.unwrap(), None);
}

#[tokio::test]
async fn every_state_reads_back() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let id = fixture.open("a").await;
    let states = [
        ReleaseState::Running,
        ReleaseState::Stopped,
        ReleaseState::Completed,
        ReleaseState::Failed,
        ReleaseState::Aborted,
        ReleaseState::Abandoned,
    ];
    for state in states {
        records.close(client, id, state, Some("because")).await.unwrap();
        let record = records.release(client, id).await.unwrap().unwrap();
        assert_eq!((record.state, record.error.as_deref()), (state, Some("because")));
        assert!(record.finished_at.is_some());
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
    records
        .close(client, id, ReleaseState::Completed, None)
        .await
        .unwrap();
    assert_eq!(records.release(client, id).await.unwrap().unwrap().error, None);
    let allowed = fixture
        .database
        .query_text(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'release_state_check'",
        )
        .await
        .unwrap();
    assert_eq!(allowed.matches('\'').count() / 2, states.len(), "{allowed}");
}

#[tokio::test]
async fn every_phase_and_kind_reads_back() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let id = records
        .open(client, ReleaseKind::Rollback, "back", None, "host", u32::MAX)
        .await
        .unwrap();
    let record = records.release(client, id).await.unwrap().unwrap();
    assert_eq!(
        (record.kind, record.client_pid),
        (ReleaseKind::Rollback, None),
        "no such process id in an integer"
    );
    for phase in Phase::ALL {
        records.enter_phase(client, id, phase).await.unwrap();
        assert_eq!(
            records.release(client, id).await.unwrap().unwrap().phase,
            Some(phase)
        );
    }
}

#[tokio::test]
async fn opening_finds_the_dead() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let other_set = Records::of(&ident("oecm"));
    let other = other_set
        .open(client, ReleaseKind::Release, "x", None, "host", 1)
        .await
        .unwrap();
    let first = fixture.open("first").await;
    let second = fixture.open("second").await;
    let state = async |id| records.release(client, id).await.unwrap().unwrap().state;
    assert_eq!(state(first).await, ReleaseState::Abandoned);
    let dead = records.release(client, first).await.unwrap().unwrap();
    assert_eq!(dead.error.as_deref(), Some("its process ended without a word"));
    assert!(dead.finished_at.is_some());
    assert_eq!(state(second).await, ReleaseState::Running);
    assert_eq!(
        state(other).await,
        ReleaseState::Running,
        "another set's release is not ours to bury"
    );

    // Taking up the first again finds the second dead.
    records.request_abort(client, second).await.unwrap();
    records.reopen(client, first, "elsewhere", 43).await.unwrap();
    assert_eq!(state(second).await, ReleaseState::Abandoned);
    let again = records.release(client, first).await.unwrap().unwrap();
    assert_eq!(
        (again.state, &again.error, again.finished_at),
        (ReleaseState::Running, &None, None)
    );
    assert_eq!(
        (again.host.as_deref(), again.client_pid),
        (Some("elsewhere"), Some(43))
    );

    records
        .close(client, first, ReleaseState::Failed, Some("disk"))
        .await
        .unwrap();
    fixture.open("third").await;
    let failed = records.release(client, first).await.unwrap().unwrap();
    assert_eq!(
        (failed.state, failed.error.as_deref()),
        (ReleaseState::Failed, Some("disk")),
        "only the running die"
    );
}

#[tokio::test]
async fn an_abort_is_asked_for_once_and_only_of_the_running() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let id = fixture.open("a").await;
    let asked = async || {
        records
            .release(client, id)
            .await
            .unwrap()
            .unwrap()
            .abort_requested
    };
    records.request_abort(client, id).await.unwrap();
    let first = asked().await;
    assert!(first.is_some());
    records.request_abort(client, id).await.unwrap();
    assert_eq!(asked().await, first, "the first time counts");
    records
        .close(client, id, ReleaseState::Aborted, None)
        .await
        .unwrap();
    records.reopen(client, id, "host", 1).await.unwrap();
    assert_eq!(asked().await, None, "a release taken up again was not asked yet");
    records
        .close(client, id, ReleaseState::Stopped, None)
        .await
        .unwrap();
    records.request_abort(client, id).await.unwrap();
    assert_eq!(asked().await, None);
}

#[tokio::test]
async fn exactly_one_is_current() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    assert_eq!(records.current(client).await.unwrap(), None);
    let other_set = Records::of(&ident("oecm"));
    let other = other_set
        .open(client, ReleaseKind::Release, "x", None, "host", 1)
        .await
        .unwrap();
    other_set
        .record_swap(
            client,
            &SwapRecord {
                release: other,
                backup: stamp("2509010000"),
                restored: None,
                writes: WriteCounts::default(),
            },
        )
        .await
        .unwrap();
    let mut all = Vec::new();
    for month in 1..=3 {
        let id = fixture.open(&format!("month {month}")).await;
        let backup = stamp(&format!("25{month:02}010000"));
        records
            .set_staged(client, id, Some(&json!({ "tables": month })))
            .await
            .unwrap();
        records.add_backup(client, &backup, &[]).await.unwrap();
        records
            .record_swap(
                client,
                &SwapRecord {
                    release: id,
                    backup: backup.clone(),
                    restored: None,
                    writes: WriteCounts::default(),
                },
            )
            .await
            .unwrap();
        let current = records.current(client).await.unwrap().unwrap();
        assert_eq!(
            (current.id, current.current, &current.backup_stamp),
            (id, true, &Some(backup))
        );
        assert!(current.swapped_at.is_some() && current.staged.is_none());
        records
            .close(client, id, ReleaseState::Completed, None)
            .await
            .unwrap();
        all.push(id);
    }
    let rollback = records
        .open(client, ReleaseKind::Rollback, "month 2", None, "host", 1)
        .await
        .unwrap();
    let swap = SwapRecord {
        release: rollback,
        backup: stamp("2504010000"),
        restored: Some(stamp("2503010000")),
        writes: serde_json::from_value(json!({ "16385": 7 })).unwrap(),
    };
    records.add_backup(client, &swap.backup, &[]).await.unwrap();
    records.record_swap(client, &swap).await.unwrap();
    assert_eq!(records.writes_when_live(client).await.unwrap(), Some(swap.writes));
    let current = records.current(client).await.unwrap().unwrap();
    assert_eq!(
        (current.id, current.restored_stamp),
        (rollback, Some(stamp("2503010000")))
    );
    let latest = records.latest(client, 10).await.unwrap();
    assert_eq!(
        latest.iter().map(|record| record.id).collect::<Vec<_>>(),
        [rollback, all[2], all[1], all[0]]
    );
    assert_eq!(latest.iter().filter(|record| record.current).count(), 1);
    assert_eq!(records.latest(client, 2).await.unwrap().len(), 2);
    let kept: Vec<_> = records
        .backup_sets(client)
        .await
        .unwrap()
        .into_iter()
        .map(|set| set.stamp)
        .collect();
    assert_eq!(
        kept,
        [stamp("2504010000"), stamp("2502010000"), stamp("2501010000")],
        "the restored set is live now"
    );
    assert_eq!(other_set.current(client).await.unwrap().unwrap().id, other);
}

#[tokio::test]
async fn a_swap_of_no_release_fails() {
    let mut fixture = Fixture::new().await;
    let id = fixture.open("a").await;
    let swap = SwapRecord {
        release: id,
        backup: stamp("2509010000"),
        restored: None,
        writes: WriteCounts::default(),
    };
    fixture.records.record_swap(&fixture.client, &swap).await.unwrap();
    let other = Records::of(&ident("oecm"))
        .open(&fixture.client, ReleaseKind::Release, "x", None, "host", 1)
        .await
        .unwrap();
    for release in [other, other + 1] {
        let tx = fixture.client.transaction().await.unwrap();
        let wrong = SwapRecord {
            release,
            ..swap.clone()
        };
        let error = fixture.records.record_swap(&tx, &wrong).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"could not record the swap of release "wdpa""#
        );
        tx.rollback().await.unwrap();
    }
    assert_eq!(
        fixture
            .records
            .current(&fixture.client)
            .await
            .unwrap()
            .unwrap()
            .id,
        id
    );
}

#[tokio::test]
async fn without_records_the_error_says_what_was_wanted() {
    let fixture = Fixture::new().await;
    fixture
        .database
        .execute("DROP SCHEMA cutover CASCADE")
        .await
        .unwrap();
    let error = fixture.records.latest(&fixture.client, 1).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"could not read the records of release "wdpa""#
    );
    assert_eq!(error.sqlstate().unwrap().code(), "42P01");
}

#[tokio::test]
async fn a_hold_waits_for_what_it_was_told_to() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let id = fixture.open("a").await;
    assert_eq!(records.hold(client, id).await.unwrap(), None);
    assert_eq!(
        records.say_go(client, id, "host").await.unwrap(),
        None,
        "it does not hold"
    );

    let hour = std::time::Duration::from_hours(1);
    let ahead = Timestamp::now() + hour;
    records.begin_hold(client, id, false, Some(ahead)).await.unwrap();
    assert_eq!(
        records.say_go(client, id, "host").await.unwrap(),
        None,
        "it waits for no go"
    );
    let look = records.look_at_hold(client, id).await.unwrap();
    assert!(
        !look.is_over() && look.left > hour / 2 && look.left <= hour * 2,
        "{look:?}"
    );

    // A hold that begins again forgets the one before.
    records.begin_hold(client, id, true, None).await.unwrap();
    let look = records.look_at_hold(client, id).await.unwrap();
    assert!(
        !look.is_over() && look.left.is_zero() && !look.abort_requested,
        "{look:?}"
    );
    let first = records
        .say_go(client, id, "one")
        .await
        .unwrap()
        .unwrap()
        .go
        .unwrap();
    let second = records
        .say_go(client, id, "two")
        .await
        .unwrap()
        .unwrap()
        .go
        .unwrap();
    assert_eq!((first.host.as_str(), &second), ("one", &first));
    assert!(records.look_at_hold(client, id).await.unwrap().is_over());

    // Nobody's go lets it go before its time.
    records.begin_hold(client, id, true, Some(ahead)).await.unwrap();
    records.say_go(client, id, "one").await.unwrap().unwrap();
    records.request_abort(client, id).await.unwrap();
    let look = records.look_at_hold(client, id).await.unwrap();
    assert!(
        !look.is_over() && look.hold.go.is_some() && look.abort_requested,
        "{look:?}"
    );

    records.end_hold(client, id).await.unwrap();
    assert_eq!(records.hold(client, id).await.unwrap(), None);
    assert_eq!(records.say_go(client, id, "one").await.unwrap(), None);
}
