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
            if step.object.to_string().contains("countries_pame_evaluations") {
                writeln!(about_one_table, "-- in {}\n{step}", part.phase).unwrap();
            }
        }
    }
    insta::assert_snapshot!(redact(&about_one_table), @"");
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
