//! Staging is in shared buffers when it goes live, where that is asked for and can be done.

use cutover::{ReleaseReport, StopSignal};
use cutover_core::Phase;
use cutover_testkit::Cluster;

use crate::parks::Parks;
use crate::world::{Ear, cutover, swap_what_is_staged};

/// Of each relation whose name matches: how many of its blocks are in shared buffers.
const CACHED: &str = "
    SELECT string_agg(format('%s: %s', c.relname, CASE b.cached WHEN blocks THEN 'all' WHEN 0 THEN 'none' ELSE 'part' END), ', '
                      ORDER BY c.relname)
      FROM pg_class c,
           LATERAL (SELECT pg_relation_size(c.oid) / current_setting('block_size')::int AS blocks) s,
           LATERAL (SELECT count(*) AS cached FROM pg_buffercache b
                     WHERE b.reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND b.relfilenode = pg_relation_filenode(c.oid) AND b.relforknumber = 0) b
     WHERE blocks > 0 AND c.relkind <> 'S' AND c.relname ~ ";

async fn swap(parks: &Parks) -> (ReleaseReport, Vec<String>) {
    let file = parks.directory().join("release.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("[swap]", "[swap]\nprewarm = true")).unwrap();
    let ear = Ear::default();
    let report = cutover(&parks.url(), parks.directory())
        .release(&swap_what_is_staged(), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    // That the file is another one than at the build is warned of, too.
    let warnings = ear.warnings().into_iter().filter(|text| text.contains("prewarm"));
    (report, warnings.collect())
}

fn told(report: &ReleaseReport) -> &str {
    let phase = report
        .phases
        .iter()
        .find(|phase| phase.phase == Phase::FinaliseSwap);
    phase.unwrap().summary.rsplit("; ").next().unwrap()
}

/// Restarting the server empties its buffers, which were small enough for the budget to matter.
#[tokio::test]
async fn indexes_then_heaps_are_loaded_up_to_a_quarter_of_shared_buffers() {
    let cluster = Cluster::builder()
        .setting("shared_buffers", "16MB")
        .setting("autovacuum", "off")
        .start()
        .unwrap();
    let mut parks = Parks::first_on(&cluster).await;
    // Not in the schema of the set.
    let extensions = "CREATE SCHEMA \"Warm\"; CREATE EXTENSION pg_prewarm SCHEMA \"Warm\"; CREATE EXTENSION pg_buffercache";
    parks.database.execute(extensions).await.unwrap();
    parks.stage_sites(30_000).await.unwrap();
    cluster.restart().unwrap();
    parks.reconnect().await;
    let cached = |prefix: &str| format!("{CACHED} '^{prefix}(sources|sites|portal_sites)'");
    let cold = parks.text(&cached("staging_")).await;
    assert!(!cold.contains("all"), "{cold}");

    let (report, warnings) = swap(&parks).await;
    assert_eq!(warnings, [""; 0]);
    insta::assert_snapshot!(told(&report), @"4.19 of 6.29 MB prewarmed");
    insta::assert_snapshot!(
        parks.text(&cached("")).await,
        @"portal_sites: part, portal_sites_key: all, sites: none, sites_lower_name: all, sites_pkey: all, sources: all, sources_pkey: all, sources_title_key: all"
    );
}

#[tokio::test]
async fn where_staging_cannot_be_prewarmed_a_release_warns_and_goes_on() {
    let parks = Parks::staged().await;
    let (report, warnings) = swap(&parks).await;
    insta::assert_snapshot!(warnings.join("\n"), @"[swap] prewarm needs the extension pg_prewarm, which is not installed in the target database, so nothing is loaded before the swap: run CREATE EXTENSION pg_prewarm there (the release's role needs EXECUTE on the function pg_prewarm)");
    assert_eq!(told(&report), "nothing prewarmed");
    assert_eq!(parks.whole().await, "Feb2026");

    let parks = Parks::staged().await;
    let broken = "CREATE EXTENSION pg_prewarm; ALTER EXTENSION pg_prewarm DROP FUNCTION pg_prewarm; DROP FUNCTION pg_prewarm";
    parks.database.execute(broken).await.unwrap();
    let (_, warnings) = swap(&parks).await;
    insta::assert_snapshot!(warnings.join("\n"), @r#"the release goes on, but staging is not prewarmed as [swap] prewarm asks (the release's role needs EXECUTE on the function pg_prewarm and USAGE on its schema): could not load into shared buffers the staging relations of schema "public": function public.pg_prewarm(regclass, unknown, unknown, integer, bigint) does not exist (SQLSTATE 42883); hint: No function matches the given name and argument types. You might need to add explicit type casts."#);
    assert_eq!(parks.whole().await, "Feb2026");
}
