//! Plans and steps: what they print, and what they do.

use cutover_core::{
    Digest, DoneWhen, Ident, LockMode, ObjectKind, ObjectName, Plan, QualifiedName, Sql, Step,
};
use cutover_testkit::Cluster;
use insta::assert_snapshot;

fn name(name: &str) -> QualifiedName {
    QualifiedName::new(Ident::new("public").unwrap(), Ident::new(name).unwrap())
}

fn step(table: &str) -> Step {
    let (from, to) = (name(table), name("bk2509010405_sites"));
    let sql = Sql::text("ALTER TABLE ")
        .name(&from)
        .then(" RENAME TO ")
        .ident(&to.name);
    Step::new("rename", ObjectName::qualified(ObjectKind::Table, &from), sql)
        .locking(LockMode::AccessExclusive, &from)
}

fn plan(steps: Vec<Step>) -> Plan {
    let mut plan = Plan::new("swap", Digest::of([b"facts".as_slice()]));
    plan.steps = steps;
    plan
}

#[test]
fn a_plan_prints_as_a_commented_script() {
    let index = ObjectName::qualified(ObjectKind::Index, &name("sites_name"));
    let create = Sql::text("CREATE INDEX ")
        .ident(&name("sites_name").name)
        .then(" ON ")
        .name(&name("sites"));
    let steps = vec![
        step("sites"),
        Step::new("create", index, create.then(" (name)"))
            .locking(LockMode::Share, &name("sites"))
            .done_when(DoneWhen::Repeatable),
        Step::new(
            "validate",
            ObjectName::part(
                ObjectKind::Constraint,
                &Ident::new("fk").unwrap(),
                &name("visits"),
            ),
            Sql::text("ALTER TABLE visits VALIDATE CONSTRAINT fk"),
        )
        .locking(LockMode::ShareUpdateExclusive, &name("visits"))
        .locking(LockMode::RowShare, &name("sites")),
    ];
    assert_snapshot!(plan(steps), @r#"
    -- swap (3 steps, catalog a48b176c5c99)
    -- rename table "public"."sites"
    --   locks "public"."sites" ACCESS EXCLUSIVE
    ALTER TABLE "public"."sites" RENAME TO "bk2509010405_sites";
    -- create index "public"."sites_name"
    --   locks "public"."sites" SHARE
    CREATE INDEX "sites_name" ON "public"."sites" (name);
    -- validate constraint "fk" of "public"."visits"
    --   locks "public"."visits" SHARE UPDATE EXCLUSIVE
    --   locks "public"."sites" ROW SHARE
    ALTER TABLE visits VALIDATE CONSTRAINT fk;
    "#);
    assert_snapshot!(plan(vec![step("sites")]), @r#"
    -- swap (1 step, catalog a48b176c5c99)
    -- rename table "public"."sites"
    --   locks "public"."sites" ACCESS EXCLUSIVE
    ALTER TABLE "public"."sites" RENAME TO "bk2509010405_sites";
    "#);
    assert_snapshot!(plan(Vec::new()), @"-- swap (0 steps, catalog a48b176c5c99)");
}

#[test]
fn a_line_break_in_a_name_does_not_leave_the_comment() {
    let text = step("sites\n; DROP TABLE other; --\r!").to_string();
    let comments: Vec<&str> = text.lines().take(2).collect();
    let expected = [
        r#"-- rename table "public"."sites ; DROP TABLE other; -- !""#,
        r#"--   locks "public"."sites ; DROP TABLE other; -- !" ACCESS EXCLUSIVE"#,
    ];
    assert_eq!(comments, expected);
}

#[tokio::test]
async fn the_printed_script_does_what_the_plan_does() {
    let database = Cluster::shared().empty_database().await.unwrap();
    let hostile = "sites\n; DROP TABLE other; --\r!";
    let create = format!("CREATE TABLE other (); CREATE TABLE {} ()", name(hostile));
    let tables = "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    let plan = plan(vec![step(hostile)]);

    database.execute(&create).await.unwrap();
    database.execute(&plan.to_string()).await.unwrap();
    assert_eq!(
        database.query_text(tables).await.unwrap(),
        "bk2509010405_sites,other"
    );

    database
        .execute(&format!("DROP TABLE bk2509010405_sites, other; {create}"))
        .await
        .unwrap();
    plan.run(&database.connect().await.unwrap()).await.unwrap();
    assert_eq!(
        database.query_text(tables).await.unwrap(),
        "bk2509010405_sites,other"
    );
}

#[tokio::test]
async fn a_plan_stops_at_the_first_step_that_fails() {
    let database = Cluster::shared().empty_database().await.unwrap();
    database
        .execute("CREATE TABLE one (); CREATE TABLE three ()")
        .await
        .unwrap();
    let drop = |table: &str| {
        let name = name(table);
        Step::new(
            "drop",
            ObjectName::qualified(ObjectKind::Table, &name),
            Sql::text("DROP TABLE ").name(&name),
        )
    };
    let client = database.connect().await.unwrap();
    let error = plan(vec![drop("one"), drop("two"), drop("three")])
        .run(&client)
        .await
        .unwrap_err();
    assert_eq!(error.steps_done, 1);
    assert_eq!(
        error.to_string(),
        r#"could not drop table "public"."two" (after 1 step)"#
    );
    assert_eq!(
        database
            .query_text("SELECT to_regclass('one') IS NULL, to_regclass('three')")
            .await
            .unwrap(),
        "t"
    );
    assert_eq!(
        database
            .query_one_text("SELECT to_regclass('three')")
            .await
            .unwrap()
            .as_deref(),
        Some("three")
    );
}

#[tokio::test]
async fn lock_modes_conflict_as_the_server_says() {
    const MODES: [LockMode; 8] = [
        LockMode::AccessShare,
        LockMode::RowShare,
        LockMode::RowExclusive,
        LockMode::ShareUpdateExclusive,
        LockMode::Share,
        LockMode::ShareRowExclusive,
        LockMode::Exclusive,
        LockMode::AccessExclusive,
    ];
    let database = Cluster::shared().empty_database().await.unwrap();
    database.execute("CREATE TABLE t ()").await.unwrap();
    let (mut one, mut other) = (
        database.connect().await.unwrap(),
        database.connect().await.unwrap(),
    );
    for held in MODES {
        let holding = one.transaction().await.unwrap();
        holding
            .batch_execute(&format!("LOCK TABLE t IN {held} MODE"))
            .await
            .unwrap();
        for asked in MODES {
            let asking = other.transaction().await.unwrap();
            let got = asking
                .batch_execute(&format!("LOCK TABLE t IN {asked} MODE NOWAIT"))
                .await;
            assert_eq!(
                got.is_err(),
                held.conflicts_with(asked),
                "{held} held, {asked} asked"
            );
        }
    }
}
