//! Importers that read straight from the portal, and say why where they do not.

use cutover::{PortalLogin, ReleaseOptions, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{ConnectSettings, Environment, EventKind};
use cutover_testkit::{Cluster, TestDatabase};

use crate::world::{Ear, cutover, wait_until};

const RELEASE_FILE: &str = r#"
[release]
name = "lakes"
tables = ["lakes", "shores"]

[target]
url = "env:DATABASE_URL"

[portal]
user_mapping = true

[[import]]
name = "lakes"
into = "lakes"
from = "portal_lakes"

[[import]]
name = "shores"
into = "shores"
after = ["lakes"]
query = "SELECT id, title FROM portal_lakes JOIN {{ staging('lakes') }} USING (id, title)"
"#;

/// The ways that the importers of a release went, once it is live.
async fn ways(url: &str, directory: &std::path::Path, label: &str, login: PortalLogin) -> Vec<String> {
    let ear = Ear::default();
    cutover(url, directory)
        .portal(login)
        .release(
            &ReleaseOptions::default().label(label.parse::<Label>().unwrap()),
            StopSignal::never(),
            &ear.events(),
        )
        .await
        .unwrap();
    let ways = ear.heard().into_iter().filter_map(|kind| match kind {
        EventKind::ImportStarted { way, .. } => Some(way),
        _ => None,
    });
    ways.collect()
}

/// A portal with lakes, and a live database that sees them through the wrapper.
async fn portal_and_live() -> (TestDatabase, TestDatabase) {
    let cluster = Cluster::shared();
    let (portal, live) = (
        cluster.database().await.unwrap(),
        cluster.database().await.unwrap(),
    );
    let lakes = "CREATE TABLE lakes (id bigint PRIMARY KEY, title text NOT NULL)";
    portal
        .execute(&format!(
            "{lakes}; INSERT INTO lakes SELECT n, 'Lake ' || n FROM generate_series(1, 50) n"
        ))
        .await
        .unwrap();
    live.execute(&format!(
        "{lakes}; CREATE TABLE shores (LIKE lakes INCLUDING ALL); CREATE SCHEMA portal; \
         CREATE SERVER portal FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{}', port '{}', dbname '{}'); \
         CREATE USER MAPPING FOR CURRENT_USER SERVER portal OPTIONS (user '{}', password '{}'); \
         IMPORT FOREIGN SCHEMA public LIMIT TO (lakes) FROM SERVER portal INTO portal; \
         CREATE VIEW portal_lakes AS SELECT id, upper(title) AS title FROM portal.lakes WHERE id > 10",
        cluster.host(),
        cluster.port(),
        portal.name(),
        cluster.superuser(),
        cluster.password(),
    ))
    .await
    .unwrap();
    (portal, live)
}

#[tokio::test]
async fn what_is_all_on_the_portal_is_read_from_it() {
    let (_portal, live) = portal_and_live().await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("release.toml"), RELEASE_FILE).unwrap();
    let url = format!("{}?sslmode=disable", live.url());

    let went = ways(&url, directory.path(), "Jan2026", PortalLogin::UserMapping).await;
    assert!(
        went[0].starts_with("binary COPY pipe: straight from foreign server \"portal\""),
        "{went:?}"
    );
    assert!(
        went[1].ends_with("; not straight from the foreign server: it reads \"public\".\"staging_lakes\", which is in this database"),
        "{went:?}"
    );
    let rows = "SELECT concat_ws(' ', count(*), min(title)) FROM lakes JOIN shores USING (id, title)";
    assert_eq!(live.query_text(rows).await.unwrap(), "40 LAKE 11");

    // A connection to somewhere else: here, live itself.
    let elsewhere = ConnectSettings::resolve(&url, &Environment::empty()).unwrap();
    let went = ways(
        &url,
        directory.path(),
        "Feb2026",
        PortalLogin::Settings(Box::new(elsewhere)),
    )
    .await;
    assert!(
        went[0].contains("the connection leads to another server or database than foreign server \"portal\""),
        "{went:?}"
    );
    assert_eq!(live.query_text(rows).await.unwrap(), "40 LAKE 11");
}

/// What is written to the portal while the first of two is under way, the second does not see either.
#[tokio::test]
async fn all_that_read_straight_from_the_portal_read_one_state() {
    let (portal, live) = portal_and_live().await;
    live.execute(
        "CREATE FUNCTION in_the_middle(id bigint) RETURNS boolean LANGUAGE plpgsql AS \
         $$ BEGIN IF id = 30 THEN PERFORM pg_advisory_xact_lock_shared(7); END IF; RETURN true; END $$; \
         ALTER TABLE lakes ADD CHECK (in_the_middle(id))",
    )
    .await
    .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let join = "SELECT id, title FROM portal_lakes JOIN {{ staging('lakes') }} USING (id, title)";
    let file = RELEASE_FILE.replace(join, "SELECT id, title FROM portal_lakes");
    assert_ne!(file, RELEASE_FILE);
    std::fs::write(directory.path().join("release.toml"), file).unwrap();
    let url = format!("{}?sslmode=disable", live.url());
    let blocker = live.connect().await.unwrap();
    blocker.batch_execute("SELECT pg_advisory_lock(7)").await.unwrap();

    let ear = Ear::default();
    let (cutover, events) = (cutover(&url, directory.path()), ear.events());
    let run = tokio::spawn(async move {
        let options = ReleaseOptions::default().label("Jan2026".parse::<Label>().unwrap());
        let cutover = cutover.portal(PortalLogin::UserMapping);
        cutover.release(&options, StopSignal::never(), &events).await
    });
    let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
                    AND wait_event = 'advisory')";
    wait_until("the first importer is held up", async || {
        blocker.query_one(waiting, &[]).await.unwrap().get(0)
    })
    .await;
    portal
        .execute("INSERT INTO lakes VALUES (51, 'Lake 51')")
        .await
        .unwrap();
    blocker
        .batch_execute("SELECT pg_advisory_unlock(7)")
        .await
        .unwrap();
    run.await.unwrap().unwrap();
    let straight = |event: &EventKind| matches!(event, EventKind::ImportStarted { way, .. } if way.contains("straight from foreign server"));
    assert_eq!(ear.heard().iter().filter(|event| straight(event)).count(), 2);
    assert!(
        !ear.warnings().iter().any(|warning| warning.contains("state of")),
        "{:?}",
        ear.warnings()
    );
    let rows = "SELECT (SELECT count(*) FROM lakes) || ' ' || (SELECT count(*) FROM shores)";
    assert_eq!(live.query_text(rows).await.unwrap(), "40 40");
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'cutover%'";
    assert_eq!(portal.query_text(left).await.unwrap(), "0");

    let went = ways(&url, directory.path(), "Feb2026", PortalLogin::UserMapping).await;
    assert!(
        went.iter()
            .all(|way| way.contains("straight from foreign server")),
        "{went:?}"
    );
    assert_eq!(live.query_text(rows).await.unwrap(), "41 41");
}
