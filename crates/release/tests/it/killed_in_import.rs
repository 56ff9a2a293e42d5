//! The process is killed in the middle of an importer, again and again; twenty times with `scripts/soak import`.

use cutover::{ReleaseOptions, Selection, StopSignal};
use cutover_core::{EventKind, Phase};

use crate::child::{self, Task};
use crate::world::{Ear, Site};

/// Small enough for dozens of chunks.
const CHUNK_BYTES: usize = 5_000;
/// Smaller than most rows, for as many chunks as there are sites.
const CHUNK_BYTES_FOR_MANY_KILLS: usize = 500;

/// Sites with all that was imported of them; ids drawn for chunks that were broken off are skipped.
const SITES: &str = "SELECT (to_jsonb(t) - 'id')::text FROM protected_areas t ORDER BY site_id";
const PARCELS: &str =
    "SELECT (to_jsonb(t) - 'id')::text FROM protected_area_parcels t ORDER BY site_id, site_pid";
const CHUNKS: &str = "SELECT count(*)::text FROM cutover.checkpoint WHERE importer = 'protected_areas' \
    AND release = (SELECT max(id) FROM cutover.release)";

#[tokio::test]
async fn an_import_killed_at_any_chunk_goes_on_behind_it() {
    child::obey().await;
    let test = "killed_in_import::an_import_killed_at_any_chunk_goes_on_behind_it";
    let site = Site::month_1().await;
    let mut killed_at = Vec::new();
    let many = std::env::var_os("CUTOVER_TEST_IMPORT_KILLS");
    let many = many.map(|kills| kills.into_string().unwrap().parse::<usize>().unwrap());
    let (chunk_bytes, chunks_apart) = match many {
        None => (CHUNK_BYTES, vec![3, 1, 6]),
        // Some more are written before the process is gone. Two at first: the release that is live has one.
        Some(kills) => (
            CHUNK_BYTES_FOR_MANY_KILLS,
            [&[2][..], &vec![1; kills - 1]].concat(),
        ),
    };
    for chunks_more in chunks_apart {
        let resume = !killed_at.is_empty();
        let before = killed_at.last().copied().unwrap_or(0);
        let task = Task::ReleaseInChunks {
            label: site.label().as_str().to_owned(),
            chunk_bytes,
            resume,
        };
        let mut child = site.start_child(test, task);
        let reached = format!("SELECT ({CHUNKS})::int >= {}", before + chunks_more);
        site.until(&reached).await;
        child.kill().unwrap();
        child.wait().unwrap();
        site.until_lock_is_free().await;
        killed_at.push(site.texts(CHUNKS).await[0].parse::<u64>().unwrap());
    }
    let done = site.texts(&format!("{CHUNKS} AND done")).await;
    assert_eq!(
        done[..],
        ["0"],
        "it was to be killed before its end: {killed_at:?}"
    );

    let rest = Selection::all().start_at(Phase::ImportCore).unwrap();
    let ear = Ear::default();
    let options = ReleaseOptions::default().selection(rest).chunk_bytes(chunk_bytes);
    site.cutover
        .release(&options, StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let taken_up = ear.heard().into_iter().find_map(|kind| match kind {
        EventKind::ImportTakenUp { importer, chunks, .. } => Some((importer, chunks)),
        _ => None,
    });
    let last = killed_at.last().copied().unwrap();
    assert_eq!(taken_up, Some(("protected_areas".to_owned(), last)));

    let mut in_peace = Site::month_1().await;
    in_peace.publish(2).await.unwrap();
    for rows in [SITES, PARCELS] {
        assert_eq!(site.texts(rows).await, in_peace.texts(rows).await);
    }
    site.assert_tidy().await;
}
