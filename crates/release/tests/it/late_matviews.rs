//! A materialized view of the set that reads its tables.

use cutover::{RollbackOptions, StopSignal};
use cutover_core::Events;
use cutover_core::records::ReleaseState;

use crate::child;
use crate::world::Site;

/// Reads a table of the set, and one reads that and one that importers read.
const LATE: &str = "
    CREATE MATERIALIZED VIEW months AS SELECT month, count(*) AS countries FROM country_statistics GROUP BY month;
    CREATE UNIQUE INDEX months_key ON months (month);
    CREATE MATERIALIZED VIEW points_of_months AS
        SELECT month, (SELECT count(*) FROM portal_standard_points) AS points FROM months;
    ALTER MATERIALIZED VIEW months OWNER TO wdpa_owner; ALTER MATERIALIZED VIEW points_of_months OWNER TO wdpa_owner";

const MONTHS: &str = "SELECT DISTINCT month FROM country_statistics";
const SEEN: &str = "SELECT month FROM months UNION SELECT month FROM points_of_months";

async fn site() -> Site {
    let mut site = Site::month_1().await;
    site.live().execute(LATE).await.unwrap();
    // In an order that is not theirs.
    site.replace(
        "matviews = [",
        "matviews = [\n    \"points_of_months\",\n    \"months\",",
    );
    site
}

#[tokio::test]
async fn it_goes_live_with_the_new_rows_and_comes_back_with_the_old() {
    let site = site().await;
    let before = site.texts(MONTHS).await;
    let report = site.run(site.options()).await.unwrap();
    let after = site.texts(MONTHS).await;
    assert_ne!(before, after);
    assert_eq!(site.texts(SEEN).await, after);
    let summary = |number: usize| report.phases[number].summary.clone();
    assert_eq!(summary(1), "9 materialized views rebuilt beside the live ones");
    assert!(
        summary(3).starts_with("16 tables and 2 materialized views cloned, "),
        "{}",
        summary(3)
    );
    let manifest = report.manifest.unwrap();
    assert_eq!(
        (
            manifest.relations["months"].rows,
            manifest.relations["months"].live_rows
        ),
        (1, 1)
    );
    let vacuumed = "SELECT relallvisible = relpages FROM pg_class WHERE relname = 'months'";
    assert_eq!(site.texts(vacuumed).await, ["t"]);
    site.live()
        .execute("REFRESH MATERIALIZED VIEW CONCURRENTLY months")
        .await
        .unwrap();

    let stamp = report.swap.unwrap().backup;
    site.cutover
        .rollback(
            &stamp,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    assert_eq!(site.texts(SEEN).await, before);
    site.assert_tidy().await;
}

#[tokio::test]
async fn killed_while_it_is_filled_the_release_is_taken_up_or_aborted() {
    child::obey().await;
    let site = site().await;
    let test = "late_matviews::killed_while_it_is_filled_the_release_is_taken_up_or_aborted";
    let before = site.texts(MONTHS).await;
    site.release_in_a_child_that_dies(test, "step_done fill staging_months")
        .await;
    assert_eq!(site.texts(SEEN).await, before);
    let empty = "SELECT relispopulated FROM pg_class WHERE relname = 'staging_months'";
    assert_eq!(site.texts(empty).await, ["f"]);
    let report = site
        .run(
            cutover::ReleaseOptions::default().selection(
                cutover::Selection::all()
                    .start_at(cutover_core::Phase::ValidateAndManifest)
                    .unwrap(),
            ),
        )
        .await
        .unwrap();
    assert_eq!(report.state, ReleaseState::Completed);
    assert_eq!(site.texts(SEEN).await, site.texts(MONTHS).await);
    assert_ne!(site.texts(MONTHS).await, before);
    site.assert_tidy().await;

    let before = site.texts(MONTHS).await;
    site.release_in_a_child_that_dies(test, "step_done fill staging_months")
        .await;
    let aborted = site.cutover.abort(&Events::none()).await.unwrap();
    assert_eq!((aborted.was_running, aborted.removed), (false, 27));
    site.assert_tidy().await;
    assert_eq!(site.texts(SEEN).await, before);
}
