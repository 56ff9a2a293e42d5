//! What listeners hear, and what stays in the log and the record.

use cutover::{JsonLog, StopSignal};
use cutover_core::EventKind;

use crate::world::{Ear, Site, swap_what_is_staged};

/// Events that come or not, as time and the server's own workers will have it.
const CHANCE: [&str; 6] = [
    "check_progress",
    "import_progress",
    "import_totals",
    "index_progress",
    "lock_attempt_failed",
    "waiting_for_snapshots",
];

#[tokio::test]
async fn a_release_tells_of_its_phases_and_milestones_in_order() {
    let (site, ear) = (Site::month_1().await, Ear::default());
    site.cutover
        .release(&site.options(), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let heard = ear.heard();
    insta::assert_snapshot!(story(&heard), @"
    release_started
    phase_started acquire_lock
    phase_finished acquire_lock
    phase_started refresh_views
    step_done
    phase_finished refresh_views
    phase_started preflight
    check_finished
    phase_finished preflight
    phase_started build_staging
    step_done
    phase_finished build_staging
    phase_started import_core
    import_started sources
    import_finished sources
    import_started green_list_statuses
    import_finished green_list_statuses
    import_started no_take_statuses
    import_finished no_take_statuses
    import_started protected_areas
    import_finished protected_areas
    import_started protected_area_parcels
    import_finished protected_area_parcels
    phase_finished import_core
    phase_started import_related
    import_started pame_sources
    import_finished pame_sources
    import_started pame_evaluations
    import_finished pame_evaluations
    import_started countries_protected_areas
    import_finished countries_protected_areas
    import_started countries_protected_area_parcels
    import_finished countries_protected_area_parcels
    import_started countries_pame_evaluations
    import_finished countries_pame_evaluations
    import_started protected_areas_sources
    import_finished protected_areas_sources
    import_started protected_area_parcels_sources
    import_finished protected_area_parcels_sources
    import_started pame_statistics
    import_finished pame_statistics
    import_started country_statistics
    import_finished country_statistics
    import_started global_statistics
    import_finished global_statistics
    import_started story_map_links
    import_finished story_map_links
    phase_finished import_related
    phase_started validate_and_manifest
    step_done
    check_finished
    measured
    phase_finished validate_and_manifest
    phase_started finalise_swap
    swapped
    phase_finished finalise_swap
    phase_started post_swap
    phase_finished post_swap
    phase_started cleanup_and_retention
    phase_finished cleanup_and_retention
    phase_started release_lock
    phase_finished release_lock
    release_finished completed
    ");
}

/// What happened in which phase, without repetitions.
fn story(heard: &[EventKind]) -> String {
    let mut story: Vec<String> = Vec::new();
    for event in heard.iter().map(json) {
        let name = event["event"].as_str().unwrap();
        let which = ["phase", "importer", "state"]
            .iter()
            .find_map(|key| event[key].as_str());
        let line = which.map_or(name.to_owned(), |which| format!("{name} {which}"));
        if !CHANCE.contains(&name) && story.last() != Some(&line) {
            story.push(line);
        }
    }
    story.join("\n")
}

fn json(event: &EventKind) -> serde_json::Value {
    serde_json::to_value(event).unwrap()
}

/// The log has every event, as a line of its own; the record has all but progress.
#[tokio::test]
async fn the_log_and_the_record_keep_what_was_heard() {
    let (site, ear) = (Site::month_2_staged().await, Ear::default());
    let path = site.directory().join("log/cutover.log");
    let events = ear.events().and(JsonLog::open(&path).unwrap());
    let report = site
        .cutover
        .release(&swap_what_is_staged(), StopSignal::never(), &events)
        .await
        .unwrap();

    let heard: Vec<serde_json::Value> = ear.heard().iter().map(json).collect();
    let log = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), heard.len());
    for (line, event) in lines.iter().zip(&heard) {
        assert!(
            event
                .as_object()
                .unwrap()
                .iter()
                .all(|(key, value)| line[key] == *value),
            "{line} is not {event}"
        );
        assert!(line["at"].is_string() && line["elapsed_ms"].is_u64(), "{line}");
    }

    // The events of the run that built it come before.
    let kinds = format!(
        "SELECT kind FROM cutover.event WHERE release = {} ORDER BY seq",
        report.release
    );
    let recorded = site.texts(&kinds).await;
    let expected: Vec<&str> = heard
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert!(recorded.len() > expected.len());
    assert_eq!(recorded[recorded.len() - expected.len()..], expected);
    assert!(!recorded.iter().any(|kind| kind == "import_progress"));
}
