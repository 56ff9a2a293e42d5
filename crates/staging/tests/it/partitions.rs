//! Partitioned tables with their partitions.

use cutover_core::Events;
use cutover_staging::{
    CloneOptions, LockPatience, PostDataOptions, StagedSet, StagingError, Workers, drop_staging,
};

use crate::dump;
use crate::workshop::{SCHEMA, Workshop, plan, stage};

async fn check(sql: &str, members: &[&str]) {
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
        CloneOptions::default().include_fks(true),
    ] {
        Workshop::new(sql, members).await.check_identical(&options).await;
    }
}

#[tokio::test]
async fn range_list_hash_default_and_several_levels() {
    check(
        r#"
        CREATE FUNCTION app.part(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT lower($1)$$;
        CREATE TABLE app.p (id bigint, at timestamptz NOT NULL DEFAULT now(), name text) PARTITION BY RANGE (at, id);
        CREATE TABLE app.p_old PARTITION OF app.p FOR VALUES FROM (MINVALUE, MINVALUE) TO ('2024-01-01', 7);
        CREATE TABLE app."P new" PARTITION OF app.p FOR VALUES FROM ('2024-01-01', 7) TO (MAXVALUE, MAXVALUE)
            PARTITION BY HASH (id);
        CREATE TABLE app.p_0 PARTITION OF app."P new" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE app.p_1 PARTITION OF app."P new" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE app.p_rest PARTITION OF app.p DEFAULT PARTITION BY LIST (app.part(name) COLLATE "C" text_pattern_ops);
        CREATE TABLE app.p_rest_a PARTITION OF app.p_rest FOR VALUES IN ('a', 'it''s', NULL);
        CREATE TABLE app.p_rest_rest PARTITION OF app.p_rest DEFAULT;
        CREATE TABLE app.empty (id integer) PARTITION BY LIST (id);
        COMMENT ON TABLE app.p IS 'all'; COMMENT ON TABLE app.p_0 IS 'even';
        COMMENT ON COLUMN app.p_0.name IS 'even name';
        "#,
        &["p", "empty"],
    )
    .await;
}

#[tokio::test]
async fn partitions_that_are_not_like_their_parent() {
    check(
        "
        CREATE ROLE ROLE_reader;
        CREATE TABLE app.p (id integer NOT NULL, a text DEFAULT 'parent', b integer, twice integer GENERATED ALWAYS AS (b * 2) STORED,
            CONSTRAINT b_positive CHECK (b > 0)) PARTITION BY LIST (id);
        ALTER TABLE app.p ADD CONSTRAINT a_short CHECK (length(a) < 9) NOT VALID;
        CREATE TABLE app.c (gone integer, b integer NOT NULL, twice integer GENERATED ALWAYS AS (b * 2) STORED,
            a text COMPRESSION pglz DEFAULT 'child', id integer NOT NULL,
            CONSTRAINT b_positive CHECK (b > 0), CONSTRAINT a_short CHECK (length(a) < 9),
            CONSTRAINT own CHECK (a <> 'c') NO INHERIT) WITH (fillfactor = 60, toast.autovacuum_enabled = false);
        ALTER TABLE app.c ADD CONSTRAINT own_late CHECK (b < 1000) NOT VALID;
        ALTER TABLE app.c DROP COLUMN gone;
        ALTER TABLE app.p ATTACH PARTITION app.c FOR VALUES IN (1);
        CREATE UNLOGGED TABLE app.d PARTITION OF app.p FOR VALUES IN (2);
        ALTER TABLE app.c ALTER a SET STORAGE EXTERNAL, ALTER b SET STATISTICS 77, ALTER b SET (n_distinct = 5);
        ALTER TABLE ONLY app.p ALTER b SET STATISTICS 9, ALTER a SET (n_distinct = 3);
        ALTER TABLE app.d ALTER a SET STORAGE MAIN;
        CREATE INDEX own_index ON app.c (lower(a));
        CREATE STATISTICS app.own_statistics ON a, b FROM app.c;
        CREATE STATISTICS app.all_statistics ON a, b FROM app.p;
        COMMENT ON CONSTRAINT b_positive ON app.c IS 'of the partition';
        COMMENT ON CONSTRAINT a_short ON app.p IS 'of the parent';
        GRANT SELECT ON app.c TO ROLE_reader; GRANT INSERT (a) ON app.p TO ROLE_reader;
        ALTER TABLE app.c REPLICA IDENTITY FULL;
        ALTER TABLE ONLY app.p REPLICA IDENTITY NOTHING;
        ",
        &["p"],
    )
    .await;
}

#[tokio::test]
async fn sequences_of_the_parent_and_of_partitions() {
    check(
        "
        CREATE TABLE app.p (id bigint GENERATED ALWAYS AS IDENTITY (START 5), serial bigserial, own integer)
            PARTITION BY HASH (id);
        CREATE TABLE app.c PARTITION OF app.p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE app.d PARTITION OF app.p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE SEQUENCE app.own_seq OWNED BY app.d.own;
        ALTER TABLE app.d ALTER own SET DEFAULT nextval('app.own_seq');
        ",
        &["p"],
    )
    .await;
}

#[tokio::test]
async fn indexes_and_keys_attached_and_not() {
    check(
        r#"
        CREATE TABLE app.p (a integer NOT NULL, b integer, c text) PARTITION BY RANGE (a);
        CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES FROM (0) TO (10);
        CREATE TABLE app.p2 PARTITION OF app.p FOR VALUES FROM (10) TO (20) PARTITION BY LIST (b);
        CREATE TABLE app.p21 PARTITION OF app.p2 DEFAULT;
        CREATE UNIQUE INDEX odd_name ON app.p1 (a);
        ALTER TABLE app.p1 ADD CONSTRAINT "Odd key" PRIMARY KEY USING INDEX odd_name;
        ALTER TABLE app.p2 ADD CONSTRAINT wide UNIQUE (a, b);
        ALTER TABLE ONLY app.p ADD CONSTRAINT "p's key" PRIMARY KEY (a);
        ALTER INDEX app."p's key" ATTACH PARTITION app."Odd key";
        CREATE INDEX plain ON app.p (b DESC) INCLUDE (c) WITH (fillfactor = 55);
        CREATE INDEX computed ON app.p (lower(c), (a + b)) WHERE c <> 'p';
        CREATE INDEX only_top ON ONLY app.p (c);
        CREATE INDEX half ON ONLY app.p USING hash (b);
        CREATE INDEX half_1 ON app.p1 USING hash (b);
        ALTER INDEX app.half ATTACH PARTITION app.half_1;
        CREATE INDEX unattached ON app.p21 (b DESC) INCLUDE (c);
        CREATE TABLE app.q (a integer, b integer, UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b) WITH (fillfactor = 44) DEFERRABLE INITIALLY DEFERRED)
            PARTITION BY HASH (a);
        CREATE TABLE app.q1 PARTITION OF app.q FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        ALTER INDEX app.computed ALTER COLUMN 1 SET STATISTICS 33;
        COMMENT ON INDEX app.plain IS 'of all';
        COMMENT ON INDEX app.p1_b_c_idx IS 'of one';
        COMMENT ON CONSTRAINT "p's key" ON app.p IS 'key of all';
        COMMENT ON CONSTRAINT "Odd key" ON app.p1 IS 'key of one';
        ALTER TABLE app.p1 CLUSTER ON p1_b_c_idx;
        ALTER TABLE app.p1 REPLICA IDENTITY USING INDEX "Odd key";
        "#,
        &["p", "q"],
    )
    .await;
}

#[tokio::test]
async fn a_replica_identity_of_a_partitioned_table() {
    check(
        "CREATE TABLE app.p (a integer PRIMARY KEY) PARTITION BY LIST (a);
         CREATE TABLE app.c PARTITION OF app.p DEFAULT;
         ALTER TABLE app.p REPLICA IDENTITY USING INDEX p_pkey",
        &["p"],
    )
    .await;
}

#[tokio::test]
async fn foreign_keys_from_to_and_within_partitioned_tables() {
    check(
        r#"
        CREATE SCHEMA elsewhere;
        CREATE TABLE elsewhere.countries (id integer PRIMARY KEY) PARTITION BY HASH (id);
        CREATE TABLE elsewhere.countries_0 PARTITION OF elsewhere.countries FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        CREATE TABLE app.t (id integer PRIMARY KEY);
        CREATE TABLE app.p (id integer PRIMARY KEY, parent integer CONSTRAINT to_self REFERENCES app.p ON DELETE CASCADE, t integer,
            country integer CONSTRAINT outside REFERENCES elsewhere.countries) PARTITION BY RANGE (id);
        CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES FROM (0) TO (10);
        CREATE TABLE app.p2 (t integer, parent integer, country integer, id integer NOT NULL,
            CONSTRAINT "named otherwise" FOREIGN KEY (t) REFERENCES app.t ON DELETE SET NULL DEFERRABLE) PARTITION BY RANGE (id);
        CREATE TABLE app.p21 PARTITION OF app.p2 FOR VALUES FROM (10) TO (15);
        ALTER TABLE app.p ATTACH PARTITION app.p2 FOR VALUES FROM (10) TO (20);
        ALTER TABLE app.p ADD CONSTRAINT to_t FOREIGN KEY (t) REFERENCES app.t ON DELETE SET NULL DEFERRABLE;
        ALTER TABLE app.p21 ADD CONSTRAINT own FOREIGN KEY (t) REFERENCES app.t ON DELETE SET NULL DEFERRABLE NOT VALID;
        ALTER TABLE app.p1 ADD CONSTRAINT to_sibling FOREIGN KEY (parent) REFERENCES app.p1 NOT VALID;
        CREATE TABLE app.u (p integer CONSTRAINT u_p REFERENCES app.p DEFERRABLE INITIALLY DEFERRED,
            p1 integer CONSTRAINT u_p1 REFERENCES app.p1, country integer REFERENCES elsewhere.countries);
        COMMENT ON CONSTRAINT to_t ON app.p IS 'of all';
        COMMENT ON CONSTRAINT "named otherwise" ON app.p2 IS 'of one';
        "#,
        &["u", "p", "t"],
    )
    .await;
}

#[tokio::test]
async fn triggers_of_the_parent_and_of_partitions() {
    check(
        "
        CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
        CREATE TABLE app.p (id integer, name text) PARTITION BY LIST (id);
        CREATE TABLE app.c PARTITION OF app.p FOR VALUES IN (1) PARTITION BY LIST (name);
        CREATE TABLE app.d PARTITION OF app.c DEFAULT;
        CREATE TABLE app.e PARTITION OF app.p DEFAULT;
        CREATE TRIGGER of_rows BEFORE INSERT OR UPDATE OF name ON app.p FOR EACH ROW WHEN (NEW.name <> ' ON p ')
            EXECUTE FUNCTION app.f('x');
        CREATE TRIGGER after_rows AFTER DELETE ON app.p FOR EACH ROW EXECUTE FUNCTION app.f();
        CREATE TRIGGER of_statement AFTER INSERT ON app.p FOR EACH STATEMENT EXECUTE FUNCTION app.f();
        CREATE TRIGGER own AFTER INSERT ON app.d FOR EACH ROW EXECUTE FUNCTION app.f();
        CREATE TRIGGER own_of_statement AFTER INSERT ON app.c EXECUTE FUNCTION app.f();
        ALTER TABLE ONLY app.p DISABLE TRIGGER of_rows;
        ALTER TABLE ONLY app.d ENABLE ALWAYS TRIGGER of_rows;
        ALTER TABLE ONLY app.e DISABLE TRIGGER after_rows;
        ALTER TABLE ONLY app.c ENABLE REPLICA TRIGGER own_of_statement;
        COMMENT ON TRIGGER of_rows ON app.p IS 'of all';
        ",
        &["p"],
    )
    .await;
}

#[tokio::test]
async fn partitions_that_are_not_cloned_are_named() {
    let sql = "CREATE SCHEMA elsewhere; CREATE TABLE app.p (id integer) PARTITION BY LIST (id); \
        CREATE TABLE elsewhere.c PARTITION OF app.p FOR VALUES IN (1); \
        CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw; \
        CREATE FOREIGN TABLE app.f PARTITION OF app.p FOR VALUES IN (2) SERVER s; \
        CREATE TABLE app.q (id integer) PARTITION BY LIST (id); CREATE TABLE app.d PARTITION OF app.q DEFAULT";
    let mut workshop = Workshop::new(sql, &["p", "d"]).await;
    let error = plan(&workshop.snapshot().await).unwrap_err();
    let texts: Vec<String> = error.refusals.iter().map(ToString::to_string).collect();
    let expected = [
        r#"table "elsewhere"."c" is a partition in another schema than "app""#,
        r#"foreign table "app"."f" is a foreign table"#,
        r#"table "app"."d" is a partition of "app"."q", which is not in the set"#,
    ];
    assert_eq!(texts.len(), expected.len(), "{texts:#?}");
    for (text, expected) in texts.iter().zip(expected) {
        assert!(text.starts_with(expected), "{texts:#?}");
    }
}

#[tokio::test]
async fn a_partition_that_comes_or_goes_after_the_plan_is_noticed() {
    let sql = "CREATE TABLE app.p (id integer) PARTITION BY LIST (id); \
        CREATE TABLE app.c PARTITION OF app.p FOR VALUES IN (1) PARTITION BY LIST (id); \
        CREATE TABLE app.d PARTITION OF app.c DEFAULT; CREATE TABLE app.e (id integer);";
    for change in [
        "ALTER TABLE app.p ATTACH PARTITION app.e DEFAULT",
        "ALTER TABLE app.c DETACH PARTITION app.d",
    ] {
        let mut workshop = Workshop::new(sql, &["p"]).await;
        let plan = plan(&workshop.snapshot().await).unwrap();
        workshop.execute(change).await;
        let error = plan.run(&mut workshop.client, &Events::none()).await.unwrap_err();
        assert!(
            matches!(error, StagingError::LiveChanged { .. }),
            "{change}: {error}"
        );
    }
}

const DROPPING: &str = "CREATE TABLE app.t (id integer PRIMARY KEY); \
    CREATE TABLE app.p (id serial PRIMARY KEY, parent integer REFERENCES app.p, t integer REFERENCES app.t) PARTITION BY LIST (id); \
    CREATE TABLE app.c PARTITION OF app.p FOR VALUES IN (1) PARTITION BY LIST (id); \
    CREATE TABLE app.d PARTITION OF app.c DEFAULT; ALTER TABLE app.t ADD p integer REFERENCES app.p;";

async fn drop_it(workshop: &mut Workshop, set: &StagedSet) -> Result<(), StagingError> {
    let patience = LockPatience::default();
    drop_staging(&mut workshop.client, set, &patience, &Events::none()).await
}

#[tokio::test]
async fn staging_is_dropped_without_a_strangers_partition() {
    let mut workshop = Workshop::new(DROPPING, &["p", "t"]).await;
    let before = dump::blocks(&workshop.database, SCHEMA);
    let set = workshop.stage(&CloneOptions::default()).await;
    workshop
        .execute("CREATE TABLE app.mine (LIKE app.p); ALTER TABLE app.staging_p ATTACH PARTITION app.mine FOR VALUES IN (2)")
        .await;
    let error = drop_it(&mut workshop, &set).await.unwrap_err();
    assert!(
        error.to_string().contains(r#""app"."mine" is a partition"#),
        "{error}"
    );
    workshop
        .execute("ALTER TABLE app.staging_p DETACH PARTITION app.mine; DROP TABLE app.mine")
        .await;
    drop_it(&mut workshop, &set).await.unwrap();
    assert_eq!(dump::blocks(&workshop.database, SCHEMA), before);
}

#[tokio::test]
async fn a_run_after_a_failure_at_any_step_completes_it() {
    let mut workshop = Workshop::new(DROPPING, &["p", "t"]).await;
    let snapshot = workshop.snapshot().await;
    let set = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    for done in 0..=set.post_data.len() {
        let mut part = set.clone();
        part.post_data.truncate(done);
        part.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
            .await
            .unwrap();
    }
    assert_eq!(workshop.differences(&set).await, []);
}

#[tokio::test]
async fn several_workers_attach_in_an_order_that_holds() {
    let sql = format!(
        "{DROPPING} CREATE INDEX ON app.p (t); CREATE INDEX ON app.p (lower(parent::text)); \
         ALTER TABLE app.p REPLICA IDENTITY USING INDEX p_pkey;"
    );
    let mut workshop = Workshop::new(&sql, &["p", "t"]).await;
    let snapshot = workshop.snapshot().await;
    let set = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    let mut one = workshop.database.connect().await.unwrap();
    let mut two = workshop.database.connect().await.unwrap();
    let workers = Workers::new(&mut one).and(&mut two);
    set.run_post_data(workers, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    assert_eq!(workshop.differences(&set).await, []);
}

/// A key that is not valid, and a partition of what it refers to that came later: the server calls its part of the key valid.
#[tokio::test]
async fn a_partition_that_came_after_a_key_that_is_not_valid() {
    check(
        "CREATE TABLE app.t (k integer); CREATE TABLE app.p (k integer PRIMARY KEY) PARTITION BY RANGE (k); \
         ALTER TABLE app.t ADD CONSTRAINT key FOREIGN KEY (k) REFERENCES app.p NOT VALID; \
         CREATE TABLE app.p_1 PARTITION OF app.p FOR VALUES FROM (0) TO (10)",
        &["t", "p"],
    )
    .await;
}
