//! Materialized views that read the set, and the views they read it through: they change places with it.

use cutover::{ReleaseError, StopSignal};
use cutover_core::Events;
use cutover_testkit::normalised_dump;

use crate::child;
use crate::world::{Site, assert_same_dump, cluster, told};

/// One in the set, over tables; outside it one over a table, one over a view over a view, one over a materialized view; and
/// plain views over all of that, which nothing reads.
const MATVIEWS: &str = "
    CREATE MATERIALIZED VIEW months AS SELECT month, count(*) AS countries FROM country_statistics GROUP BY month;
    CREATE UNIQUE INDEX months_key ON months (month);
    CREATE MATERIALIZED VIEW outside_months AS SELECT DISTINCT month FROM global_statistics;
    CREATE UNIQUE INDEX outside_months_key ON outside_months (month);
    CREATE VIEW inner_view WITH (security_barrier = true) AS SELECT month, name FROM global_statistics;
    CREATE VIEW outer_view AS SELECT month, count(*) AS names FROM inner_view GROUP BY month;
    COMMENT ON VIEW inner_view IS 'between'; COMMENT ON COLUMN outer_view.names IS 'how many';
    GRANT SELECT ON inner_view TO PUBLIC; GRANT SELECT (month) ON outer_view TO PUBLIC;
    CREATE FUNCTION keep_month() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER keep_month INSTEAD OF UPDATE ON outer_view FOR EACH ROW EXECUTE FUNCTION keep_month();
    CREATE MATERIALIZED VIEW over_views AS SELECT month, names FROM outer_view;
    CREATE UNIQUE INDEX over_views_key ON over_views (month);
    CREATE MATERIALIZED VIEW over_matview WITH (fillfactor = 70) AS SELECT month, countries FROM months;
    CREATE UNIQUE INDEX over_matview_key ON over_matview (month);
    COMMENT ON MATERIALIZED VIEW over_matview IS 'over another';
    CREATE VIEW over_all AS SELECT month FROM over_views UNION SELECT month FROM inner_view;
    CREATE VIEW all_months AS
        SELECT month FROM months UNION SELECT month FROM outside_months UNION SELECT month FROM over_views
        UNION SELECT month FROM over_matview UNION SELECT month FROM over_all UNION SELECT month FROM global_statistics;
    ALTER MATERIALIZED VIEW months OWNER TO wdpa_owner; ALTER MATERIALIZED VIEW outside_months OWNER TO wdpa_owner;
    ALTER MATERIALIZED VIEW over_views OWNER TO wdpa_owner; ALTER MATERIALIZED VIEW over_matview OWNER TO wdpa_owner;
    ALTER VIEW inner_view OWNER TO wdpa_owner; ALTER VIEW outer_view OWNER TO wdpa_owner;
    ALTER VIEW over_all OWNER TO wdpa_owner; ALTER VIEW all_months OWNER TO wdpa_owner";

const SEEN: &str = "SELECT month FROM all_months";

async fn site() -> Site {
    let mut site = Site::month_1().await;
    site.live().execute(MATVIEWS).await.unwrap();
    site.replace("matviews = [", "matviews = [\n    \"months\",");
    site
}

fn schema_of(site: &Site) -> String {
    let args = [
        "--schema-only",
        "--schema=public",
        "--exclude-table=bk*",
        "--exclude-table=staging_*",
    ];
    normalised_dump(cluster(), site.live().name(), &args).unwrap()
}

#[tokio::test]
async fn they_come_along_and_go_back_under_readers() {
    let mut site = site().await;
    let before = schema_of(&site);
    let first = site.texts(SEEN).await;
    assert_eq!(first.len(), 1);

    // One statement through all of them sees one month.
    let reader = site.live().connect().await.unwrap();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let reading = tokio::spawn(async move {
        let mut seen = Vec::new();
        while stopped.try_recv().is_err() {
            let months: Vec<String> = reader
                .query(SEEN, &[])
                .await
                .unwrap()
                .iter()
                .map(|row| row.get(0))
                .collect();
            assert_eq!(months.len(), 1, "{months:?}");
            seen.extend(months);
        }
        seen.dedup();
        seen
    });

    let report = site.run(site.options()).await.unwrap();
    let swap = report.swap.clone().unwrap();
    assert_eq!(swap.relations, 25 + 1 + 5);
    let built = &report.phases[3].summary;
    assert!(
        built.contains(
            "16 tables and 4 materialized views and 2 views (view \"public\".\"inner_view\", materialized view \
             \"public\".\"outside_months\", materialized view \"public\".\"over_matview\", view \
             \"public\".\"outer_view\", materialized view \"public\".\"over_views\" came along) cloned, "
        ),
        "{built}"
    );
    assert_same_dump(&schema_of(&site), &before);
    let second = site.texts(SEEN).await;
    assert_ne!(first, second);
    for matview in ["months", "outside_months", "over_views", "over_matview"] {
        let refresh = format!("REFRESH MATERIALIZED VIEW CONCURRENTLY {matview}");
        site.live().execute(&refresh).await.unwrap();
    }
    assert_eq!(site.texts(SEEN).await, second);

    site.cutover
        .rollback(
            &swap.backup,
            &cutover::RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    assert_same_dump(&schema_of(&site), &before);
    assert_eq!(site.texts(SEEN).await, first);
    site.assert_tidy().await;
    stop.send(()).unwrap();
    assert_eq!(
        reading.await.unwrap(),
        [first.concat(), second.concat(), first.concat()]
    );

    // Retention drops them with their sets, and nothing else.
    site.publish(3).await.unwrap();
    site.publish(2).await.unwrap();
    assert_same_dump(&schema_of(&site), &before);
    let kept = "SELECT count(*) || ' ' || count(DISTINCT left(relname, 12)) FROM pg_class \
                WHERE relname LIKE 'bk%\\_inner\\_view' OR relname LIKE 'bk%\\_over\\_matview'";
    assert_eq!(site.texts(kept).await, ["4 2"]);
    site.assert_tidy().await;
}

#[tokio::test]
async fn the_plan_the_audit_and_the_space_report_know_them() {
    let site = site().await;
    let plan = site.cutover.plan().await.unwrap();
    let companions: Vec<&str> = plan
        .companions
        .iter()
        .map(|object| object.name.as_str())
        .collect();
    assert_eq!(
        companions,
        [
            "inner_view",
            "outside_months",
            "over_matview",
            "outer_view",
            "over_views"
        ]
    );
    assert!(
        plan.to_string()
            .starts_with("-- comes along: view \"public\".\"inner_view\"\n"),
        "{plan}"
    );
    let audit = site
        .cutover
        .audit(&cutover_swap::AuditOptions::default())
        .await
        .unwrap();
    assert!(audit.relations.contains_key("over_views") && audit.relations.contains_key("outer_view"));
    let space = site.cutover.space().await.unwrap();
    let live = space.sets[0].relations.iter();
    assert!(
        live.clone()
            .any(|relation| relation.name.name.as_str() == "over_matview")
    );
}

#[tokio::test]
async fn the_file_can_have_them_refused() {
    let mut site = site().await;
    site.edit(|text| format!("{text}\n[swap]\nmatviews = \"refuse\"\n"));
    let error = site.run(site.options()).await.unwrap_err();
    assert!(matches!(error, ReleaseError::SwapRefused(_)), "{error}");
    let told = told(&error);
    for matview in ["outside_months", "over_views", "over_matview"] {
        let refused =
            format!("materialized view \"public\".\"{matview}\" reads the set and would keep the old data");
        assert!(told.contains(&refused), "{told}");
    }
    site.assert_tidy().await;
}

#[tokio::test]
async fn one_made_after_staging_is_refused_by_name() {
    let site = Site::month_2_staged().await;
    site.live()
        .execute("CREATE MATERIALIZED VIEW late_comer AS SELECT month FROM global_statistics")
        .await
        .unwrap();
    let error = site.run(crate::world::swap_what_is_staged()).await.unwrap_err();
    let told = told(&error);
    assert!(
        told.contains(
            "materialized view \"public\".\"late_comer\" reads the set and would keep the old data"
        ),
        "{told}"
    );
}

#[tokio::test]
async fn killed_while_one_is_filled_everything_is_cleared_up() {
    child::obey().await;
    let site = site().await;
    let before = schema_of(&site);
    let test = "companions::killed_while_one_is_filled_everything_is_cleared_up";
    site.release_in_a_child_that_dies(test, "step_done fill staging_over_views")
        .await;
    let aborted = site.cutover.abort(&Events::none()).await.unwrap();
    assert_eq!(aborted.removed, 31);
    site.assert_tidy().await;
    assert_same_dump(&schema_of(&site), &before);
    site.run(site.options()).await.unwrap();
    assert_eq!(site.texts(SEEN).await.len(), 1);
}
