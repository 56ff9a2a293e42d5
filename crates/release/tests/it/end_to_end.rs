//! Month 1, month 2, and back.

use cutover::{Activity, StopSignal};
use cutover_core::Events;
use cutover_core::records::ReleaseState;

use crate::world::Site;

#[tokio::test]
async fn two_months_go_live_and_the_second_is_taken_back() {
    let mut site = Site::new().await;
    let empty = site.cutover.status().await.unwrap();
    assert_eq!(empty.activity, Activity::Idle);

    let first = site.publish(1).await.unwrap();
    assert_eq!(first.state, ReleaseState::Completed);
    assert_eq!(site.relations_like("staging_").await, Vec::<String>::new());
    let month_1 = site.dump_live();

    let second = site.publish(2).await.unwrap();
    let swap = second.swap.clone().unwrap();
    assert_eq!(swap.relations, 25, "16 tables and 9 materialized views");
    let month_2 = site.dump_live();
    assert_ne!(month_1, month_2);

    let status = site.cutover.status().await.unwrap();
    assert_eq!(status.activity, Activity::Idle);
    assert_eq!(status.current.as_ref().map(|record| record.id), Some(second.release));
    assert_eq!(status.backups.len(), 2);
    assert_eq!(status.unmanaged, []);

    let back = site.cutover.rollback(&swap.backup, StopSignal::never(), &Events::none()).await.unwrap();
    assert_eq!(back.label.as_deref(), Some(first.label.as_str()));
    assert!(site.dump_live() == month_1, "taking month 2 back must leave month 1 byte for byte");

    // And the rollback is taken back.
    site.cutover.rollback(&back.swap.backup, StopSignal::never(), &Events::none()).await.unwrap();
    assert!(site.dump_live() == month_2, "taking the rollback back must leave month 2 byte for byte");
}
