use std::collections::BTreeSet;
use std::time::Duration;

use cutover_testkit::dataset::{LIVE_READER, PortalSpec, RELEASE_MATVIEWS, RELEASE_TABLES, World};
use cutover_testkit::{Cluster, LoadOptions, LoadReport, ReaderLoad, ReleaseMap, TimedRead, normalised_dump};

/// As many readers as there are ways to read.
const WAYS: usize = 6;

async fn world() -> World {
    let cluster = Cluster::shared();
    let world = World::create(cluster, cluster, PortalSpec::new(1, 0.0))
        .await
        .unwrap();
    world.load().await.unwrap();
    world
}

async fn start(world: &World) -> ReaderLoad {
    let url = Cluster::shared().url_for(LIVE_READER, LIVE_READER, world.live().name());
    let load = ReaderLoad::start(&url, WAYS).await.unwrap();
    // Some rounds of all statements for each of them.
    load.statements_reach(200).await.unwrap();
    load
}

/// Until the readers have gone on for a while.
async fn more(load: &ReaderLoad) {
    load.statements_reach(load.statements() + 200).await.unwrap();
}

async fn stop(world: &World, load: ReaderLoad) -> LoadReport {
    let releases = ReleaseMap::read(&world.live().connect().await.unwrap())
        .await
        .unwrap();
    load.stop(&releases).await.unwrap()
}

#[tokio::test]
async fn readers_of_a_quiet_database_see_one_release_and_nothing_wrong() {
    let world = world().await;
    let load = start(&world).await;
    let report = stop(&world, load).await;
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.connections, WAYS);
    assert!(report.reads.is_empty(), "kept without being asked for");
    assert_eq!(
        report.by_release.get("live"),
        Some(&report.statements),
        "{report:#?}"
    );
    assert!(
        report.p50_ms <= report.p99_ms && report.longest_stall_ms > 0.0,
        "{report:#?}"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["errors"], 0);
}

#[tokio::test]
async fn every_way_of_reading_is_kept_with_its_time_when_that_is_asked_for() {
    let world = world().await;
    let url = Cluster::shared().url_for(LIVE_READER, LIVE_READER, world.live().name());
    let length = Duration::from_millis(300);
    let options = LoadOptions::new(WAYS + 1)
        .think(Duration::from_millis(2))
        .reporters(1, length..=length, Duration::ZERO..=Duration::ZERO)
        .keep_reads();
    let load = ReaderLoad::start_with(&url, &options).await.unwrap();
    load.statements_reach(200).await.unwrap();
    let report = stop(&world, load).await;
    assert!(report.is_clean(), "{:#?}", report.error_samples);
    assert_eq!(report.reads.len() as u64, report.statements);
    let ways: BTreeSet<&str> = report.reads.iter().map(|read| read.way).collect();
    let expected = [
        "cursor",
        "extended",
        "pooled",
        "prepared",
        "repeatable read",
        "report",
        "simple",
    ];
    assert_eq!(ways, BTreeSet::from(expected));
    let long = |read: &&TimedRead| read.way == "report" && read.statement == "whole set";
    let long = report.reads.iter().find(long).unwrap();
    assert_eq!(long.lasted.checked_sub(length), Some(long.took), "{long:?}");
}

#[tokio::test]
async fn a_release_that_goes_live_piece_by_piece_is_seen_as_mixed() {
    let world = world().await;
    world
        .live()
        .execute("CREATE TABLE next_sources AS TABLE sources; GRANT SELECT ON next_sources TO wdpa_reader")
        .await
        .unwrap();
    let load = start(&world).await;
    let swap =
        "ALTER TABLE sources RENAME TO bk2509010000_sources; ALTER TABLE next_sources RENAME TO sources";
    world.live().execute(swap).await.unwrap();
    more(&load).await;
    let report = stop(&world, load).await;
    // Before the swap `sources` was read beside what is live still.
    assert!(report.mixed_reads > 0, "{report:#?}");
    assert!(report.by_release.contains_key("live"), "{report:#?}");
    assert!(!report.is_clean());
}

/// Copies of all members, swapped with them in one transaction that is always the victim of its deadlocks.
#[tokio::test]
async fn two_releases_that_are_never_mixed_are_both_seen() {
    let world = world().await;
    let members = RELEASE_TABLES.iter().map(|name| ("TABLE", name));
    let members: Vec<_> = members
        .chain(RELEASE_MATVIEWS.iter().map(|name| ("MATERIALIZED VIEW", name)))
        .collect();
    for (kind, name) in &members {
        world
            .live()
            .execute(&format!("CREATE {kind} next_{name} AS TABLE {name}"))
            .await
            .unwrap();
    }
    // The views read as their owner.
    let finish = "UPDATE next_country_statistics SET month = 'Oct2025'; UPDATE next_global_statistics SET month = 'Oct2025'; \
                  GRANT SELECT ON ALL TABLES IN SCHEMA public TO wdpa_reader, wdpa_owner";
    world.live().execute(finish).await.unwrap();
    let views = [
        "portal_downloads_protected_areas",
        "reporting_country_statistics",
        "reporting_region_statistics",
    ];
    let mut swap = vec![
        "BEGIN".to_owned(),
        "SET LOCAL deadlock_timeout = '20ms'".to_owned(),
    ];
    swap.extend(
        views
            .iter()
            .rev()
            .chain(&RELEASE_TABLES)
            .map(|name| format!("LOCK TABLE {name}")),
    );
    for (kind, name) in &members {
        swap.push(format!("ALTER {kind} {name} RENAME TO bk2509010000_{name}"));
        swap.push(format!("ALTER {kind} next_{name} RENAME TO {name}"));
    }
    for view in views {
        let definition = format!("SELECT rtrim(pg_get_viewdef('{view}'::regclass), ';')");
        let definition = world.live().query_text(&definition).await.unwrap();
        swap.push(format!("CREATE OR REPLACE VIEW {view} AS {definition}"));
    }
    swap.push("COMMIT".to_owned());
    let swap = swap.join("; ");

    let load = start(&world).await;
    while let Err(error) = world.live().execute(&swap).await {
        assert!(format!("{error:#}").contains("deadlock detected"), "{error:#}");
    }
    more(&load).await;
    let report = stop(&world, load).await;
    assert!(report.is_clean(), "{report:#?}");
    let seen: Vec<_> = report.by_release.keys().map(String::as_str).collect();
    assert_eq!(seen, ["bk2509010000", "live"], "{report:#?}");
}

#[tokio::test]
async fn a_missing_table_is_an_error_with_its_sqlstate() {
    let world = world().await;
    let load = start(&world).await;
    world
        .live()
        .execute("ALTER TABLE pame_sources RENAME TO elsewhere")
        .await
        .unwrap();
    more(&load).await;
    world
        .live()
        .execute("ALTER TABLE elsewhere RENAME TO pame_sources")
        .await
        .unwrap();
    let report = stop(&world, load).await;
    let error = report
        .error_samples
        .iter()
        .find(|error| error.sqlstate.as_deref() == Some("42P01"));
    assert!(
        error.is_some_and(|error| error.message.contains("pame_sources")),
        "{report:#?}"
    );
    assert_eq!(
        report.errors,
        report.error_samples.iter().map(|error| error.times).sum::<u64>()
    );
}

#[tokio::test]
async fn an_empty_table_is_an_error() {
    let world = world().await;
    let load = start(&world).await;
    world.live().execute("TRUNCATE story_map_links").await.unwrap();
    more(&load).await;
    let report = stop(&world, load).await;
    let error = report
        .error_samples
        .iter()
        .find(|error| error.message.contains("empty table seen"));
    assert_eq!(
        error.map(|error| error.statement.as_str()),
        Some("whole set"),
        "{report:#?}"
    );
}

#[tokio::test]
async fn waiting_for_a_lock_is_the_longest_stall() {
    let world = world().await;
    let load = start(&world).await;
    let hold = "BEGIN; LOCK TABLE protected_areas IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.4); COMMIT";
    world.live().execute(hold).await.unwrap();
    more(&load).await;
    let report = stop(&world, load).await;
    assert!(report.is_clean(), "{report:#?}");
    assert!(report.longest_stall_ms > 300.0, "{report:#?}");
}

#[tokio::test]
async fn readers_outlive_their_connections() {
    let world = world().await;
    let load = start(&world).await;
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE application_name = 'reader load' AND datname = current_database()";
    assert_ne!(world.live().query_text(terminate).await.unwrap(), "0");
    more(&load).await;
    let report = stop(&world, load).await;
    assert!(report.errors > 0 && report.errors < 50, "{report:#?}");
    assert_eq!(report.mixed_reads + report.unknown_reads, 0, "{report:#?}");
}

#[tokio::test]
async fn readers_that_cannot_connect_say_so_at_once() {
    let url = Cluster::shared().url_for(LIVE_READER, LIVE_READER, "no_such_database");
    let error = ReaderLoad::start(&url, 4).await.unwrap_err();
    assert!(
        format!("{error:#}").contains("the readers cannot connect"),
        "{error:#}"
    );
}

#[tokio::test]
async fn dumps_of_the_same_database_are_equal_and_see_a_difference() {
    let world = world().await;
    let dump = || normalised_dump(Cluster::shared(), world.live().name(), &["--schema=public"]).unwrap();
    let before = dump();
    assert_eq!(before, dump());
    world
        .live()
        .execute("COMMENT ON COLUMN sources.title IS 'changed'")
        .await
        .unwrap();
    assert_ne!(before, dump());
}
