//! Security labels, and what is dropped with an extension.

use cutover_core::Events;
use cutover_staging::{CloneOptions, StagingError};

use crate::workshop::{Workshop, plan};

/// No label provider is at hand, so the labels are put where `SECURITY LABEL` would put them.
const LABELLED: &str = "CREATE TABLE app.t (id serial, a text); \
    INSERT INTO pg_seclabel VALUES \
        ('app.t'::regclass, 'pg_class'::regclass, 0, 'some', 'secret'), \
        ('app.t'::regclass, 'pg_class'::regclass, 2, 'some', 'it''s \\ secret'), \
        ('app.t_id_seq'::regclass, 'pg_class'::regclass, 0, 'other', 'ids');";

#[tokio::test]
async fn labels_are_planned_and_their_providers_told() {
    let mut workshop = Workshop::new(LABELLED, &["t"]).await;
    let clone = plan(&workshop.snapshot().await).unwrap();
    let labels: Vec<_> = clone
        .pre_data()
        .steps
        .iter()
        .filter(|step| step.purpose == "set the security label of")
        .map(|step| step.sql.as_str())
        .collect();
    assert_eq!(
        labels,
        [
            r#"SECURITY LABEL FOR 'some' ON TABLE "app"."staging_t" IS 'secret'"#,
            r#"SECURITY LABEL FOR 'some' ON COLUMN "app"."staging_t"."a" IS E'it''s \\ secret'"#,
            r#"SECURITY LABEL FOR 'other' ON SEQUENCE "app"."staging_t_id_seq" IS 'ids'"#,
        ]
    );
    let notices = clone.notices();
    assert_eq!(notices.len(), 3);
    assert_eq!(
        notices[1],
        "column \"a\" of \"app\".\"t\" has a security label, which provider \"some\" must be loaded for and must allow \
         the role to set"
    );

    let error = clone
        .run(&mut workshop.client, &Events::none())
        .await
        .unwrap_err();
    assert!(
        error.remedy().contains("shared_preload_libraries"),
        "{}",
        error.remedy()
    );
    let StagingError::Statement(error) = error else {
        panic!("{error}");
    };
    let answer = error.database_error().to_string();
    assert!(answer.contains(r#"provider "some" is not loaded"#), "{answer}");
    let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'staging%'";
    assert_eq!(workshop.database.query_text(left).await.unwrap(), "0");
}

#[tokio::test]
async fn a_changed_label_is_a_difference() {
    let sql = "CREATE TABLE app.t (id serial, a text)";
    let label = |of: &str, column: i32| {
        format!(
            "INSERT INTO pg_seclabel VALUES ('{of}'::regclass, 'pg_class'::regclass, {column}, 'some', 'x')"
        )
    };
    let places = [
        (label("app.t", 0), r#"table "app"."t": security labels is "#),
        (
            label("app.staging_t", 0),
            r#"table "app"."t": security labels is none on live"#,
        ),
        (
            label("app.t", 1),
            r#"column "id" of "app"."t": security labels is "#,
        ),
        (
            label("app.staging_t_id_seq", 0),
            r#"sequence "app"."t_id_seq": security labels is none on live, "x" of provider "some" in staging"#,
        ),
    ];
    for (change, expected) in places {
        let mut workshop = Workshop::new(sql, &["t"]).await;
        let set = workshop.stage(&CloneOptions::default()).await;
        workshop.execute(&change).await;
        let found: Vec<String> = workshop
            .differences(&set)
            .await
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    }
}

#[tokio::test]
async fn what_depends_on_an_extension() {
    let sql = "
        CREATE EXTENSION pg_trgm SCHEMA public; CREATE EXTENSION btree_gist SCHEMA public;
        CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
        CREATE TABLE app.t (id integer PRIMARY KEY, name text);
        CREATE INDEX names ON app.t (name);
        ALTER INDEX app.names DEPENDS ON EXTENSION pg_trgm; ALTER INDEX app.names DEPENDS ON EXTENSION btree_gist;
        ALTER INDEX app.t_pkey DEPENDS ON EXTENSION pg_trgm;
        CREATE TRIGGER tr BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.f();
        ALTER TRIGGER tr ON app.t DEPENDS ON EXTENSION pg_trgm;
        CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one; CREATE INDEX ones ON app.m (one);
        ALTER MATERIALIZED VIEW app.m DEPENDS ON EXTENSION btree_gist;
        ALTER INDEX app.ones DEPENDS ON EXTENSION pg_trgm;";
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
    ] {
        let mut workshop = Workshop::new(sql, &["t", "m"]).await;
        let set = workshop.check_identical(&options).await;
        workshop
            .execute("ALTER INDEX app.staging_names NO DEPENDS ON EXTENSION pg_trgm; ALTER MATERIALIZED VIEW app.m NO DEPENDS ON EXTENSION btree_gist; \
                ALTER TRIGGER tr ON app.staging_t NO DEPENDS ON EXTENSION pg_trgm")
            .await;
        assert_eq!(workshop.differences(&set).await.len(), 3);
    }
}
