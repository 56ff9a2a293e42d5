//! What is kept with a release: checkpoints, events, staging facts, the manifest, the error.

use cutover_core::records::{Checkpoint, FilePlace, ImportSoFar, Reject, ReleaseState};
use cutover_core::{Event, EventKind, Events, Phase};
use jiff::Timestamp;
use serde_json::json;

use super::Fixture;

#[tokio::test]
async fn staged_and_manifest_are_kept_as_given() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let id = fixture.open("a").await;
    let (staged, manifest) = (json!({ "b": [1, 2.5, "é"], "a": null }), json!({ "rows": 17 }));
    records.set_staged(client, id, Some(&staged)).await.unwrap();
    records.set_manifest(client, id, &manifest).await.unwrap();
    let record = records.release(client, id).await.unwrap().unwrap();
    assert_eq!((record.staged, record.manifest), (Some(staged), Some(manifest)));
    records.set_staged(client, id, None).await.unwrap();
    assert_eq!(records.release(client, id).await.unwrap().unwrap().staged, None);
}

#[tokio::test]
async fn checkpoints_live_and_die_with_their_transaction() {
    let mut fixture = Fixture::new().await;
    let id = fixture.open("a").await;
    let records = &fixture.records;
    let place = |chunk: i64| {
        (chunk == 1).then(|| FilePlace {
            byte: 1 << 40,
            line: 17,
            digest: "a file's".to_owned(),
        })
    };
    let checkpoint = |importer: &str, chunk| Checkpoint {
        chunk,
        rejected: 1,
        done: chunk == 1,
        last_key: Some(vec![Some(chunk.to_string()), None]),
        place: place(chunk),
        plan: Some("digest".to_owned()),
        checked: (chunk == 1).then(|| json!({ "offending": 3 })),
        ..Checkpoint::whole(importer, 10, chunk)
    };
    for (importer, chunk) in [("sites", 1), ("sites", 0), ("countries", 0)] {
        records
            .add_checkpoint(&fixture.client, id, &checkpoint(importer, chunk))
            .await
            .unwrap();
    }
    let tx = fixture.client.transaction().await.unwrap();
    records
        .add_checkpoint(&tx, id, &checkpoint("sites", 2))
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    let expected = [
        checkpoint("countries", 0),
        checkpoint("sites", 0),
        checkpoint("sites", 1),
    ];
    assert_eq!(records.checkpoints(&fixture.client, id).await.unwrap(), expected);
    let so_far = ImportSoFar {
        chunks: 2,
        rows: 20,
        bytes: 1,
        rejected: 2,
        done: true,
        last_key: Some(vec![Some("1".to_owned()), None]),
        place: place(1),
        plan: Some("digest".to_owned()),
        checked: vec![None, Some(json!({ "offending": 3 }))],
    };
    assert_eq!(
        records.import_so_far(&fixture.client, id, "sites").await.unwrap(),
        so_far
    );
    assert_eq!(
        records
            .import_so_far(&fixture.client, id, "sources")
            .await
            .unwrap(),
        ImportSoFar::default()
    );
    let object = |value: serde_json::Value| value.as_object().cloned();
    let reject = |n: i64| Reject {
        importer: "sites".to_owned(),
        key: object(json!({ "id": n.to_string() })),
        reason: "no".to_owned(),
        sqlstate: Some("23502".to_owned()),
        row: object(json!({ "id": n.to_string(), "name": null })),
    };
    for n in 0..3 {
        records.add_reject(&fixture.client, id, &reject(n)).await.unwrap();
    }
    assert_eq!(
        records.rejects(&fixture.client, id, 2).await.unwrap(),
        [reject(0), reject(1)]
    );

    let twice = records
        .add_checkpoint(&fixture.client, id, &checkpoint("sites", 1))
        .await
        .unwrap_err();
    assert_eq!(
        twice.sqlstate().unwrap().code(),
        "23505",
        "nothing is imported twice"
    );
    let other = fixture.open("b").await;
    records
        .add_checkpoint(&fixture.client, other, &checkpoint("sites", 0))
        .await
        .unwrap();
    records.clear_checkpoints(&fixture.client, id).await.unwrap();
    assert_eq!(records.checkpoints(&fixture.client, id).await.unwrap(), []);
    assert_eq!(records.rejects(&fixture.client, id, 2).await.unwrap(), []);
    assert_eq!(
        records.checkpoints(&fixture.client, other).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn ranges_are_kept_as_they_were_first_and_count_their_own_chunks() {
    let fixture = Fixture::new().await;
    let id = fixture.open("a").await;
    let (records, client) = (&fixture.records, &fixture.client);
    let bounds = ["a".to_owned(), "it's".to_owned()];
    for asked in [&bounds[..], &[]] {
        let kept = records.keep_ranges(client, id, "sites", asked).await.unwrap();
        assert_eq!(kept, bounds);
    }
    for range in [0, 2] {
        let checkpoint = Checkpoint {
            range,
            done: range == 2,
            last_key: (range == 0).then(|| vec![Some("a".to_owned())]),
            ..Checkpoint::whole("sites", 10, 0)
        };
        records.add_checkpoint(client, id, &checkpoint).await.unwrap();
    }
    let all = records.import_so_far(client, id, "sites").await.unwrap();
    assert_eq!((all.chunks, all.rows, all.done), (2, 20, true));
    let one = records.range_so_far(client, id, "sites", 0).await.unwrap();
    assert_eq!((one.chunks, one.rows, one.done), (1, 10, false));
    assert_eq!(one.last_key, Some(vec![Some("a".to_owned())]));
    let none = records.range_so_far(client, id, "sites", 1).await.unwrap();
    assert_eq!(none, ImportSoFar::default());
    records.clear_checkpoints(client, id).await.unwrap();
    assert_eq!(records.ranges(client, id, "sites").await.unwrap(), None);
}

#[tokio::test]
async fn events_are_kept_in_order() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let id = fixture.open("a").await;
    let (seen, log) = std::sync::mpsc::channel();
    let seen = std::sync::Mutex::new(seen);
    let events = Events::to(move |event: &Event| seen.lock().unwrap().send(event.clone()).unwrap());
    let warn = |message: &str| {
        events.emit(EventKind::Warning {
            message: message.to_owned(),
        });
    };
    warn("one");
    warn("two");
    let first: Vec<Event> = log.try_iter().collect();
    records
        .add_events(client, id, Some(Phase::Preflight), &first)
        .await
        .unwrap();
    records.add_events(client, id, None, &[]).await.unwrap();
    events.emit(EventKind::PhaseStarted {
        phase: Phase::ImportCore,
    });
    warn("a NUL \0, which neither text nor jsonb can hold");
    records
        .add_events(client, id, None, &log.try_iter().collect::<Vec<_>>())
        .await
        .unwrap();

    let rows = client
        .query(
            "SELECT seq, at, phase, kind, payload FROM cutover.event WHERE release = $1 ORDER BY seq",
            &[&id],
        )
        .await
        .unwrap();
    let told: Vec<(i64, Option<&str>, &str)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(2), row.get(3)))
        .collect();
    let expected = [
        (1, Some("preflight"), "warning"),
        (2, Some("preflight"), "warning"),
        (3, None, "phase_started"),
        (4, None, "warning"),
    ];
    assert_eq!(told, expected);
    assert!(
        rows[0]
            .get::<_, Timestamp>(1)
            .duration_since(first[0].at)
            .as_millis()
            .abs()
            < 1
    );
    assert_eq!(rows[1].get::<_, serde_json::Value>(4)["message"], "two");
    assert_eq!(
        rows[2].get::<_, serde_json::Value>(4),
        json!({ "event": "phase_started", "phase": "import_core" })
    );
}

#[tokio::test]
async fn an_error_text_may_hold_anything() {
    let fixture = Fixture::new().await;
    let id = fixture.open("a").await;
    let text = "line 7 of sites.csv: \"a\0b\" is no number";
    fixture
        .records
        .close(&fixture.client, id, ReleaseState::Failed, Some(text))
        .await
        .unwrap();
    let record = fixture
        .records
        .release(&fixture.client, id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        record.error.as_deref(),
        Some("line 7 of sites.csv: \"a\u{fffd}b\" is no number")
    );
}
