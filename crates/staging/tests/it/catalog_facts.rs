//! The second oracle: what the catalogs hold and `pg_dump` does not print, or prints alike for different things.

use cutover_core::ObjectKind;
use cutover_staging::StagedSet;
use tokio_postgres::Client;

/// Facts that only a live member has, or only its twin, with the live member's name.
pub(crate) async fn differences(client: &Client, set: &StagedSet) -> Vec<(String, String)> {
    let live: Vec<u32> = set.members.iter().map(|member| member.live_oid).collect();
    let parts = || set.members.iter().flat_map(|member| &member.parts);
    let kinds: Vec<&str> = parts()
        .map(|part| match part.kind {
            ObjectKind::Index => "index",
            ObjectKind::Sequence => "sequence",
            _ => "statistics",
        })
        .collect();
    let staging: Vec<&str> = parts().map(|part| part.staging.name.as_str()).collect();
    let names: Vec<&str> = parts().map(|part| part.live.name.as_str()).collect();
    let rows = client
        .query(
            include_str!("catalog_facts.sql"),
            &[&live, &set.oids(), &kinds, &staging, &names],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
