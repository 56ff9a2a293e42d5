//! Importers that read straight from the portal, and say why where they do not.

use cutover::{PortalLogin, ReleaseOptions, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{ConnectSettings, Environment, EventKind};
use cutover_testkit::Cluster;

use crate::world::{Ear, cutover};

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

#[tokio::test]
async fn what_is_all_on_the_portal_is_read_from_it() {
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
