//! Constraint triggers, and what else triggers can have.

use cutover_core::Events;
use cutover_staging::{CloneOptions, PostDataOptions};

use crate::workshop::{Workshop, stage};

const FUNCTION: &str =
    "CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;";

#[tokio::test]
async fn constraint_triggers_of_every_kind() {
    let sql = format!(
        "{FUNCTION}
        CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.other (id integer);
        CREATE TABLE app.parents (id integer PRIMARY KEY);
        CREATE TABLE app.children (id integer, parent integer REFERENCES app.parents DEFERRABLE, children text);
        CREATE CONSTRAINT TRIGGER plain AFTER INSERT ON app.children FOR EACH ROW EXECUTE FUNCTION app.f();
        CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE OF children, id OR DELETE ON app.children
            FROM app.parents DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN (true) EXECUTE FUNCTION app.f(' ON children FROM parents ');
        CREATE CONSTRAINT TRIGGER outside AFTER UPDATE ON app.children FROM elsewhere.other
            DEFERRABLE FOR EACH ROW WHEN (NEW.children <> OLD.children) EXECUTE FUNCTION app.f();
        CREATE CONSTRAINT TRIGGER of_itself AFTER UPDATE ON app.parents FROM app.parents
            NOT DEFERRABLE FOR EACH ROW EXECUTE FUNCTION app.f();
        ALTER TABLE app.children DISABLE TRIGGER plain;
        ALTER TABLE app.children ENABLE ALWAYS TRIGGER late;
        ALTER TABLE app.children ENABLE REPLICA TRIGGER outside;
        COMMENT ON TRIGGER late ON app.children IS 'a trigger';
        COMMENT ON CONSTRAINT late ON app.children IS 'its constraint';
        "
    );
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
    ] {
        let mut workshop = Workshop::new(&sql, &["children", "parents"]).await;
        workshop.check_identical(&options).await;
        let comment = "SELECT obj_description(oid) FROM pg_constraint \
            WHERE conname = 'late' AND conrelid = 'app.staging_children'::regclass";
        assert_eq!(
            workshop.database.query_text(comment).await.unwrap(),
            "its constraint"
        );
    }
}

#[tokio::test]
async fn transition_tables_and_columns() {
    let sql = format!(
        "{FUNCTION}
        CREATE TABLE app.t (id integer, t text, old text);
        CREATE TRIGGER of_tables AFTER UPDATE ON app.t REFERENCING OLD TABLE AS t NEW TABLE AS \"new t\"
            FOR EACH STATEMENT EXECUTE FUNCTION app.f();
        CREATE TRIGGER of_columns BEFORE UPDATE OF t, old ON app.t FOR EACH ROW
            WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION app.f('t', E'back\\\\slash', '''');
        "
    );
    Workshop::new(&sql, &["t"])
        .await
        .check_identical(&CloneOptions::default())
        .await;
}

/// Trap 46: no trigger fires for the rows of the load, and from then on each does as on live.
#[tokio::test]
async fn triggers_sleep_during_the_load() {
    let sql = "CREATE FUNCTION app.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'it fired'; END$$; \
        CREATE TABLE app.t (id integer); \
        CREATE TRIGGER plain BEFORE INSERT ON app.t FOR EACH STATEMENT EXECUTE FUNCTION app.refuse(); \
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON app.t DEFERRABLE INITIALLY DEFERRED \
            FOR EACH ROW EXECUTE FUNCTION app.refuse(); \
        ALTER TABLE app.t ENABLE ALWAYS TRIGGER plain;";
    let mut workshop = Workshop::new(sql, &["t"]).await;
    let snapshot = workshop.snapshot().await;
    let set = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    workshop.execute("INSERT INTO app.staging_t VALUES (1)").await;
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    let insert = workshop
        .database
        .execute("INSERT INTO app.staging_t VALUES (2)")
        .await;
    let error = format!("{:#}", insert.unwrap_err());
    assert!(error.contains("it fired"), "{error}");
}
