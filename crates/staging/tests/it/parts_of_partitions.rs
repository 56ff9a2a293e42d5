//! Policies, rules, triggers, exclusion constraints and passed-on privileges of partitioned tables and their partitions.

use cutover_core::Events;
use cutover_staging::{CloneOptions, LockPatience, drop_staging};

use crate::workshop::Workshop;

const SQL: &str = "
    CREATE ROLE ROLE_a; CREATE ROLE ROLE_b; GRANT USAGE ON SCHEMA app TO ROLE_a;
    CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
    CREATE TABLE app.grants (area integer, reader name);
    CREATE TABLE app.areas (id integer, year integer, areas text, during int4range) PARTITION BY RANGE (year);
    CREATE TABLE app.areas_1 PARTITION OF app.areas FOR VALUES FROM (0) TO (10) PARTITION BY LIST (id);
    CREATE TABLE app.areas_1_a PARTITION OF app.areas_1 FOR VALUES IN (1, 2);
    CREATE TABLE app.areas_2 PARTITION OF app.areas DEFAULT;
    CREATE POLICY p ON app.areas USING (id IN (SELECT g.area FROM app.grants g WHERE g.reader = areas.areas));
    CREATE POLICY p ON app.areas_1_a AS RESTRICTIVE FOR DELETE USING (areas_1_a.id IN (SELECT a.id FROM app.areas a));
    CREATE POLICY back ON app.grants USING (area IN (SELECT a.id FROM app.areas_2 a));
    ALTER TABLE app.areas ENABLE ROW LEVEL SECURITY;
    ALTER TABLE app.areas_1_a ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    COMMENT ON POLICY p ON app.areas IS 'of the parent';
    CREATE RULE r AS ON DELETE TO app.areas WHERE OLD.id = 1 DO INSTEAD DELETE FROM app.grants WHERE area = OLD.id;
    CREATE RULE r AS ON UPDATE TO app.areas_2 DO ALSO UPDATE app.areas SET areas = 'areas' WHERE id = NEW.id;
    ALTER TABLE app.areas DISABLE RULE r;
    CREATE TRIGGER of_all AFTER INSERT ON app.areas FOR EACH ROW WHEN (NEW.areas <> 'areas') EXECUTE FUNCTION app.f();
    CREATE CONSTRAINT TRIGGER of_one AFTER INSERT ON app.areas_2 FROM app.grants DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION app.f();
    ALTER TABLE app.areas_2 DISABLE TRIGGER of_one;
    ALTER TABLE app.areas_2 ADD CONSTRAINT once EXCLUDE USING gist (during WITH &&) WHERE (areas <> 'areas');
    COMMENT ON CONSTRAINT once ON app.areas_2 IS 'of one';
    GRANT SELECT ON app.areas, app.areas_2 TO ROLE_a WITH GRANT OPTION;
    GRANT SELECT (ctid), UPDATE (areas) ON app.areas_1_a TO ROLE_b;
    SET ROLE ROLE_a; GRANT SELECT ON app.areas, app.areas_2 TO ROLE_b; RESET ROLE;
";

/// Trap 50: a partitioned table and its partitions are one set, and each has parts of its own.
#[tokio::test]
async fn every_level_has_its_own() {
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
    ] {
        let mut workshop = Workshop::new(SQL, &["areas", "grants"]).await;
        let set = workshop.check_identical(&options).await;
        drop_staging(
            &mut workshop.client,
            &set,
            &LockPatience::default(),
            &Events::none(),
        )
        .await
        .unwrap();
        let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'staging%'";
        assert_eq!(workshop.database.query_text(left).await.unwrap(), "0");
    }
}
