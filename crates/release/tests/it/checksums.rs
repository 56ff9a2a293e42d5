//! Checksums in the manifest, where the release file asks for them.

use cutover_core::Ident;
use cutover_swap::{Audit, AuditOptions};

use crate::manifest_schema::assert_fits_schema;
use crate::parks::Parks;

async fn audited(parks: &Parks, table: &str) -> Option<String> {
    let mut client = parks.database.connect().await.unwrap();
    let names = [Ident::new("public").unwrap(), Ident::new(table).unwrap()];
    let options = AuditOptions::default().checksums(true);
    let audit = Audit::take(&mut client, &names[0], &names[1..], &options).await;
    audit.unwrap().relations[table].get("checksum").cloned()
}

/// They tell whether what is live is what was released.
#[tokio::test]
async fn what_is_live_has_the_checksums_of_its_manifest() {
    let mut parks = Parks::staged().await;
    parks.cutover = parks.with("[manifest]\nchecksums = true\n");
    let report = parks.stage("Mar2026").await.unwrap();
    let manifest = report.manifest.unwrap();
    assert_fits_schema(&manifest);
    parks.go_live(&parks.cutover).await.unwrap();
    for (table, facts) in &manifest.relations {
        assert!(facts.checksum.is_some(), "{table}");
        assert_eq!(facts.checksum, audited(&parks, table).await, "{table}");
    }
    let sites = manifest.relations["sites"].checksum.clone();
    parks
        .database
        .execute("UPDATE sites SET name = 'another' WHERE id = 1")
        .await
        .unwrap();
    assert_ne!(audited(&parks, "sites").await, sites);
}
