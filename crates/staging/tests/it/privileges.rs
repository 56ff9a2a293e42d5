//! Who may do what: grants by others than the owner, on system columns, beside default privileges; owners; and what a
//! session without a superuser's rights is refused before the first change.

use cutover_core::Events;
use cutover_staging::{CloneOptions, LockPatience, PostDataOptions, StagedSet, drop_staging};

use crate::dump;
use crate::workshop::{SCHEMA, Workshop, ident, plan, read, stage};

const ROLES: &str = "
    CREATE ROLE ROLE_owner LOGIN PASSWORD 'secret'; CREATE ROLE ROLE_loader LOGIN PASSWORD 'secret';
    CREATE ROLE ROLE_a; CREATE ROLE ROLE_b; CREATE ROLE ROLE_c; CREATE ROLE \"ROLE_Odd role\";
    GRANT USAGE ON SCHEMA app TO ROLE_owner, ROLE_loader, ROLE_a, ROLE_b, ROLE_c, \"ROLE_Odd role\";
    GRANT CREATE ON SCHEMA app TO ROLE_owner, ROLE_loader;
";

/// Grants passed on: owner → a → b → c, on the table, on columns by way of the table's grant option, on a sequence.
const PASSED_ON: &str = "
    CREATE TABLE app.t (id serial PRIMARY KEY, secret text, t text);
    GRANT SELECT, UPDATE ON app.t TO ROLE_a WITH GRANT OPTION;
    GRANT SELECT, INSERT ON app.t TO PUBLIC;
    GRANT UPDATE (secret), REFERENCES (secret) ON app.t TO \"ROLE_Odd role\" WITH GRANT OPTION;
    GRANT USAGE ON SEQUENCE app.t_id_seq TO ROLE_a WITH GRANT OPTION;
    GRANT SELECT (ctid), SELECT (xmin) ON app.t TO ROLE_c;
    SET ROLE ROLE_a;
    GRANT SELECT ON app.t TO ROLE_b WITH GRANT OPTION;
    GRANT UPDATE (t) ON app.t TO ROLE_c;
    GRANT SELECT (tableoid) ON app.t TO \"ROLE_Odd role\";
    GRANT USAGE ON SEQUENCE app.t_id_seq TO ROLE_c;
    SET ROLE ROLE_b;
    GRANT SELECT ON app.t TO ROLE_c;
    SET ROLE \"ROLE_Odd role\";
    GRANT UPDATE (secret) ON app.t TO ROLE_b;
    RESET ROLE;
";

/// Asserts that every role of the server may do with the twin what it may do with live, and that the lists hold the same
/// items.
async fn check_privileges(workshop: &Workshop, set: &StagedSet) {
    for member in &set.members {
        let (live, twin) = (&member.live.name, &member.staging.name);
        let sql = format!(
            "WITH pair AS (SELECT 'app.{live}'::regclass AS live, 'app.{twin}'::regclass AS twin), \
             privileges AS (SELECT unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', \
                                                'TRIGGER']) AS p), \
             grades AS (SELECT unnest(ARRAY['', ' WITH GRANT OPTION']) AS grade), \
             roles AS (SELECT rolname FROM pg_roles UNION ALL SELECT 'public') \
             SELECT format('%s %s', rolname, p || grade) FROM pair, privileges, grades, roles \
              WHERE has_table_privilege(rolname, live, p || grade) <> has_table_privilege(rolname, twin, p || grade) \
             UNION ALL \
             SELECT format('%s %s(%s)', rolname, p || grade, attname) \
               FROM pair, privileges, grades, roles, pg_attribute \
              WHERE attrelid = live AND NOT attisdropped AND p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') \
                AND has_column_privilege(rolname, live, attname, p || grade) \
                    <> has_column_privilege(rolname, twin, attname, p || grade) \
             UNION ALL \
             SELECT 'list of the table' FROM pair, pg_class a, pg_class b \
              WHERE a.oid = live AND b.oid = twin \
                AND (SELECT array_agg(i ORDER BY i::text) FROM unnest(coalesce(a.relacl, acldefault('r', a.relowner))) i) \
                    IS DISTINCT FROM \
                    (SELECT array_agg(i ORDER BY i::text) FROM unnest(coalesce(b.relacl, acldefault('r', b.relowner))) i) \
             UNION ALL \
             SELECT 'list of column ' || a.attname FROM pair, pg_attribute a JOIN pg_attribute b USING (attname) \
              WHERE a.attrelid = live AND b.attrelid = twin \
                AND (SELECT array_agg(i ORDER BY i::text) FROM unnest(a.attacl) i) \
                    IS DISTINCT FROM (SELECT array_agg(i ORDER BY i::text) FROM unnest(b.attacl) i)"
        );
        let found = workshop.database.query_texts(&sql).await.unwrap();
        assert!(found.is_empty(), "{live}: {found:?}");
    }
}

/// Trap 21: grants are on the oid.
#[tokio::test]
async fn grants_that_were_passed_on_and_on_system_columns() {
    let mut workshop = Workshop::new(&format!("{ROLES}{PASSED_ON}"), &["t"]).await;
    let set = workshop.check_identical(&CloneOptions::default()).await;
    check_privileges(&workshop, &set).await;
    let of_sequence = "SELECT relacl::text FROM pg_class WHERE relname LIKE '%t_id_seq' ORDER BY relname";
    let lists = workshop.database.query_texts(of_sequence).await.unwrap();
    assert_eq!(lists[0], lists[1]);
    let session = workshop
        .client
        .query_one("SELECT current_user = session_user", &[])
        .await
        .unwrap();
    assert!(session.get::<_, bool>(0), "the session is itself again");
}

/// A session that works in another role than the one it logged in as goes back to that one.
#[tokio::test]
async fn grants_that_were_passed_on_by_a_session_in_another_role() {
    let workshop = Workshop::new(ROLES, &["t"]).await;
    workshop
        .execute(&format!(
            "GRANT CREATE ON DATABASE {} TO ROLE_owner; \
             GRANT ROLE_owner, ROLE_a, ROLE_b, \"ROLE_Odd role\" TO ROLE_loader; SET ROLE ROLE_owner; \
             CREATE TABLE app.t (id integer); GRANT SELECT ON app.t TO ROLE_a WITH GRANT OPTION; \
             RESET ROLE; SET ROLE ROLE_a; GRANT SELECT ON app.t TO ROLE_c",
            workshop.database.name()
        ))
        .await;
    let mut loader = workshop.connect_as("loader").await;
    let owner = workshop.role("owner");
    loader.batch_execute(&format!("SET ROLE {owner}")).await.unwrap();
    let snapshot = read(&mut loader, &[ident("t")]).await;
    let set = stage(&mut loader, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    set.run_post_data(&mut loader, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    check_privileges(&workshop, &set).await;
    let role = loader.query_one("SELECT current_user::text", &[]).await.unwrap();
    assert_eq!(role.get::<_, &str>(0), owner);
}

/// Traps 18 and 21: what default privileges would add, for whoever creates, is not there after the clone, though the twin
/// changes hands on the way.
#[tokio::test]
async fn default_privileges_leave_no_trace() {
    let workshop = Workshop::new(ROLES, &["t", "untouched"]).await;
    workshop
        .execute(&format!(
            "GRANT CREATE ON DATABASE {} TO ROLE_loader; GRANT ROLE_owner, ROLE_a, ROLE_b, \"ROLE_Odd role\" TO ROLE_loader; \
             SET ROLE ROLE_owner; CREATE TABLE app.untouched (id serial); {PASSED_ON} \
             ALTER DEFAULT PRIVILEGES FOR ROLE ROLE_loader GRANT ALL ON TABLES TO ROLE_c, PUBLIC, ROLE_owner; \
             ALTER DEFAULT PRIVILEGES FOR ROLE ROLE_loader GRANT SELECT ON TABLES TO ROLE_b WITH GRANT OPTION; \
             ALTER DEFAULT PRIVILEGES FOR ROLE ROLE_loader REVOKE ALL ON TABLES FROM ROLE_loader; \
             ALTER DEFAULT PRIVILEGES FOR ROLE ROLE_loader IN SCHEMA app GRANT ALL ON TABLES TO ROLE_b; \
             ALTER DEFAULT PRIVILEGES FOR ROLE ROLE_loader GRANT ALL ON SEQUENCES TO ROLE_b; \
             ALTER DEFAULT PRIVILEGES FOR ROLE ROLE_owner GRANT ALL ON TABLES TO ROLE_b; \
             ALTER DEFAULT PRIVILEGES FOR ROLE ROLE_owner IN SCHEMA app GRANT ALL ON TABLES TO ROLE_c; \
             ALTER DEFAULT PRIVILEGES FOR ROLE ROLE_owner IN SCHEMA app GRANT ALL ON SEQUENCES TO ROLE_c",
            workshop.database.name()
        ))
        .await;
    let mut loader = workshop.connect_as("loader").await;
    let snapshot = read(&mut loader, &[ident("t"), ident("untouched")]).await;
    let before = dump::blocks(&workshop.database, SCHEMA);
    let set = stage(&mut loader, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    set.run_post_data(&mut loader, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    dump::assert_identical(&before, &dump::blocks(&workshop.database, SCHEMA), &set);
    check_privileges(&workshop, &set).await;
}

/// Everything that an owner may make, made by one who may nothing else.
#[tokio::test]
async fn a_plain_owner_clones_all_that_an_owner_may_make() {
    let sql = "
        CREATE EXTENSION btree_gist SCHEMA public; CREATE EXTENSION pg_trgm SCHEMA public;
        CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.countries (id integer PRIMARY KEY);
        GRANT USAGE ON SCHEMA elsewhere TO ROLE_owner; GRANT REFERENCES (id) ON elsewhere.countries TO ROLE_owner;
        SET ROLE ROLE_owner;
        CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
        CREATE TABLE app.others (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
        CREATE TABLE app.t (id serial PRIMARY KEY, other bigint CONSTRAINT to_other REFERENCES app.others DEFERRABLE,
            country integer REFERENCES elsewhere.countries, r int4range, note text COMPRESSION pglz,
            twice integer GENERATED ALWAYS AS (country * 2) STORED,
            CONSTRAINT ranges EXCLUDE USING gist (r WITH &&) WHERE (note <> ''),
            CONSTRAINT noted CHECK (note <> 't')) WITH (fillfactor = 80);
        CREATE INDEX words ON app.t USING gin (note public.gin_trgm_ops);
        ALTER INDEX app.words DEPENDS ON EXTENSION pg_trgm;
        CREATE STATISTICS app.st ON country, note FROM app.t;
        CREATE TRIGGER tr AFTER INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.f();
        CREATE CONSTRAINT TRIGGER ct AFTER INSERT ON app.t FROM app.others DEFERRABLE FOR EACH ROW EXECUTE FUNCTION app.f();
        CREATE RULE r AS ON DELETE TO app.t DO ALSO UPDATE app.others SET note = 't' WHERE id = OLD.other;
        CREATE POLICY p ON app.t USING (other IN (SELECT o.id FROM app.others o WHERE o.note = t.note));
        ALTER TABLE app.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, CLUSTER ON t_pkey,
            REPLICA IDENTITY USING INDEX t_pkey, ALTER country SET STATISTICS 7, ALTER note SET STORAGE EXTERNAL;
        ALTER TABLE app.t ENABLE ALWAYS TRIGGER ct, DISABLE TRIGGER tr;
        COMMENT ON TABLE app.t IS 'x'; COMMENT ON COLUMN app.t.note IS 'x'; COMMENT ON CONSTRAINT to_other ON app.t IS 'x';
        COMMENT ON CONSTRAINT ranges ON app.t IS 'x'; COMMENT ON CONSTRAINT noted ON app.t IS 'x';
        COMMENT ON INDEX app.words IS 'x'; COMMENT ON TRIGGER tr ON app.t IS 'x'; COMMENT ON RULE r ON app.t IS 'x';
        COMMENT ON POLICY p ON app.t IS 'x'; COMMENT ON STATISTICS app.st IS 'x'; COMMENT ON SEQUENCE app.t_id_seq IS 'x';
        GRANT SELECT ON app.t TO ROLE_a; GRANT UPDATE (note) ON app.t TO ROLE_b WITH GRANT OPTION;
        CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one; CREATE UNIQUE INDEX ones ON app.m (one);
    ";
    let workshop = Workshop::new(&format!("{ROLES}{sql}"), &["t", "others", "m"]).await;
    workshop
        .execute(&format!(
            "GRANT CREATE ON DATABASE {} TO ROLE_owner",
            workshop.database.name()
        ))
        .await;
    let mut owner = workshop.connect_as("owner").await;
    let members = ["t", "others", "m"].map(ident);
    let before = dump::blocks(&workshop.database, SCHEMA);
    let snapshot = read(&mut owner, &members).await;
    let set = stage(&mut owner, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    set.run_post_data(&mut owner, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    dump::assert_identical(&before, &dump::blocks(&workshop.database, SCHEMA), &set);
    check_privileges(&workshop, &set).await;
    drop_staging(&mut owner, &set, &LockPatience::default(), &Events::none())
        .await
        .unwrap();
    assert!(
        before == dump::blocks(&workshop.database, SCHEMA),
        "live is as it was"
    );
}

/// What `sql` makes, refused to the role `loader`, which may create in the schema and acts as `owner`.
async fn check_refused(sql: &str, expected: &[&str]) {
    let workshop = Workshop::new(ROLES, &["t"]).await;
    workshop
        .execute(&format!(
            "GRANT CREATE ON DATABASE {} TO ROLE_loader; GRANT ROLE_owner TO ROLE_loader; {sql}",
            workshop.database.name()
        ))
        .await;
    let mut loader = workshop.connect_as("loader").await;
    let error = plan(&read(&mut loader, &[ident("t")]).await).unwrap_err();
    let prefix = format!("{}_", workshop.database.name());
    let found: Vec<String> = error
        .refusals
        .iter()
        .map(|refusal| refusal.to_string().replace(&prefix, ""))
        .collect();
    let all_told = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(found, text)| found.starts_with(text));
    assert!(all_told, "{found:#?}\nexpected {expected:#?}");
}

#[tokio::test]
async fn what_the_session_may_not_do_is_refused_beforehand() {
    let own = "SET ROLE ROLE_owner; CREATE TABLE app.t (id integer, a integer); RESET ROLE;";
    check_refused(
        &format!("{own} REVOKE CREATE ON SCHEMA app FROM ROLE_owner"),
        &[r#"table "app"."t" belongs to role "owner", which may not create relations in its schema"#],
    )
    .await;
    check_refused(
        &format!(
            "{own} CREATE STATISTICS app.s ON id, a FROM app.t; ALTER STATISTICS app.s OWNER TO ROLE_c; \
             CREATE SCHEMA elsewhere; CREATE STATISTICS elsewhere.s ON a, id FROM app.t; \
             ALTER STATISTICS elsewhere.s OWNER TO ROLE_loader"
        ),
        &[
            r#"extended statistics "app"."s" belongs to role "c", to which role "loader" may not give anything"#,
            r#"extended statistics "app"."s" belong to role "c", which may not create any in schema "app""#,
            r#"extended statistics "elsewhere"."s" are in schema "elsewhere", where role "loader" may not create any"#,
        ],
    )
    .await;
    check_refused(
        &format!(
            "{own} GRANT SELECT ON app.t TO ROLE_a WITH GRANT OPTION; SET ROLE ROLE_a; GRANT SELECT ON app.t TO ROLE_c"
        ),
        &[
            r#"table "app"."t" has privileges that role "a" granted, in whose name the session may not grant them; GRANT the grantor's role"#,
        ],
    )
    .await;
    check_refused(
        &format!(
            "{own} GRANT SELECT ON app.t TO ROLE_a WITH GRANT OPTION; SET ROLE ROLE_a; GRANT SELECT ON app.t TO ROLE_c; \
             RESET ROLE; GRANT ROLE_a TO ROLE_loader; REVOKE USAGE ON SCHEMA app FROM ROLE_a"
        ),
        &[r#"table "app"."t" has privileges that role "a" granted, which may no longer use the schema"#],
    )
    .await;
    check_refused(
        &format!(
            "{own} GRANT UPDATE (a) ON app.t TO ROLE_a WITH GRANT OPTION; SET ROLE ROLE_a; \
             GRANT UPDATE (a) ON app.t TO ROLE_c; RESET ROLE; ALTER ROLE ROLE_a SUPERUSER"
        ),
        &[r#"column "a" of "app"."t" has privileges that role "a" granted, which is a superuser now"#],
    )
    .await;
    check_refused(
        &format!(
            "CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$; {own} \
             CREATE TRIGGER tr AFTER INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.f(); \
             REVOKE EXECUTE ON FUNCTION app.f() FROM PUBLIC"
        ),
        &[r#"trigger "tr" of "app"."t" executes a function that role "loader" may not execute"#],
    )
    .await;
    check_refused(
        &format!(
            "{own} CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.o (id integer PRIMARY KEY); \
             ALTER TABLE app.t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES elsewhere.o"
        ),
        &[r#"constraint "fk" of "app"."t" refers to "elsewhere"."o", which role "loader" may not refer to"#],
    )
    .await;
}

/// Staging stands beside live, where tile servers and APIs publish what they may read by themselves (trap 34). Until the
/// load is over a twin is its owner's alone; and where row-level security hides rows, nobody sees them before it is on.
#[tokio::test]
async fn nobody_reads_a_twin_before_it_is_ready() {
    let mut workshop = Workshop::new(
        "CREATE ROLE ROLE_api LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA app TO ROLE_api; \
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ROLE_api; \
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO PUBLIC; \
         CREATE TABLE app.t (id serial, mine boolean); GRANT UPDATE (mine) ON app.t TO ROLE_api; \
         ALTER TABLE app.t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON app.t USING (mine); \
         INSERT INTO app.t (mine) VALUES (true), (false)",
        &["t"],
    )
    .await;
    let snapshot = workshop.snapshot().await;
    let plan = plan(&snapshot).unwrap();
    let set = plan.run(&mut workshop.client, &Events::none()).await.unwrap();
    workshop
        .execute("INSERT INTO app.staging_t SELECT * FROM app.t")
        .await;
    let api = workshop.connect_as("api").await;
    for sql in [
        "SELECT * FROM app.staging_t",
        "SELECT last_value FROM app.staging_t_id_seq",
        "UPDATE app.staging_t SET mine = true",
    ] {
        let error = api.batch_execute(sql).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{sql}");
    }
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    let rows = api.query("SELECT mine FROM app.staging_t", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<bool>>(), [true]);
    api.batch_execute("SELECT last_value FROM app.staging_t_id_seq")
        .await
        .unwrap();
    // Once more, as after a kill: the same privileges again.
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    assert_eq!(workshop.differences(&set).await, []);
}
