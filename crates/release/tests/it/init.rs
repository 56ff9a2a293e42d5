//! Release files that are proposed for the reference dataset, up to the first release.

use cutover::{InitError, InitOptions, Proposal};
use cutover_core::release_file::ReleaseFile;
use cutover_core::{ConnectSettings, Environment, Ident};

use crate::world::Site;

fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

async fn propose(site: &Site, tables: &[&str]) -> Result<Proposal, InitError> {
    let target = ConnectSettings::resolve(&site.url(), &Environment::empty()).unwrap();
    let options = InitOptions::new(ident("public"))
        .name("wdpa")
        .tables(tables.iter().map(|table| ident(table)));
    Proposal::read(&target, &options).await
}

/// What no name tells is left to a person; the plain view over the set's own materialized views, which would bring the last
/// release, is not imported from.
#[tokio::test]
async fn what_is_proposed_for_the_reference_dataset_is_a_release_file() {
    let site = Site::empty().await;
    let proposal = propose(&site, &[]).await.unwrap();
    let text = proposal.release_file("env:DATABASE_URL");
    insta::assert_snapshot!("wdpa", text);
    let file = ReleaseFile::parse(&text, "release.toml").unwrap();
    assert_eq!(file.release().tables, proposal.tables);
    assert_eq!(file.imports().len(), proposal.imports.len());
    let error = propose(&site, &["nowhere"]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no table nowhere in schema \"public\""
    );
}

#[tokio::test]
async fn what_needs_nothing_filled_in_is_released_as_proposed() {
    let mut site = Site::empty().await;
    let tables = ["sources", "green_list_statuses", "pame_sources"];
    let proposal = propose(&site, &tables).await.unwrap();
    assert!(
        proposal.imports.iter().all(|import| import.missing.is_empty()),
        "{proposal:#?}"
    );
    site.edit(|_| proposal.release_file("env:DATABASE_URL"));
    site.run(site.options()).await.unwrap();
    for table in tables {
        let filled = site
            .texts(&format!("SELECT (count(*) > 0)::text FROM {table}"))
            .await;
        assert_eq!(filled, ["true"], "{table}");
    }
    let titles = "SELECT count(*)::text FROM sources WHERE title IS NULL OR responsible_party IS NULL";
    assert_eq!(site.texts(titles).await, ["0"]);
}
