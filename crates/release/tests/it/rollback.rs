//! A rollback is as careful as a swap.

use cutover::{FailureClass, RollbackOptions, StopSignal};

use crate::parks::Parks;
use crate::world::{Ear, redact, told};

async fn roll_back(parks: &Parks, options: RollbackOptions) -> Vec<String> {
    let (stamp, ear) = (parks.newest_backup().await, Ear::default());
    parks
        .cutover
        .rollback(&stamp, &options, StopSignal::never(), &ear.events())
        .await
        .unwrap();
    ear.warnings().iter().map(|warning| redact(warning)).collect()
}

#[tokio::test]
async fn rows_outside_that_only_the_newer_release_knows_refuse_it() {
    let parks = Parks::live().await;
    parks
        .database
        .execute("INSERT INTO reviews VALUES (101, 55), (102, 60), (103, NULL)")
        .await
        .unwrap();
    let refused = parks
        .roll_back(&parks.cutover, &RollbackOptions::default())
        .await
        .unwrap_err();
    assert_eq!(refused.class(), FailureClass::Refused);
    insta::assert_snapshot!(told(&refused), @r#"
    Refused: rows outside the set refer to rows that backup set [stamp] does not have
    2 rows by constraint "reviews_site_fk" of "public"."reviews", for example [55], [60]
    remedy: delete or mend these rows, or roll back with --allow-orphans: they stay, and the key stays NOT VALID
    "#);
    assert_eq!(parks.whole().await, "Feb2026");

    // In an emergency they stay, and the key is told as not valid until it can be validated.
    let warnings = roll_back(&parks, RollbackOptions::default().allow_orphans()).await;
    insta::assert_snapshot!(warnings.join("\n"), @r#"
    its foreign key stays NOT VALID: 2 rows by constraint "reviews_site_fk" of "public"."reviews", for example [55], [60]
    the rollback is live, but: could not validate constraint "reviews_site_fk" of "public"."reviews": insert or update on table "reviews" violates foreign key constraint "reviews_site_fk" (SQLSTATE 23503, constraint reviews_site_fk); detail: Key (site_id)=(55) is not present in table "sites".; the next release tries it again
    "#);
    assert_eq!(parks.whole().await, "Jan2026");
    let validated = "SELECT convalidated::text FROM pg_constraint WHERE conname = 'reviews_site_fk'";
    assert_eq!(parks.text(validated).await, "false");
    // The next release brings what they refer to, and the key is valid again.
    parks.stage("Feb2026").await.unwrap();
    parks.go_live(&parks.cutover).await.unwrap();
    assert_eq!(parks.whole().await, "Feb2026");
    parks.assert_tidy().await;
}

#[tokio::test]
async fn writes_since_it_went_live_refuse_it() {
    let parks = Parks::live().await;
    parks
        .database
        .execute(
            "UPDATE sites SET name = 'Feb2026 renamed' WHERE id IN (1, 2); SELECT nextval('sources_id_seq')",
        )
        .await
        .unwrap();
    parks
        .until("SELECT n_tup_upd = 2 FROM pg_stat_user_tables WHERE relname = 'sites'")
        .await;
    let refused = parks
        .roll_back(&parks.cutover, &RollbackOptions::default())
        .await
        .unwrap_err();
    assert_eq!(refused.class(), FailureClass::Refused);
    insta::assert_snapshot!(told(&refused), @r#"
    Refused: live was written to since it went live
      "public"."sites": 2 rows
    remedy: take what was written over by hand, or allow it to be lost with --allow-lost-writes (it stays in the backup set that live becomes)
    "#);
    assert_eq!(parks.whole().await, "Feb2026");

    let warnings = roll_back(&parks, RollbackOptions::default().allow_lost_writes()).await;
    insta::assert_snapshot!(warnings.join("\n"), @r#"written since it went live, stays in backup set [stamp]: "public"."sites": 2 rows"#);
    assert_eq!(parks.whole().await, "Jan2026");
    // Nothing was written to what is live now: rolling forward brings the writes back.
    roll_back(&parks, RollbackOptions::default()).await;
    assert_eq!(
        parks
            .text("SELECT count(*)::text FROM sites WHERE name = 'Feb2026 renamed'")
            .await,
        "2"
    );
}

#[tokio::test]
async fn its_plan_tells_what_would_refuse_it_and_changes_nothing() {
    let parks = Parks::live().await;
    let stamp = parks.newest_backup().await;
    let plan = |options: RollbackOptions| {
        let (cutover, stamp) = (parks.cutover.clone(), stamp.clone());
        async move { cutover.plan_rollback(&stamp, &options).await.unwrap() }
    };
    let unhindered = plan(RollbackOptions::default()).await;
    assert!(!unhindered.is_refused());
    assert_eq!(
        (
            unhindered.orphans.len(),
            unhindered.writes.len(),
            unhindered.label.as_deref()
        ),
        (0, 0, Some("Jan2026"))
    );
    parks
        .database
        .execute("INSERT INTO reviews VALUES (101, 55); DELETE FROM sites WHERE id = 60")
        .await
        .unwrap();
    parks
        .until("SELECT n_tup_del = 1 FROM pg_stat_user_tables WHERE relname = 'sites'")
        .await;
    let refused = plan(RollbackOptions::default()).await;
    assert!(refused.is_refused());
    let text = redact(&refused.to_string());
    let head: Vec<&str> = text.lines().take(4).collect();
    insta::assert_snapshot!(head.join("\n"), @r#"
    -- refused unless --allow-orphans: 1 row by constraint "reviews_site_fk" of "public"."reviews", for example [55]
    -- refused unless --allow-lost-writes: written since it went live: "public"."sites": 1 row
    -- Rollback of 3 relations of schema "public" to [stamp]
    -- What is live becomes backup set [stamp]
    "#);
    assert!(text.contains("\nCOMMIT;"), "{text}");
    let one_of_two = plan(RollbackOptions::default().allow_orphans()).await;
    assert!(one_of_two.is_refused());
    let both = plan(RollbackOptions::default().allow_orphans().allow_lost_writes()).await;
    assert!(!both.is_refused());
    let text = redact(&both.to_string());
    let head: Vec<&str> = text.lines().take(2).collect();
    insta::assert_snapshot!(head.join("\n"), @r#"
    -- allowed by --allow-orphans: 1 row by constraint "reviews_site_fk" of "public"."reviews", for example [55]
    -- allowed by --allow-lost-writes: written since it went live: "public"."sites": 1 row
    "#);
    assert_eq!(parks.newest_backup().await, stamp);
    assert_eq!(parks.text("SELECT count(*)::text FROM sites").await, "59");
}
