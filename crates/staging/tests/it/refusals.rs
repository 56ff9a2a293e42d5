//! What is found and refused by name.

use cutover_core::{NamingPolicy, catalog::CatalogSnapshot};
use cutover_staging::{CloneOptions, MatviewPlan};

use crate::workshop::{SCHEMA, Workshop, ident, plan, read};

/// Checks that a table set is refused once, and how.
async fn check(sql: &str, members: &[&str], expected: &str) {
    let mut workshop = Workshop::new(sql, members).await;
    let error = plan(&workshop.snapshot().await).unwrap_err();
    let [refusal] = error.refusals.as_slice() else {
        panic!("{error}");
    };
    let text = refusal.to_string();
    assert!(text.starts_with(expected), "{text}");
    assert!(!refusal.remedy.is_empty());
}

#[tokio::test]
async fn kinds_of_tables() {
    check(
        "CREATE TABLE app.p (id integer) PARTITION BY LIST (id); CREATE TABLE app.t PARTITION OF app.p DEFAULT",
        &["t"],
        r#"table "app"."t" is a partition of "app"."p", which is not in the set"#,
    )
    .await;
    check(
        "CREATE TABLE app.p (id integer); CREATE TABLE app.t () INHERITS (app.p)",
        &["t"],
        r#"table "app"."t" inherits from "app"."p", which is not in the set"#,
    )
    .await;
    check(
        "CREATE TABLE app.t (id integer); CREATE TABLE app.c () INHERITS (app.t)",
        &["t"],
        r#"table "app"."t" is inherited by "app"."c", which is not in the set"#,
    )
    .await;
    check(
        "CREATE VIEW app.t AS SELECT 1 AS one",
        &["t"],
        r#"view "app"."t" is a plain view"#,
    )
    .await;
    check(
        "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; \
         CREATE FOREIGN TABLE app.t (id integer) SERVER s",
        &["t"],
        r#"foreign table "app"."t" is a foreign table"#,
    )
    .await;
}

/// Trap 25.
#[tokio::test]
async fn tables_distributed_by_citus() {
    // What Citus leaves on the table that it distributes.
    check(
        "CREATE FUNCTION public.citus_truncate_trigger() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$; \
         CREATE TABLE app.t (id integer); \
         CREATE TRIGGER truncate_trigger_1 AFTER TRUNCATE ON app.t EXECUTE FUNCTION public.citus_truncate_trigger()",
        &["t"],
        r#"table "app"."t" is distributed by Citus"#,
    )
    .await;
}

#[tokio::test]
async fn members_of_an_extension() {
    check(
        "CREATE TABLE app.t (id integer); CREATE EXTENSION postgres_fdw; ALTER EXTENSION postgres_fdw ADD TABLE app.t",
        &["t"],
        r#"table "app"."t" belongs to an extension"#,
    )
    .await;
}

/// Trap 23: of all tables, or of the schema that staging is in.
#[tokio::test]
async fn publications() {
    check(
        "CREATE TABLE app.t (id integer); CREATE PUBLICATION p FOR TABLES IN SCHEMA app",
        &["t"],
        r#"table "app"."t" is published with its schema by "p""#,
    )
    .await;
    check(
        "CREATE TABLE app.t (id integer); CREATE PUBLICATION p FOR ALL TABLES",
        &["t"],
        r#"publication "p" is FOR ALL TABLES"#,
    )
    .await;
}

#[tokio::test]
async fn names_of_the_servers_own() {
    check(
        "CREATE TABLE app.pg_class (id integer)",
        &["pg_class"],
        r#"table "app"."pg_class" is called like a relation of pg_catalog"#,
    )
    .await;
}

#[tokio::test]
async fn parts_of_tables() {
    check(
        "CREATE TABLE app.t (id integer); CREATE TABLE app.staging_t (id integer)",
        &["t", "staging_t"],
        r#"table "app"."t" would be called "app"."staging_t" in staging"#,
    )
    .await;
}

#[tokio::test]
async fn a_replica_identity_whose_index_is_gone() {
    check(
        "CREATE TABLE app.t (id integer NOT NULL); CREATE UNIQUE INDEX i ON app.t (id); \
         ALTER TABLE app.t REPLICA IDENTITY USING INDEX i; DROP INDEX app.i",
        &["t"],
        r#"table "app"."t" has an index as its replica identity that is gone"#,
    )
    .await;
}

#[tokio::test]
async fn missing_rights_are_told_before_the_first_change() {
    let workshop = Workshop::new(
        "CREATE ROLE ROLE_guest LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA app TO ROLE_guest; \
         CREATE TABLE app.t (id integer)",
        &["t"],
    )
    .await;
    let mut guest = workshop.connect_as("guest").await;
    let error = plan(&read(&mut guest, &[ident("t")]).await).unwrap_err();
    let remedies: Vec<_> = error.refusals.iter().map(|refusal| refusal.remedy).collect();
    assert_eq!(
        remedies,
        [
            "GRANT CREATE ON DATABASE to the role",
            "GRANT CREATE ON SCHEMA to the role",
            "connect as the owner, or GRANT the owner's role to the role",
            "GRANT SELECT ON it to the role",
        ]
    );
}

#[tokio::test]
async fn everything_is_refused_at_once() {
    let sql = "CREATE TABLE app.p (id integer); CREATE TABLE app.a () INHERITS (app.p); CREATE TABLE app.c () INHERITS (app.p); \
        CREATE TABLE app.b (id integer NOT NULL); CREATE UNIQUE INDEX i ON app.b (id); \
        ALTER TABLE app.b REPLICA IDENTITY USING INDEX i; DROP INDEX app.i; \
        CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one; CREATE VIEW app.v AS SELECT one FROM app.m; \
        CREATE MATERIALIZED VIEW app.n AS SELECT one FROM app.v";
    let mut workshop = Workshop::new(sql, &["a", "b", "c", "m", "n"]).await;
    let snapshot: CatalogSnapshot = workshop.snapshot().await;
    assert_eq!(snapshot.schema.as_str(), SCHEMA);
    let error = plan(&snapshot).unwrap_err();
    assert_eq!(error.refusals.len(), 3, "{error}");
    let error =
        MatviewPlan::compute(&snapshot, &NamingPolicy::default(), &CloneOptions::default()).unwrap_err();
    assert_eq!(error.refusals.len(), 1, "{error}");
}
