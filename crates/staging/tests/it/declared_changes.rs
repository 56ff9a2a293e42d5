//! A month that changes the structure: exactly what is declared, and all of it.

use cutover_core::{Events, NamingPolicy, ObjectKind, QualifiedName, Sql};
use cutover_staging::{
    CloneOptions, ClonePlan, DeclaredChanges, PostDataOptions, StagedSet, StagingError, StructureRefused,
};

use crate::workshop::{Workshop, ident};

const SQL: &str = r"
    CREATE TABLE app.p (id integer PRIMARY KEY);
    CREATE TABLE app.t (
        id integer PRIMARY KEY, a varchar(10), b integer CONSTRAINT b_small CHECK (b < 9), c text, p integer REFERENCES app.p
    );
    CREATE INDEX t_a ON app.t (a);
    CREATE INDEX t_b ON app.t (b) WHERE b > 1;
    CREATE STATISTICS app.t_ab (mcv) ON a, b FROM app.t;
    INSERT INTO app.p VALUES (1);
";

fn t() -> QualifiedName {
    QualifiedName::new(ident("app"), ident("t"))
}

fn options(changes: &DeclaredChanges) -> CloneOptions {
    CloneOptions::default().changes(changes.clone())
}

/// Clones and finishes the set; the twins hold what `changes` made of them.
async fn stage(workshop: &mut Workshop, changes: &DeclaredChanges) -> Result<StagedSet, StagingError> {
    let snapshot = workshop.snapshot().await;
    let plan = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &options(changes)).unwrap();
    let set = plan.run(&mut workshop.client, &Events::none()).await?;
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await?;
    Ok(set)
}

async fn judge(
    workshop: &mut Workshop,
    set: StagedSet,
    changes: &DeclaredChanges,
) -> Result<(), StructureRefused> {
    let live = workshop.snapshot().await;
    let twins: Vec<_> = set.members.iter().map(|m| m.staging.name.clone()).collect();
    let staging = workshop.read("app", &twins).await;
    let set = set.with_added(&staging, changes, &NamingPolicy::default());
    changes.check(&live, &staging, &set)
}

fn a_month() -> DeclaredChanges {
    DeclaredChanges::default()
        .added(&t(), ObjectKind::Column, &ident("number"))
        .added(&t(), ObjectKind::Column, &ident("d"))
        .added(&t(), ObjectKind::Index, &ident("t_d"))
        .added(&t(), ObjectKind::Constraint, &ident("t_number_key"))
        .added(&t(), ObjectKind::Constraint, &ident("d_known"))
        .dropped(&t(), ObjectKind::Index, &ident("t_b"))
        .dropped(&t(), ObjectKind::Constraint, &ident("b_small"))
        .dropped(&t(), ObjectKind::Column, &ident("c"))
        .dropped(&t(), ObjectKind::ExtendedStatistics, &ident("t_ab"))
        .altered(&t(), ObjectKind::Column, &ident("a"), "type")
        .altered(&t(), ObjectKind::Index, &ident("t_a"), "definition")
        .altered_relation(&t(), "comment")
        .statement(
            &t(),
            Sql::text(
                "ALTER TABLE staging_t ADD COLUMN number serial CONSTRAINT t_number_key UNIQUE, \
                 ADD COLUMN d text CONSTRAINT d_known CHECK (d <> ''), ALTER a TYPE varchar(20); \
                 CREATE INDEX ON staging_t (d); \
                 ALTER INDEX staging_t_d_idx RENAME TO t_d; \
                 CREATE INDEX staging_t_a ON staging_t (lower(a)); \
                 COMMENT ON TABLE staging_t IS 'it''s \\ new'",
            ),
        )
}

#[tokio::test]
async fn what_is_declared_is_made_and_passes() {
    let mut workshop = Workshop::new(SQL, &["p", "t"]).await;
    let changes = a_month();
    let set = stage(&mut workshop, &changes).await.unwrap();
    judge(&mut workshop, set.clone(), &changes).await.unwrap();
    let names = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE oid = ANY ( \
        SELECT indexrelid FROM pg_index WHERE indrelid = 'app.staging_t'::regclass)";
    assert_eq!(
        workshop.database.query_text(names).await.unwrap(),
        "staging_t_a staging_t_pkey t_d t_number_key"
    );

    // The same twins against a file that declares nothing, and one that declares more.
    let refused = judge(&mut workshop, set.clone(), &DeclaredChanges::default())
        .await
        .unwrap_err();
    insta::assert_snapshot!("undeclared", refused);
    insta::assert_snapshot!("declaration", refused.declaration());
    let more = changes
        .clone()
        .added(&t(), ObjectKind::Trigger, &ident("touch"))
        .altered(&t(), ObjectKind::Column, &ident("b"), "default");
    let refused = judge(&mut workshop, set.clone(), &more).await.unwrap_err();
    insta::assert_snapshot!(refused, @r#"
changes are declared, and staging does not have them:
  trigger "touch" of "app"."t" is added
  column "b" of "app"."t": default is altered
"#);
    assert!(refused.remedy().contains("take them out"), "{}", refused.remedy());

    // And something else besides.
    workshop
        .execute("ALTER TABLE app.staging_t ALTER d SET DEFAULT 'x'; ALTER TABLE app.staging_t ALTER b SET NOT NULL")
        .await;
    let refused = judge(&mut workshop, set, &changes).await.unwrap_err();
    insta::assert_snapshot!(refused, @r#"
staging differs from live otherwise than declared:
"app"."t" → "app"."staging_t"
  different  column "b": NOT NULL false → true
"#);
    insta::assert_json_snapshot!("refused_json", refused);
}

#[tokio::test]
async fn changes_by_hand_pass_as_well() {
    let mut workshop = Workshop::new(SQL, &["p", "t"]).await;
    let changes = DeclaredChanges::default()
        .added(&t(), ObjectKind::Column, &ident("d"))
        .added(&t(), ObjectKind::Index, &ident("t_d_idx"));
    let set = stage(&mut workshop, &changes).await.unwrap();
    let refused = judge(&mut workshop, set.clone(), &changes).await.unwrap_err();
    assert_eq!((refused.not_made.len(), refused.undeclared.is_empty()), (2, true));
    // Named by the server: staging_t_d_idx is the staging name of t_d_idx.
    workshop
        .execute("ALTER TABLE app.staging_t ADD COLUMN d text; CREATE INDEX ON app.staging_t (d)")
        .await;
    judge(&mut workshop, set, &changes).await.unwrap();
}

#[tokio::test]
async fn statements_may_neither_touch_live_nor_end_the_transaction() {
    let mut workshop = Workshop::new(SQL, &["p", "t"]).await;
    let before = crate::dump::blocks(&workshop.database, "app");
    let with = |sql| DeclaredChanges::default().statement(&t(), Sql::text(sql));
    let error = stage(&mut workshop, &with("ALTER TABLE t ADD COLUMN d text"))
        .await
        .unwrap_err();
    assert!(matches!(error, StagingError::ChangesLive), "{error}");
    for ends in [
        "COMMIT",
        "ROLLBACK; SELECT 1",
        "ALTER TABLE staging_t ADD COLUMN d text; COMMIT",
    ] {
        let error = stage(&mut workshop, &with(ends)).await.unwrap_err();
        let StagingError::Statement(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.sqlstate().unwrap().code(), "0A000", "{error}");
        assert!(error.to_string().contains("staging_t"), "{error}");
    }
    let error = stage(
        &mut workshop,
        &with("ALTER TABLE staging_t ADD COLUMN r regclass DEFAULT 'app.p'::regclass"),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, StagingError::RefersToLive { .. }), "{error}");
    assert_eq!(crate::dump::blocks(&workshop.database, "app"), before);
}

#[tokio::test]
async fn declarations_that_cannot_be_are_refused_before_anything_is_built() {
    let mut workshop = Workshop::new(SQL, &["p", "t"]).await;
    let snapshot = workshop.snapshot().await;
    let changes = DeclaredChanges::default()
        .added(&t(), ObjectKind::Column, &ident("a"))
        .dropped(&t(), ObjectKind::Column, &ident("p"))
        .dropped(&t(), ObjectKind::Index, &ident("t_x"))
        .altered(&t(), ObjectKind::Column, &ident("e"), "type");
    let error = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &options(&changes)).unwrap_err();
    insta::assert_snapshot!(error, @r#"
the release set cannot be cloned:
  column "a" of "app"."t" is declared to be added, and live has it; take the change out of the release file: it has happened
  index "t_x" of "app"."t" is declared to be dropped or altered, and live does not have it; take the change out of the release file, or mend the name
  column "e" of "app"."t" is declared to be dropped or altered, and live does not have it; take the change out of the release file, or mend the name
  constraint "t_p_fkey" of "app"."t" covers column "p", which is declared to be dropped; declare the constraint as dropped too, or keep the column
"#);
}

#[tokio::test]
async fn a_plan_shows_the_changes_and_their_statements() {
    let mut workshop = Workshop::new(SQL, &["p", "t"]).await;
    let snapshot = workshop.snapshot().await;
    let plan = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &options(&a_month())).unwrap();
    let text = plan
        .changes()
        .to_string()
        .replace(snapshot.fingerprint.short(), "[digest]");
    assert!(plan.to_string().contains(&plan.changes().to_string()));
    insta::assert_snapshot!(text, @r#"
-- make the declared changes (4 steps, catalog [digest])
-- look names up in schema "app"
SET LOCAL search_path = "app";
-- drop, as declared, constraint "b_small" of "app"."staging_t"
ALTER TABLE "app"."staging_t" DROP CONSTRAINT "b_small";
-- drop, as declared, column "c" of "app"."staging_t"
ALTER TABLE "app"."staging_t" DROP COLUMN "c";
-- change the structure of table "app"."staging_t"
ALTER TABLE staging_t ADD COLUMN number serial CONSTRAINT t_number_key UNIQUE, ADD COLUMN d text CONSTRAINT d_known CHECK (d <> ''), ALTER a TYPE varchar(20); CREATE INDEX ON staging_t (d); ALTER INDEX staging_t_d_idx RENAME TO t_d; CREATE INDEX staging_t_a ON staging_t (lower(a)); COMMENT ON TABLE staging_t IS 'it''s \ new';
"#);
}

/// What is declared of a partitioned table need not be declared of each partition.
#[tokio::test]
async fn a_partitioned_table_changes_with_its_partitions() {
    let sql = "CREATE TABLE app.t (id integer NOT NULL, a varchar(10), b integer CONSTRAINT b_small CHECK (b < 9), c text) \
            PARTITION BY LIST (id); \
        CREATE TABLE app.t_1 PARTITION OF app.t FOR VALUES IN (1); \
        CREATE TABLE app.t_rest PARTITION OF app.t DEFAULT PARTITION BY LIST (id); \
        CREATE TABLE app.t_2 PARTITION OF app.t_rest FOR VALUES IN (2)";
    let mut workshop = Workshop::new(sql, &["t"]).await;
    let changes = DeclaredChanges::default()
        .added(&t(), ObjectKind::Column, &ident("d"))
        .added(&t(), ObjectKind::Constraint, &ident("d_known"))
        .dropped(&t(), ObjectKind::Column, &ident("c"))
        .dropped(&t(), ObjectKind::Constraint, &ident("b_small"))
        .altered(&t(), ObjectKind::Column, &ident("a"), "type")
        .statement(
            &t(),
            Sql::text("ALTER TABLE staging_t ADD d text CONSTRAINT d_known CHECK (d <> ''), ALTER a TYPE varchar(20)"),
        );
    let set = stage(&mut workshop, &changes).await.unwrap();
    judge(&mut workshop, set.clone(), &changes).await.unwrap();

    // A partition that differs besides is found.
    workshop
        .execute("ALTER TABLE app.staging_t_2 ALTER b SET DEFAULT 7")
        .await;
    let refused = judge(&mut workshop, set, &changes).await.unwrap_err();
    assert_eq!(refused.not_made, []);
    let text = refused.undeclared.to_string();
    assert!(text.contains("t_2") && text.contains("default"), "{text}");
    assert_eq!(refused.undeclared.iter().count(), 1, "{text}");
}
