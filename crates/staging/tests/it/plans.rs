//! Plans as a DBA reads them.

use cutover_core::NamingPolicy;
use cutover_staging::{CloneOptions, ClonePlan};

use crate::workshop::Workshop;

const SQL: &str = "
    CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.countries (id integer PRIMARY KEY);
    CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
    CREATE TABLE app.sources (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text);
    CREATE TABLE app.sites (
        id bigserial PRIMARY KEY, name text NOT NULL, source_id integer REFERENCES app.sources,
        country_id integer REFERENCES elsewhere.countries ON DELETE SET NULL
    ) WITH (fillfactor = 90);
    CREATE INDEX sites_name ON app.sites (lower(name));
    CREATE TRIGGER touch BEFORE UPDATE ON app.sites FOR EACH ROW EXECUTE FUNCTION app.touch();
    COMMENT ON TABLE app.sites IS 'one row a site';
    GRANT SELECT ON app.sites TO PUBLIC;
";

async fn printed(options: &CloneOptions) -> String {
    let mut workshop = Workshop::new(SQL, &["sources", "sites"]).await;
    let snapshot = workshop.snapshot().await;
    let plan = ClonePlan::compute(&snapshot, &NamingPolicy::default(), options).unwrap();
    plan.to_string().replace(snapshot.fingerprint.short(), "[digest]")
}

#[tokio::test]
async fn lightweight() {
    insta::assert_snapshot!(printed(&CloneOptions::default()).await);
}

#[tokio::test]
async fn everything_before_the_load() {
    insta::assert_snapshot!(printed(&CloneOptions::default().lightweight(false)).await);
}

/// Policies, rules, triggers, privileges that were passed on: what is made in scratch, and what is let go last.
#[tokio::test]
async fn who_may_see_and_do_what() {
    let sql = "
        CREATE ROLE ROLE_reader; CREATE ROLE ROLE_editor; GRANT USAGE ON SCHEMA app TO ROLE_editor;
        CREATE FUNCTION app.checked() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
        CREATE TABLE app.grants (site integer, reader name);
        CREATE TABLE app.sites (id integer, during int4range, CONSTRAINT once EXCLUDE USING gist (during WITH &&));
        CREATE INDEX broken ON app.sites (id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.broken'::regclass;
        CREATE POLICY granted ON app.sites FOR SELECT TO ROLE_reader
            USING (id IN (SELECT g.site FROM app.grants g WHERE g.reader = current_user));
        ALTER TABLE app.sites ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE RULE forget AS ON DELETE TO app.sites DO ALSO DELETE FROM app.grants WHERE site = OLD.id;
        CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON app.sites FROM app.grants DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION app.checked();
        COMMENT ON POLICY granted ON app.sites IS 'as granted';
        GRANT SELECT ON app.sites TO ROLE_editor WITH GRANT OPTION;
        SET ROLE ROLE_editor; GRANT SELECT ON app.sites TO ROLE_reader;";
    let mut workshop = Workshop::new(sql, &["grants", "sites"]).await;
    let prefix = workshop.role("");
    let snapshot = workshop.snapshot().await;
    let plan = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &CloneOptions::default()).unwrap();
    let text = plan.to_string().replace(snapshot.fingerprint.short(), "[digest]");
    insta::assert_snapshot!(text.replace(&prefix, "the_"));
}

#[tokio::test]
async fn a_printed_plan_is_a_script() {
    let mut workshop = Workshop::new(SQL, &["sources", "sites"]).await;
    let snapshot = workshop.snapshot().await;
    let options = CloneOptions::default();
    let plan = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &options).unwrap();
    workshop
        .client
        .batch_execute(&format!("BEGIN;\n{plan}COMMIT"))
        .await
        .unwrap();
    let made = "SELECT count(*) FROM pg_class WHERE relname LIKE 'staging%' AND relkind IN ('r', 'i', 'S')";
    assert_eq!(workshop.database.query_text(made).await.unwrap(), "7");
}

#[tokio::test]
async fn a_partitioned_table() {
    let sql = "
        CREATE TABLE app.countries (id integer PRIMARY KEY);
        CREATE TABLE app.sites (id bigint, year integer, name text, country_id integer REFERENCES app.countries,
            PRIMARY KEY (year, id)) PARTITION BY RANGE (year);
        CREATE TABLE app.sites_2025 PARTITION OF app.sites FOR VALUES FROM (2025) TO (2026);
        CREATE TABLE app.sites_other PARTITION OF app.sites DEFAULT;
        CREATE INDEX sites_name ON app.sites (name);";
    let mut workshop = Workshop::new(sql, &["sites", "countries"]).await;
    let snapshot = workshop.snapshot().await;
    let options = CloneOptions::default();
    let plan = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &options).unwrap();
    insta::assert_snapshot!(plan.to_string().replace(snapshot.fingerprint.short(), "[digest]"));
}
