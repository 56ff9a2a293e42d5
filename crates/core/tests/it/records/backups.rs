//! Backup sets: what they hold, how large they are, and that they can be forgotten.

use cutover_core::catalog::WriteCounts;
use cutover_core::records::{BackupObject, Records, SwapRecord};
use cutover_core::{ObjectKind, QualifiedName};

use super::{Fixture, ident, stamp};

fn public(name: &str) -> QualifiedName {
    QualifiedName::new(ident("public"), ident(name))
}

async fn oid(fixture: &Fixture, name: &str) -> u32 {
    fixture
        .client
        .query_one("SELECT to_regclass($1)::oid", &[&name])
        .await
        .unwrap()
        .get(0)
}

/// One object of every kind that a backup set may hold, all of them there.
async fn objects(fixture: &Fixture) -> Vec<BackupObject> {
    fixture
        .database
        .execute(
            "CREATE TABLE bk_sites (id serial PRIMARY KEY, doc text);
             INSERT INTO bk_sites (doc) SELECT repeat(n::text, 100) FROM generate_series(1, 1000) n;
             CREATE MATERIALIZED VIEW bk_m AS SELECT * FROM bk_sites;
             CREATE TABLE bk_log (id integer) PARTITION BY LIST (id);
             CREATE STATISTICS bk_stat ON id, doc FROM bk_sites;",
        )
        .await
        .unwrap();
    let mut objects = Vec::new();
    for (kind, live, of) in [
        (ObjectKind::Table, "sites", None),
        (ObjectKind::MaterializedView, "m", None),
        (ObjectKind::PartitionedTable, "log", None),
        (ObjectKind::Index, "sites_pkey", Some(ident("sites"))),
        (ObjectKind::Sequence, "sites_id_seq", Some(ident("sites"))),
    ] {
        let backup = format!("bk_{live}");
        objects.push(BackupObject {
            kind,
            live: public(live),
            oid: oid(fixture, &backup).await,
            backup: public(&backup),
            of_relation: of,
        });
    }
    objects.push(BackupObject {
        kind: ObjectKind::ExtendedStatistics,
        live: public("stat"),
        backup: public("bk_stat"),
        oid: 77,
        of_relation: Some(ident("sites")),
    });
    objects
}

#[tokio::test]
async fn what_is_recorded_reads_back() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let objects = objects(&fixture).await;
    let september = stamp("2509010405");
    records.add_backup(client, &september, &objects).await.unwrap();
    let mut back = records.backup_objects(client, &september).await.unwrap();
    back.sort_by_key(|object| objects.iter().position(|other| other.oid == object.oid));
    assert_eq!(back, objects);
    assert_eq!(
        records
            .backup_objects(client, &stamp("2509010406"))
            .await
            .unwrap(),
        []
    );
    let mut oids = records.all_backup_oids(client).await.unwrap();
    oids.sort_unstable();
    let mut expected: Vec<u32> = objects.iter().map(|object| object.oid).collect();
    expected.sort_unstable();
    assert_eq!(oids, expected);
}

#[tokio::test]
async fn sizes_count_relations_with_their_indexes() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    records
        .add_backup(client, &stamp("2509010405"), &objects(&fixture).await)
        .await
        .unwrap();
    let set = records.backup_sets(client).await.unwrap().remove(0);
    assert_eq!((set.relations, set.release, set.label), (3, None, None));
    let measured = "SELECT pg_total_relation_size('bk_sites') + pg_total_relation_size('bk_m')";
    assert_eq!(
        set.bytes.to_string(),
        fixture.database.query_text(measured).await.unwrap()
    );
    fixture
        .database
        .execute("DROP MATERIALIZED VIEW bk_m; DROP TABLE bk_sites")
        .await
        .unwrap();
    let set = records.backup_sets(client).await.unwrap().remove(0);
    assert_eq!(
        (set.relations, set.bytes),
        (3, 0),
        "dropped by hand, and still recorded"
    );
}

#[tokio::test]
async fn a_set_knows_whose_data_it_holds() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let swap = async |id, backup: &str| {
        let backup = stamp(backup);
        records.add_backup(client, &backup, &[]).await.unwrap();
        records
            .record_swap(
                client,
                &SwapRecord {
                    release: id,
                    backup,
                    restored: None,
                    writes: WriteCounts::default(),
                },
            )
            .await
            .unwrap();
    };
    let august = fixture.open("Aug2025").await;
    swap(august, "2508010000").await;
    let september = fixture.open("Sep2025").await;
    swap(september, "2509010000").await;
    let sets = records.backup_sets(client).await.unwrap();
    let told: Vec<_> = sets
        .iter()
        .map(|set| (set.stamp.as_str(), set.release, set.label.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("2509010000", Some(august), Some("Aug2025")),
            ("2508010000", None, None)
        ],
        "newest first"
    );
}

#[tokio::test]
async fn forgetting_takes_the_objects_along() {
    let fixture = Fixture::new().await;
    let (records, client) = (&fixture.records, &fixture.client);
    let other = Records::of(&ident("oecm"));
    let stamp = stamp("2509010405");
    let objects = objects(&fixture).await;
    records.add_backup(client, &stamp, &objects[..1]).await.unwrap();
    other.add_backup(client, &stamp, &objects[1..2]).await.unwrap();
    records.forget_backup(client, &stamp).await.unwrap();
    records.forget_backup(client, &stamp).await.unwrap();
    assert_eq!(records.backup_sets(client).await.unwrap(), []);
    assert_eq!(records.backup_objects(client, &stamp).await.unwrap(), []);
    assert_eq!(
        other.backup_sets(client).await.unwrap().len(),
        1,
        "another release set's stamp is another's"
    );
    assert_eq!(other.backup_objects(client, &stamp).await.unwrap(), objects[1..2]);
}

#[tokio::test]
async fn a_stamp_is_taken_once() {
    let fixture = Fixture::new().await;
    fixture
        .records
        .add_backup(&fixture.client, &stamp("2509010405"), &[])
        .await
        .unwrap();
    let error = fixture
        .records
        .add_backup(&fixture.client, &stamp("2509010405"), &[])
        .await
        .unwrap_err();
    assert_eq!(error.sqlstate().unwrap().code(), "23505");
    assert_eq!(
        error.to_string(),
        r#"could not record the backup set of release "wdpa""#
    );
}
