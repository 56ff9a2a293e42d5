//! Columns, defaults and checks that hold rows of members.

use cutover_core::Events;
use cutover_staging::{CloneOptions, LockPatience, drop_staging};

use crate::dump;
use crate::workshop::{SCHEMA, Workshop, plan};

async fn check(sql: &str, members: &[&str]) {
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
    ] {
        Workshop::new(sql, members).await.check_identical(&options).await;
    }
}

#[tokio::test]
async fn columns_of_members_row_types() {
    check(
        "
        CREATE TABLE app.t (id integer, name text);
        CREATE TABLE app.outside (id integer);
        CREATE TABLE app.u (a integer, t app.t NOT NULL, ts app.t[] DEFAULT '{}', o app.outside, z text);
        CREATE TABLE app.v (us app.u[]);
        ALTER TABLE app.u ALTER ts SET STORAGE EXTERNAL;
        COMMENT ON COLUMN app.u.t IS 'a row';
        CREATE TABLE app.parent (r app.t); CREATE TABLE app.child (more app.u) INHERITS (app.parent);
        CREATE TABLE app.p (id integer, r app.t) PARTITION BY LIST (id);
        CREATE TABLE app.p_1 PARTITION OF app.p DEFAULT;
        ",
        &["v", "u", "t", "child", "parent", "p"],
    )
    .await;
}

#[tokio::test]
async fn checks_of_whole_rows() {
    check(
        "
        CREATE TABLE app.t (a integer, b text, CONSTRAINT whole CHECK (t IS NOT NULL), CONSTRAINT plain CHECK (a > 0), CONSTRAINT none CHECK (1 > 0));
        ALTER TABLE app.t ADD CONSTRAINT late CHECK (t.* IS DISTINCT FROM NULL) NOT VALID;
        ALTER TABLE app.t ADD CONSTRAINT alone CHECK (a < 9) NO INHERIT;
        COMMENT ON CONSTRAINT whole ON app.t IS 'the row';
        CREATE TABLE app.u (t app.t, CONSTRAINT named CHECK ((t).a > 1), CONSTRAINT made CHECK (t <> ROW(1, 'u')::app.t));
        CREATE TABLE app.p (a integer) PARTITION BY LIST (a);
        CREATE TABLE app.p_1 PARTITION OF app.p (CONSTRAINT whole CHECK (p_1 IS NOT NULL)) FOR VALUES IN (1);
        CREATE TABLE app.parent (a integer);
        CREATE TABLE app.child (CONSTRAINT whole CHECK (child IS NOT NULL)) INHERITS (app.parent);
        ",
        &["t", "u", "p", "parent", "child"],
    )
    .await;
}

#[tokio::test]
async fn indexes_of_whole_rows() {
    check(
        "
        CREATE TABLE app.t (a integer, b text);
        CREATE TABLE app.u (t app.t);
        CREATE INDEX whole ON app.t ((t IS NULL), a) WHERE t IS DISTINCT FROM ROW(1, 't')::app.t;
        CREATE UNIQUE INDEX of_column ON app.u (((t).b), (t > ROW(1, 'x')::app.t));
        COMMENT ON INDEX app.whole IS 'rows';
        ALTER TABLE app.u CLUSTER ON of_column;
        ",
        &["u", "t"],
    )
    .await;
}

#[tokio::test]
async fn staging_is_dropped_holders_first() {
    let sql = "CREATE TABLE app.t (a integer); CREATE TABLE app.u (t app.t); CREATE TABLE app.v (us app.u[]); \
        CREATE TABLE app.w (a integer, CHECK (ROW(a)::app.t IS NOT NULL))";
    let mut workshop = Workshop::new(sql, &["t", "v", "u", "w"]).await;
    let before = dump::blocks(&workshop.database, SCHEMA);
    let set = workshop.stage(&CloneOptions::default()).await;
    let patience = LockPatience::default();
    drop_staging(&mut workshop.client, &set, &patience, &Events::none())
        .await
        .unwrap();
    assert_eq!(dump::blocks(&workshop.database, SCHEMA), before);
}

#[tokio::test]
async fn what_takes_live_rows_only_is_named() {
    let sql = "CREATE TABLE app.t (a integer); \
        CREATE FUNCTION app.f(app.t) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true'; \
        ALTER TABLE app.t ADD CONSTRAINT calls CHECK (app.f(t)); \
        CREATE TABLE app.u (a integer, g integer GENERATED ALWAYS AS ((ROW(a)::app.t).a) STORED); \
        CREATE TYPE app.row AS (t app.t); CREATE TABLE app.typed OF app.row";
    let mut workshop = Workshop::new(sql, &["t", "u"]).await;
    let error = plan(&workshop.snapshot().await).unwrap_err();
    let texts: Vec<String> = error.refusals.iter().map(ToString::to_string).collect();
    let expected = [
        r#"constraint "calls" of "app"."t" calls f(t), which takes live's rows"#,
        r#"column "g" of "app"."u" is generated from rows of a member"#,
    ];
    assert_eq!(texts.len(), expected.len(), "{texts:#?}");
    for (text, expected) in texts.iter().zip(expected) {
        assert!(text.starts_with(expected), "{texts:#?}");
    }
}

#[tokio::test]
async fn functions_over_live_rows_are_named_wherever_they_are_called() {
    let sql = "CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$; \
        CREATE TABLE app.t (a integer, b integer); \
        CREATE FUNCTION app.total(app.t) RETURNS integer IMMUTABLE LANGUAGE sql AS $$SELECT $1.a$$; \
        CREATE INDEX by_total ON app.t (app.total(t)); \
        CREATE POLICY positive ON app.t USING (app.total(t) > 0); \
        CREATE TRIGGER large BEFORE INSERT ON app.t FOR EACH ROW WHEN (app.total(NEW) > 9) EXECUTE FUNCTION app.note(); \
        CREATE TABLE app.u (n integer DEFAULT app.total(ROW(1, 2)));";
    let mut workshop = Workshop::new(sql, &["t", "u"]).await;
    let error = plan(&workshop.snapshot().await).unwrap_err().to_string();
    for part in [
        "index by_total",
        "policy positive on table t",
        "trigger large on table t",
        "default value for column n of table u",
    ] {
        let refusal = format!("has {part}, which calls total(t): a function over the row type of the member");
        assert!(error.contains(&refusal), "{error}");
    }
}
