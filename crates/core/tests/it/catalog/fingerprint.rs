//! What the digest of the catalog rows notices, and what it must not.

use cutover_core::Digest;
use cutover_core::catalog::{FingerprintWithoutPartNames, read_fingerprint};

use super::{Fixture, since_15};

async fn fixture() -> (Fixture, Vec<u32>) {
    let mut fixture = Fixture::new(
        "CREATE SCHEMA other; CREATE ROLE $role_reader; CREATE COLLATION live.german (locale = 'C');
         CREATE FUNCTION live.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
         CREATE TABLE live.sites (id serial PRIMARY KEY, name text, up integer CONSTRAINT up REFERENCES live.sites,
                                  n bigint GENERATED ALWAYS AS IDENTITY, CONSTRAINT positive CHECK (id > 0));
         CREATE INDEX sites_name ON live.sites (name);
         CREATE STATISTICS live.both ON name, up FROM live.sites;
         CREATE TRIGGER touch BEFORE UPDATE ON live.sites FOR EACH ROW EXECUTE FUNCTION live.touch();
         CREATE POLICY mine ON live.sites USING (id > 0);
         CREATE TABLE other.visits (site integer);
         CREATE VIEW live.v AS SELECT id, name FROM live.sites;
         INSERT INTO live.sites (name) SELECT 'site ' || n FROM generate_series(1, 1000) n;",
    )
    .await;
    let oids = fixture.read(&["sites"]).await.fingerprint_oids();
    (fixture, oids)
}

async fn digest(fixture: &Fixture, oids: &[u32]) -> Digest {
    read_fingerprint(&fixture.client, oids).await.unwrap()
}

#[tokio::test]
async fn ddl_changes_it() {
    let (mut fixture, oids) = fixture().await;
    for ddl in [
        "ALTER TABLE live.sites ADD COLUMN a integer",
        "ALTER TABLE live.sites ALTER a SET DEFAULT 7",
        "ALTER TABLE live.sites ALTER a SET DEFAULT 8",
        "ALTER TABLE live.sites ALTER a SET STATISTICS 7",
        "ALTER TABLE live.sites ALTER a TYPE bigint",
        "ALTER TABLE live.sites RENAME a TO b",
        "ALTER TABLE live.sites DROP COLUMN b",
        "GRANT SELECT ON live.sites TO $role_reader",
        "REVOKE SELECT ON live.sites FROM $role_reader",
        "GRANT UPDATE (name) ON live.sites TO $role_reader",
        "GRANT USAGE ON SEQUENCE live.sites_id_seq TO $role_reader",
        "ALTER SEQUENCE live.sites_n_seq CACHE 5",
        "ALTER SEQUENCE live.sites_n_seq RENAME TO m",
        "CREATE SEQUENCE live.adopted OWNED BY live.sites.up",
        "GRANT SELECT (ctid) ON live.sites TO $role_reader",
        "ALTER TABLE live.sites OWNER TO $role_reader",
        "ALTER TABLE live.sites SET (fillfactor = 50)",
        "CREATE INDEX another ON live.sites (up)",
        "ALTER INDEX live.another RENAME TO renamed",
        "ALTER TABLE live.sites CLUSTER ON renamed",
        "REINDEX INDEX live.renamed",
        "DROP INDEX live.renamed",
        "ALTER TABLE live.sites DROP CONSTRAINT positive",
        "ALTER TABLE live.sites ADD CONSTRAINT positive CHECK (id > 0) NOT VALID",
        "ALTER TABLE live.sites VALIDATE CONSTRAINT positive",
        "ALTER TABLE other.visits ADD CONSTRAINT site FOREIGN KEY (site) REFERENCES live.sites NOT VALID",
        "ALTER TABLE other.visits DISABLE TRIGGER ALL",
        "ALTER TABLE other.visits DROP CONSTRAINT site",
        "ALTER TABLE live.sites DISABLE TRIGGER touch",
        "DROP TRIGGER touch ON live.sites",
        "ALTER POLICY mine ON live.sites USING (id > 1)",
        "COMMENT ON POLICY mine ON live.sites IS 'x'",
        "CREATE POLICY other ON live.sites",
        "ALTER TABLE live.sites ENABLE ROW LEVEL SECURITY",
        "ALTER STATISTICS live.both SET STATISTICS 7",
        "CREATE RULE quiet AS ON DELETE TO live.sites DO INSTEAD NOTHING",
        "ALTER TABLE live.sites DISABLE RULE quiet",
        "COMMENT ON RULE quiet ON live.sites IS 'x'",
        "COMMENT ON INDEX live.sites_name IS 'x'",
        "COMMENT ON CONSTRAINT up ON live.sites IS 'x'",
        "COMMENT ON STATISTICS live.both IS 'x'",
        "ALTER INDEX live.sites_name DEPENDS ON EXTENSION plpgsql",
        "INSERT INTO pg_seclabel VALUES ('live.sites'::regclass, 'pg_class'::regclass, 2, 'some', 'label')",
        "UPDATE pg_seclabel SET label = 'another'",
        "INSERT INTO pg_seclabel VALUES ('live.sites_id_seq'::regclass, 'pg_class'::regclass, 0, 'some', 'label')",
        "CREATE OR REPLACE VIEW live.v AS SELECT id, upper(name) AS name FROM live.sites",
        "ALTER VIEW live.v SET (security_barrier)",
        "GRANT SELECT ON live.v TO $role_reader",
        "CREATE VIEW other.newcomer AS SELECT id FROM live.sites",
        "CREATE VIEW other.on_top AS SELECT id FROM live.v",
        "DROP VIEW other.newcomer",
        "CREATE FUNCTION other.atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM live.sites; END",
        "CREATE FUNCTION other.rows() RETURNS SETOF live.sites LANGUAGE sql AS 'SELECT * FROM live.sites'",
        "CREATE TYPE other.pair AS (two live.sites[])",
        "ALTER TABLE live.sites SET UNLOGGED",
        "ALTER TABLE live.sites SET LOGGED",
        "CREATE PUBLICATION p FOR TABLE live.sites",
        "ALTER PUBLICATION p SET (publish = 'insert')",
        "ALTER PUBLICATION p OWNER TO $role_reader",
        "ALTER PUBLICATION p RENAME TO renamed",
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "ALTER TABLE live.sites REPLICA IDENTITY FULL",
        "CREATE TABLE live.child () INHERITS (live.sites)",
        "CREATE TABLE live.second_child () INHERITS (live.sites)",
        "COMMENT ON TABLE live.sites IS 'sites'",
        "COMMENT ON COLUMN live.sites.name IS 'the name'",
        "COMMENT ON COLUMN live.sites.name IS NULL",
        "TRUNCATE live.sites CASCADE",
        "ALTER TABLE live.sites RENAME TO places",
        "ALTER TABLE live.places SET SCHEMA other",
    ] {
        let before = digest(&fixture, &oids).await;
        fixture.execute(ddl).await;
        assert_ne!(digest(&fixture, &oids).await, before, "not noticed: {ddl}");
    }
}

#[tokio::test]
async fn a_publication_of_the_schema_changes_it() {
    if !since_15() {
        return;
    }
    let (mut fixture, oids) = fixture().await;
    let before = digest(&fixture, &oids).await;
    fixture
        .execute("CREATE PUBLICATION whole FOR TABLES IN SCHEMA live")
        .await;
    let published = digest(&fixture, &oids).await;
    assert_ne!(published, before);
    fixture
        .execute("ALTER PUBLICATION whole DROP TABLES IN SCHEMA live")
        .await;
    assert_eq!(digest(&fixture, &oids).await, before);
}

#[tokio::test]
async fn use_and_upkeep_do_not_change_it() {
    let (mut fixture, oids) = fixture().await;
    let before = digest(&fixture, &oids).await;
    for upkeep in [
        "INSERT INTO live.sites (name) SELECT 'more ' || n FROM generate_series(1, 1000) n",
        "UPDATE live.sites SET name = name || '!'",
        "DELETE FROM live.sites WHERE id % 2 = 0",
        "ANALYZE live.sites",
        "VACUUM live.sites",
        "VACUUM (FREEZE, ANALYZE) live.sites",
        "VACUUM (FREEZE) pg_class",
        "VACUUM (FREEZE) pg_attribute",
        "SELECT setval('live.sites_id_seq', 99999)",
        "CHECKPOINT",
        "CREATE TABLE other.stranger (id serial PRIMARY KEY); CREATE VIEW other.elsewhere AS SELECT id FROM other.stranger",
        "BEGIN; ALTER TABLE live.sites ADD COLUMN a integer; ROLLBACK",
    ] {
        fixture.execute(upkeep).await;
        assert_eq!(digest(&fixture, &oids).await, before, "changed by {upkeep}");
    }
}

#[tokio::test]
async fn without_names_of_parts_renames_do_not_show() {
    let (mut fixture, oids) = fixture().await;
    let query = FingerprintWithoutPartNames::prepare(&fixture.client)
        .await
        .unwrap();
    let before = query.read(&fixture.client, &oids).await.unwrap();
    fixture
        .execute(
            "ALTER INDEX live.sites_name RENAME TO x; ALTER INDEX live.sites_pkey RENAME TO y;
             ALTER STATISTICS live.both RENAME TO two; ALTER STATISTICS live.two SET SCHEMA other",
        )
        .await;
    assert_eq!(query.read(&fixture.client, &oids).await.unwrap(), before);
    for ddl in [
        "ALTER TABLE live.sites CLUSTER ON x",
        "CREATE INDEX another ON live.sites (up)",
        "DROP INDEX live.another",
        "ALTER TABLE live.sites RENAME CONSTRAINT up TO upwards",
        "ALTER TABLE live.sites ADD UNIQUE (name)",
        "ALTER STATISTICS other.two SET STATISTICS 7",
        "ALTER STATISTICS other.two OWNER TO $role_reader",
        "DROP STATISTICS other.two",
    ] {
        let before = query.read(&fixture.client, &oids).await.unwrap();
        fixture.execute(ddl).await;
        let after = query.read(&fixture.client, &oids).await.unwrap();
        assert_ne!(after, before, "not noticed: {ddl}");
    }
}

#[tokio::test]
async fn a_failed_reading_says_so() {
    let (mut fixture, oids) = fixture().await;
    let tx = fixture.client.transaction().await.unwrap();
    tx.batch_execute("SELECT 1 / 0").await.unwrap_err();
    let error = read_fingerprint(&tx, &oids).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"could not read what describes the release set in schema "pg_catalog""#
    );
}
