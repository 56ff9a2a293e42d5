//! Which backup sets are kept.

use cutover::{ReleaseOptions, RollbackOptions, Selection, StopSignal};
use cutover_core::Phase;

use crate::world::{Ear, Site, assert_same_dump, redact};

#[tokio::test]
async fn two_sets_are_kept_and_one_that_is_still_used() {
    let mut site = Site::month_1().await;
    let first = site.cutover.backups().await.unwrap()[0].stamp.clone();
    let second = site.publish(2).await.unwrap().swap.unwrap().backup;
    // Somebody still reads the oldest set.
    let report = format!("CREATE VIEW public.old_report AS SELECT count(*) FROM public.bk{first}_sources");
    site.live().execute(&report).await.unwrap();

    site.show(3).await;
    let ear = Ear::default();
    let report = site
        .cutover
        .release(&site.options(), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    let third = report.swap.unwrap().backup;
    let kept = async || {
        let backups = site.cutover.backups().await.unwrap();
        backups.into_iter().map(|backup| backup.stamp).collect::<Vec<_>>()
    };
    assert_eq!(kept().await, [third.clone(), second.clone(), first.clone()]);
    insta::assert_snapshot!(redact(&ear.warnings().join("\n")), @r#"backup set [stamp] is kept: view "public"."old_report" depends on it; drop that, or point it at live"#);
    let live = site.dump_live().await;

    site.live().execute("DROP VIEW public.old_report").await.unwrap();
    let clean_up = Selection::only(&[Phase::CleanupAndRetention]).unwrap();
    site.run(ReleaseOptions::default().selection(clean_up))
        .await
        .unwrap();
    assert_eq!(kept().await, [third, second]);
    assert_eq!(
        site.relations_like(&format!("bk{first}_")).await,
        Vec::<String>::new()
    );
    site.assert_tidy().await;
    let without_report = site.dump_live().await;
    assert!(live.contains("old_report") && !without_report.contains("old_report"));

    // Both sets that are kept can still be put live.
    for backup in kept().await.iter().rev() {
        let back = site
            .cutover
            .rollback(
                backup,
                &RollbackOptions::default(),
                StopSignal::never(),
                &cutover_core::Events::none(),
            )
            .await
            .unwrap();
        assert_eq!(back.restored, *backup);
        site.cutover
            .rollback(
                &back.swap.backup,
                &RollbackOptions::default(),
                StopSignal::never(),
                &cutover_core::Events::none(),
            )
            .await
            .unwrap();
        assert_same_dump(&site.dump_live().await, &without_report);
    }
}
