//! Columns that do not fit are all reported at once.

use cutover_importer::{Import, ImportError};
use insta::assert_snapshot;
use tokio_postgres::error::SqlState;

use crate::fixture::{database, ident, import, import_pipe, public, query, relation, settings, told};

const TABLES: &str = "CREATE TABLE source (site_id int, name text, update_yr int, area text, extra int, shape geometry); \
     CREATE TABLE staging (site_id int NOT NULL, title text NOT NULL, year int, area numeric, gone int, \
         shout text GENERATED ALWAYS AS (upper(title)) STORED, shape jsonb)";

#[tokio::test]
async fn everything_that_does_not_fit_by_name() {
    let db = database(TABLES).await;
    let error = import(&db, &Import::new("sites", public("staging"), relation("source")))
        .await
        .unwrap_err();
    assert_snapshot!(told(&error));
}

#[tokio::test]
async fn everything_that_does_not_fit_as_mapped() {
    let db = database(TABLES).await;
    let mapped = Import::new("sites", public("staging"), relation("source"))
        .columns([
            (ident("site_id"), "site_id".to_owned()),
            (ident("site_id"), "extra".to_owned()),
            (ident("title"), "nmae".to_owned()),
            (ident("yaer"), "update_yr".to_owned()),
            (ident("shout"), "name".to_owned()),
            (ident("area"), "area".to_owned()),
        ])
        .key([ident("gone")]);
    let error = import(&db, &mapped).await.unwrap_err();
    assert_snapshot!(told(&error));
}

#[tokio::test]
async fn a_query_with_a_name_twice() {
    let db = database(TABLES).await;
    let twice = query("SELECT 1 AS site_id, 'x' AS title, 2 AS year, 3 AS year");
    let error = import(&db, &Import::new("sites", public("staging"), twice))
        .await
        .unwrap_err();
    assert_snapshot!(told(&error));
}

#[tokio::test]
async fn an_import_that_fills_nothing() {
    let db = database("CREATE TABLE source (id int); CREATE TABLE t (id int)").await;
    let nothing = Import::new("t", public("t"), relation("source")).columns([]);
    let error = import(&db, &nothing).await.unwrap_err();
    assert!(
        told(&error).contains("no column of the source fills one"),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn both_ways_refuse_the_same_types() {
    let db = database(TABLES).await;
    let sites = Import::new(
        "sites",
        public("staging"),
        query("SELECT 1 AS site_id, 'x' AS title, true AS year"),
    );
    let here = import(&db, &sites).await.unwrap_err();
    let elsewhere = import_pipe(&db, &db, &sites, &settings()).await.unwrap_err();
    assert_eq!(told(&here), told(&elsewhere));
    assert!(matches!(here, ImportError::Columns { .. }), "{}", told(&here));
}

#[tokio::test]
async fn a_missing_relation_on_either_side() {
    let db = database(TABLES).await;
    let no_source = Import::new("sites", public("staging"), relation("portal_sites"));
    assert_snapshot!(told(&import(&db, &no_source).await.unwrap_err()), @r#"
    importer sites: there is no relation "public"."portal_sites" to read
      remedy: check the name and the schema in `from`; create the view, or refresh the portal's foreign tables
    "#);
    let no_target = Import::new("sites", public("staging_sites"), relation("source"));
    assert_snapshot!(told(&import(&db, &no_target).await.unwrap_err()), @r#"
    importer sites: there is no table "public"."staging_sites" to fill
      remedy: build staging first, and check `into`
    "#);
}

/// Its subscribers would be sent the month before it is live, and again when it is.
#[tokio::test]
async fn a_published_table_is_not_filled() {
    let db = database(
        "CREATE TABLE source (id int); CREATE TABLE staging (id int) PARTITION BY LIST (id); \
         CREATE TABLE part PARTITION OF staging DEFAULT; CREATE PUBLICATION early FOR TABLE part",
    )
    .await;
    let staging = Import::new("t", public("staging"), relation("source"));
    assert_snapshot!(told(&import(&db, &staging).await.unwrap_err()), @r#"
    importer t: table "public"."staging" is published by "early": its subscribers would be sent every row
      remedy: take it off the publication's list: the swap puts on it what goes live; one of all tables or of the schema must be a list instead
    "#);
    let dropped = "DROP PUBLICATION early; CREATE PUBLICATION late FOR TABLE source";
    db.execute(dropped).await.unwrap();
    import(&db, &staging).await.unwrap();
}

#[tokio::test]
async fn a_query_that_does_not_read() {
    let db = database(TABLES).await;
    let error = import(
        &db,
        &Import::new("sites", public("staging"), query("SELECT nonsense FROM source")),
    )
    .await
    .unwrap_err();
    assert_snapshot!(told(&error));
}

#[tokio::test]
async fn operator_queries_see_only_the_given_schemas() {
    let db =
        database("CREATE SCHEMA other; CREATE TABLE other.source (id int); CREATE TABLE t (id int)").await;
    let mut target = db.connect().await.unwrap();
    target.batch_execute("SET search_path = other").await.unwrap();
    let error = crate::fixture::plan(
        &Import::new("t", public("t"), query("SELECT id FROM source")),
        &mut target,
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.sqlstate().map(SqlState::code),
        Some("42P01"),
        "{}",
        told(&error)
    );
}
