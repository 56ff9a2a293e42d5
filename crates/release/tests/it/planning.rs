//! `plan` prints what a release would do, with its locks, and does nothing.

use std::fmt::Write as _;

use cutover::PlanReport;
use cutover_core::{LockMode, ObjectKind, Phase};

use crate::world::{Site, assert_same_dump, redact};

#[tokio::test]
async fn a_plan_changes_nothing_not_even_records() {
    let site = Site::empty().await;
    let before = site.dump_everything();
    let plan = site.cutover.plan().await.unwrap();
    assert!(!plan.plans.is_empty());
    assert_same_dump(&site.dump_everything(), &before);
    assert_eq!(
        site.texts("SELECT nspname FROM pg_namespace WHERE nspname = 'cutover'")
            .await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn what_stops_nothing_is_told_with_the_plan() {
    let site = Site::month_1().await;
    let quiet = site.cutover.plan().await.unwrap();
    assert_eq!(quiet.warnings, Vec::<String>::new());
    site.live()
        .execute(
            "CREATE INDEX broken ON countries_pame_evaluations ((1)); \
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
        )
        .await
        .unwrap();
    let plan = site.cutover.plan().await.unwrap();
    let [notice] = plan.warnings.as_slice() else {
        panic!("{:?}", plan.warnings);
    };
    assert!(notice.contains(r#"index "public"."broken""#), "{notice}");
    let told = format!("\n-- warning: {notice}\n");
    assert!(plan.to_string().contains(&told), "{plan}");
}

#[tokio::test]
async fn a_plan_prints_every_step_of_the_swap_with_its_locks() {
    let site = Site::month_1().await;
    let plan = site.cutover.plan().await.unwrap();
    let phases: Vec<Phase> = plan.plans.iter().map(|part| part.phase).collect();
    assert!(phases.is_sorted(), "{phases:?}");
    for step in steps(&plan, Phase::FinaliseSwap) {
        // Statistics have no table-level lock: only other DDL on the very object would wait.
        let lockless = step.object.kind == ObjectKind::ExtendedStatistics;
        assert!(lockless || !step.locks.is_empty(), "{step}");
    }
    let exclusive: Vec<String> = steps(&plan, Phase::FinaliseSwap)
        .flat_map(|step| &step.locks)
        .filter(|lock| lock.mode == LockMode::AccessExclusive)
        .map(|lock| lock.relation.name.as_str().to_owned())
        .collect();
    for member in site.cutover.file().release().members() {
        assert!(
            exclusive.iter().any(|name| name == member.as_str()),
            "{member} is swapped without a lock"
        );
    }

    let text = plan.to_string();
    let mut about_one_table = String::new();
    for part in &plan.plans {
        for step in &part.plan.steps {
            assert!(text.contains(&step.to_string()), "{step}");
            // Which privileges there are depends on the server's version.
            let about_it = step.object.to_string().contains("countries_pame_evaluations");
            if about_it && !step.purpose.contains("privileges") {
                writeln!(about_one_table, "-- in {}\n{step}", part.phase).unwrap();
            }
        }
    }
    insta::assert_snapshot!(redact(&about_one_table), @r#"
    -- in build_staging
    -- create table "public"."staging_countries_pame_evaluations"
    --   locks "public"."countries_pame_evaluations" ACCESS SHARE
    CREATE TABLE "cutover_scratch"."countries_pame_evaluations" (LIKE "public"."countries_pame_evaluations" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS);
    -- in build_staging
    -- give the staging name to table "public"."staging_countries_pame_evaluations"
    ALTER TABLE "cutover_scratch"."countries_pame_evaluations" RENAME TO "staging_countries_pame_evaluations";
    -- in build_staging
    -- move to its place table "public"."staging_countries_pame_evaluations"
    ALTER TABLE "cutover_scratch"."staging_countries_pame_evaluations" SET SCHEMA "public";
    -- in validate_and_manifest
    -- build index "public"."staging_countries_pame_evaluations_pkey"
    --   locks "public"."staging_countries_pame_evaluations" SHARE
    CREATE UNIQUE INDEX "staging_countries_pame_evaluations_pkey" ON "public"."staging_countries_pame_evaluations" USING btree (country_id, pame_evaluation_id);
    -- in validate_and_manifest
    -- attach constraint "staging_countries_pame_evaluations_pkey" of "public"."staging_countries_pame_evaluations"
    --   locks "public"."staging_countries_pame_evaluations" ACCESS EXCLUSIVE
    ALTER TABLE "public"."staging_countries_pame_evaluations" ADD CONSTRAINT "staging_countries_pame_evaluations_pkey" PRIMARY KEY USING INDEX "staging_countries_pame_evaluations_pkey";
    -- in validate_and_manifest
    -- add constraint "countries_pame_evaluations_country_id_fkey" of "public"."staging_countries_pame_evaluations"
    --   locks "public"."staging_countries_pame_evaluations" SHARE ROW EXCLUSIVE
    --   locks "public"."countries" SHARE ROW EXCLUSIVE
    ALTER TABLE "public"."staging_countries_pame_evaluations" ADD CONSTRAINT "countries_pame_evaluations_country_id_fkey" FOREIGN KEY ("country_id") REFERENCES "public"."countries" ("id") NOT VALID;
    -- in validate_and_manifest
    -- add constraint "countries_pame_evaluations_pame_evaluation_id_fkey" of "public"."staging_countries_pame_evaluations"
    --   locks "public"."staging_countries_pame_evaluations" SHARE ROW EXCLUSIVE
    --   locks "public"."staging_pame_evaluations" SHARE ROW EXCLUSIVE
    ALTER TABLE "public"."staging_countries_pame_evaluations" ADD CONSTRAINT "countries_pame_evaluations_pame_evaluation_id_fkey" FOREIGN KEY ("pame_evaluation_id") REFERENCES "public"."staging_pame_evaluations" ("id") ON DELETE CASCADE NOT VALID;
    -- in validate_and_manifest
    -- validate constraint "countries_pame_evaluations_country_id_fkey" of "public"."staging_countries_pame_evaluations"
    --   locks "public"."staging_countries_pame_evaluations" SHARE UPDATE EXCLUSIVE
    --   locks "public"."countries" ROW SHARE
    ALTER TABLE "public"."staging_countries_pame_evaluations" VALIDATE CONSTRAINT "countries_pame_evaluations_country_id_fkey";
    -- in validate_and_manifest
    -- validate constraint "countries_pame_evaluations_pame_evaluation_id_fkey" of "public"."staging_countries_pame_evaluations"
    --   locks "public"."staging_countries_pame_evaluations" SHARE UPDATE EXCLUSIVE
    --   locks "public"."staging_pame_evaluations" ROW SHARE
    ALTER TABLE "public"."staging_countries_pame_evaluations" VALIDATE CONSTRAINT "countries_pame_evaluations_pame_evaluation_id_fkey";
    -- in finalise_swap
    -- rename index "public"."countries_pame_evaluations_pkey"
    --   locks "public"."countries_pame_evaluations_pkey" SHARE UPDATE EXCLUSIVE
    ALTER INDEX "public"."countries_pame_evaluations_pkey" RENAME TO "bk[stamp]_countries_pame_evaluations_pkey";
    -- in finalise_swap
    -- rename index "public"."staging_countries_pame_evaluations_pkey"
    --   locks "public"."staging_countries_pame_evaluations_pkey" SHARE UPDATE EXCLUSIVE
    ALTER INDEX "public"."staging_countries_pame_evaluations_pkey" RENAME TO "countries_pame_evaluations_pkey";
    -- in finalise_swap
    -- lock table "public"."staging_countries_pame_evaluations"
    --   locks "public"."staging_countries_pame_evaluations" ACCESS EXCLUSIVE
    LOCK TABLE ONLY "public"."staging_countries_pame_evaluations" IN ACCESS EXCLUSIVE MODE;
    -- in finalise_swap
    -- lock table "public"."countries_pame_evaluations"
    --   locks "public"."countries_pame_evaluations" ACCESS EXCLUSIVE
    LOCK TABLE ONLY "public"."countries_pame_evaluations" IN ACCESS EXCLUSIVE MODE;
    -- in finalise_swap
    -- rename table "public"."countries_pame_evaluations"
    --   locks "public"."countries_pame_evaluations" ACCESS EXCLUSIVE
    ALTER TABLE "public"."countries_pame_evaluations" RENAME TO "bk[stamp]_countries_pame_evaluations";
    -- in finalise_swap
    -- rename table "public"."staging_countries_pame_evaluations"
    --   locks "public"."staging_countries_pame_evaluations" ACCESS EXCLUSIVE
    ALTER TABLE "public"."staging_countries_pame_evaluations" RENAME TO "countries_pame_evaluations";
    "#);
}

fn steps(plan: &PlanReport, phase: Phase) -> impl Iterator<Item = &cutover_core::Step> {
    plan.plans
        .iter()
        .filter(move |part| part.phase == phase)
        .flat_map(|part| &part.plan.steps)
}

/// The swap is planned before anything is staged: every name it expects there must be the one that staging gets.
#[tokio::test]
async fn a_plan_knows_the_names_that_staging_will_have() {
    let planned = Site::month_1().await.cutover.plan().await.unwrap();
    let staged = Site::month_2_staged().await;
    let mut found = 0;
    for step in steps(&planned, Phase::FinaliseSwap).filter(|step| step.purpose == "rename") {
        let name = step.object.name.as_str();
        if name.starts_with("staging_") {
            let there = format!(
                "SELECT count(*) FROM (SELECT relname FROM pg_class UNION ALL SELECT stxname FROM pg_statistic_ext) names \
                 WHERE relname = '{name}'"
            );
            assert_eq!(staged.texts(&there).await, ["1"], "{step}");
            found += 1;
        }
    }
    assert!(found > 50, "only {found} names were compared");
}
