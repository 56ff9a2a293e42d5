//! The network goes away while the whole reference dataset is swapped. At every message of a small set: `faults/messages.rs`.

use cutover::{Activity, RollbackOptions, StopSignal};
use cutover_core::Events;
use cutover_core::records::ReleaseState;

use crate::world::{
    Site, assert_same_dump, cutover, dump_of_month_1, dump_of_month_2_alone, in_full, proxy,
    swap_what_is_staged,
};

/// At how many messages of the swap the connections are cut, unless at every one.
const CUTS: u64 = 3;

struct Run {
    site: Site,
    messages: u64,
    was_cut: bool,
    failed: bool,
}

/// Swaps what is staged over a proxy that cuts all connections after so many of the client's messages.
async fn swap_over_a_proxy(cut_after: Option<u64>) -> Run {
    let site = Site::month_2_staged().await;
    let proxy = proxy().await;
    let url = site.url_through(&proxy);
    if let Some(messages) = cut_after {
        proxy.cut_after_client_messages(messages);
    }
    let options = swap_what_is_staged();
    let cutover = cutover(&url, site.directory());
    let outcome = cutover
        .release(&options, StopSignal::never(), &Events::none())
        .await;
    Run {
        site,
        messages: proxy.client_messages(),
        was_cut: proxy.tripped(),
        failed: outcome.is_err(),
    }
}

#[tokio::test]
async fn live_is_all_old_or_all_new_and_status_knows_which() {
    let whole = swap_over_a_proxy(None).await;
    assert!(!whole.failed && !whole.was_cut);
    let (mut old, mut new) = (0, 0);
    let step = if in_full() { 1 } else { whole.messages / CUTS };
    for cut in 1.. {
        let run = swap_over_a_proxy(Some(step * cut)).await;
        if !run.was_cut {
            assert!(!run.failed);
            break;
        }
        let site = &run.site;
        site.until_lock_is_free().await;
        let status = site.cutover.status().await.unwrap();
        let release = &status.latest[0];
        assert!(
            matches!(status.activity, Activity::Idle)
                || status.activity == Activity::Dead { release: release.id },
            "cut {cut}: {status:#?}"
        );
        assert_eq!(status.unmanaged, [], "cut {cut}");
        if release.current {
            new += 1;
            assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);
            let backup = release.backup_stamp.clone().unwrap();
            site.cutover
                .rollback(
                    &backup,
                    &RollbackOptions::default(),
                    StopSignal::never(),
                    &Events::none(),
                )
                .await
                .unwrap();
            assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
        } else {
            old += 1;
            assert!(run.failed, "cut {cut}");
            assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
            let again = site.run(swap_what_is_staged()).await.unwrap();
            assert_eq!(again.state, ReleaseState::Completed, "cut {cut}");
            assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);
        }
        site.assert_tidy().await;
    }
    assert!(old > 0, "no cut came before the commit, {new} after it");
}
