//! Under a search path of somebody else's making, our statements still mean the server's own functions and catalogs.

use cutover_core::catalog::{WriteCounts, read_fingerprint};
use cutover_core::records::{BackupObject, Records, ReleaseKind, ReleaseState, SwapRecord};
use cutover_core::{Event, EventKind, Events, Ident, ObjectKind, Phase, QualifiedName, ReleaseLock, Stamp};
use cutover_testkit::Cluster;
use std::sync::{Arc, Mutex};

/// Stands in for whatever a plain name could mean, and fails when it is used.
const IMPOSTORS: &str = "
    CREATE SCHEMA impostor;
    CREATE FUNCTION impostor.fail() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''impostor''; END';
    CREATE FUNCTION impostor.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz WHERE impostor.fail()';
    CREATE FUNCTION impostor.pg_try_advisory_lock(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT impostor.fail()';
    CREATE FUNCTION impostor.pg_advisory_unlock(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT impostor.fail()';
    CREATE FUNCTION impostor.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE sql AS 'SELECT $1[1] WHERE impostor.fail()';
    CREATE AGGREGATE impostor.max(integer) (SFUNC = int4larger, STYPE = integer, INITCOND = '99');
    CREATE AGGREGATE impostor.max(bigint) (SFUNC = int8larger, STYPE = bigint, INITCOND = '99');
    CREATE VIEW impostor.pg_class AS SELECT 1 AS oid WHERE impostor.fail();
    CREATE VIEW impostor.pg_depend AS SELECT 1 AS objid WHERE impostor.fail();
";

#[tokio::test]
async fn the_servers_own_are_meant() {
    let database = Cluster::shared().empty_database().await.unwrap();
    database.execute(IMPOSTORS).await.unwrap();
    let mut client = database.connect().await.unwrap();
    client
        .batch_execute("SET search_path = impostor, pg_catalog, public")
        .await
        .unwrap();

    Records::migrate(&mut client).await.unwrap();
    assert!(Records::version(&client).await.unwrap().is_some());
    let name = Ident::new("wdpa").unwrap();
    let lock = ReleaseLock::of(&name);
    assert!(lock.try_acquire(&client).await.unwrap());
    assert!(lock.is_held(&client).await.unwrap());

    let records = Records::of(&name);
    let release = records
        .open(&client, ReleaseKind::Release, "Sep2025", None, "host", 1)
        .await
        .unwrap();
    records
        .enter_phase(&client, release, Phase::Preflight)
        .await
        .unwrap();
    records
        .set_staged(&client, release, Some(&serde_json::json!({})))
        .await
        .unwrap();
    records
        .set_manifest(&client, release, &serde_json::json!({}))
        .await
        .unwrap();
    records.request_abort(&client, release).await.unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    Events::to(move |event: &Event| log.lock().unwrap().push(event.clone())).emit(EventKind::PhaseStarted {
        phase: Phase::Preflight,
    });
    let events = seen.lock().unwrap().clone();
    records.add_events(&client, release, None, &events).await.unwrap();
    let stamp: Stamp = "2509010405".parse().unwrap();
    let sources = QualifiedName::new(Ident::new("public").unwrap(), Ident::new("sources").unwrap());
    let kept = BackupObject {
        kind: ObjectKind::Table,
        live: sources.clone(),
        backup: sources,
        oid: 1,
        of_relation: None,
    };
    records.add_backup(&client, &stamp, &[kept]).await.unwrap();
    let swap = SwapRecord {
        release,
        backup: stamp,
        restored: None,
        writes: WriteCounts::default(),
    };
    records.record_swap(&client, &swap).await.unwrap();
    assert_eq!(records.backup_sets(&client).await.unwrap()[0].relations, 1);
    records
        .close(&client, release, ReleaseState::Completed, None)
        .await
        .unwrap();
    records.reopen(&client, release, "host", 1).await.unwrap();
    let seq = database
        .query_text("SELECT max(seq) FROM cutover.event")
        .await
        .unwrap();
    assert_eq!(seq, "1", "numbered by the server's own max");

    read_fingerprint(&client, &[1259]).await.unwrap();
    assert!(lock.release(&client).await.unwrap());
}
