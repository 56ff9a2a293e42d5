//! How the snapshot is read: what is missing, what it costs, what it leaves behind.

use cutover_core::catalog::{CatalogError, CatalogSnapshot};
use cutover_testkit::{Cluster, FaultProxy};
use tokio_postgres::NoTls;

use super::{Fixture, ident};

#[tokio::test]
async fn everything_that_is_missing_is_named_at_once() {
    let mut fixture =
        Fixture::new("CREATE TABLE live.here (); CREATE SEQUENCE live.number; CREATE TABLE public.away ()")
            .await;
    let error = fixture
        .try_read(&["gone", "here", "number", "away", "Here"])
        .await
        .unwrap_err();
    let CatalogError::Missing { missing, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(
        *missing,
        [ident("gone"), ident("number"), ident("away"), ident("Here")]
    );
    assert_eq!(
        error.to_string(),
        r#"schema "live" has no relation "gone", "number", "away", "Here""#
    );
    assert!(error.remedy().contains("release file"));
}

#[tokio::test]
async fn a_schema_that_does_not_exist_has_nothing() {
    let mut fixture = Fixture::new("CREATE TABLE live.here ()").await;
    let tx = fixture.client.transaction().await.unwrap();
    let error = CatalogSnapshot::read(&tx, &ident("Nowhere"), &[ident("here")])
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), r#"schema "Nowhere" has no relation "here""#);
}

#[tokio::test]
async fn the_search_path_is_put_back() {
    let mut fixture = Fixture::new("CREATE TABLE live.here ()").await;
    for path in ["\"$user\", public", "", "\"odd \"\"one\", live"] {
        for (names, found) in [([ident("here")], true), ([ident("gone")], false)] {
            let tx = fixture.client.transaction().await.unwrap();
            tx.execute("SELECT set_config('search_path', $1, true)", &[&path])
                .await
                .unwrap();
            let set = CatalogSnapshot::read(&tx, &ident("live"), &names).await;
            assert_eq!(set.is_ok(), found);
            let after: String = tx
                .query_one("SELECT current_setting('search_path')", &[])
                .await
                .unwrap()
                .get(0);
            assert_eq!(after, path);
        }
    }
}

#[tokio::test]
async fn definitions_do_not_depend_on_how_the_session_prints_values() {
    let sql = "CREATE TABLE live.here (d date CHECK (d <> '2025-03-04'), i interval CHECK (i <> '1 day 2 hours'), \
               f float8 DEFAULT 0.1::float8 + 0.2::float8)";
    let mut fixture = Fixture::new(sql).await;
    let plain = fixture.read(&["here"]).await;
    let odd = "SET LOCAL DateStyle = 'SQL, DMY'; SET LOCAL IntervalStyle = 'iso_8601'; \
               SET LOCAL extra_float_digits = 0; SET LOCAL quote_all_identifiers = on";
    let tx = fixture.client.transaction().await.unwrap();
    tx.batch_execute(odd).await.unwrap();
    let printed = CatalogSnapshot::read(&tx, &ident("live"), &[ident("here")])
        .await
        .unwrap();
    assert_eq!(printed, plain);
    assert!(format!("{printed:?}").contains("2025-03-04"), "{printed:?}");
    let after = "SELECT concat_ws('; ', current_setting('DateStyle'), current_setting('IntervalStyle'), \
                 current_setting('extra_float_digits'), current_setting('quote_all_identifiers'))";
    let after: String = tx.query_one(after, &[]).await.unwrap().get(0);
    assert_eq!(after, "SQL, DMY; iso_8601; 0; on", "put back");
}

#[tokio::test]
async fn a_failed_query_says_what_was_read() {
    let mut fixture = Fixture::new("CREATE TABLE live.here ()").await;
    let tx = fixture.client.transaction().await.unwrap();
    tx.batch_execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)")
        .await
        .unwrap_err();
    let error = CatalogSnapshot::read(&tx, &ident("live"), &[ident("here")])
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"could not read the catalog of schema "live""#
    );
    let CatalogError::Statement(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.sqlstate().unwrap().code(), "25P02");
}

#[tokio::test]
async fn a_role_whose_name_needs_quoting_reads_without_rights() {
    let mut fixture = Fixture::new(
        "CREATE ROLE \"$role Release Manager\"; CREATE TABLE live.t (id serial); CREATE VIEW live.v AS SELECT id FROM live.t",
    )
    .await;
    fixture.execute("SET ROLE \"$role Release Manager\"").await;
    let set = fixture.read(&["t"]).await;
    assert_eq!(
        set.server.role,
        fixture
            .role("x")
            .as_str()
            .replace("_x", " Release Manager")
            .parse()
            .unwrap()
    );
    assert!(!set.server.superuser && !set.server.may_create_schemas && !set.server.may_create_in_schema);
    assert!(!set.relations[0].may_act_as_owner);
    assert_eq!(set.relations[0].sequences[0].last_value, None);
    assert_eq!(set.views.len(), 1);
}

#[tokio::test]
async fn facts_of_the_server() {
    let mut fixture = Fixture::new(
        "CREATE TABLE live.t ();
         CREATE FUNCTION hush() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
         CREATE EVENT TRIGGER on_guard ON ddl_command_start EXECUTE FUNCTION hush();
         CREATE EVENT TRIGGER asleep ON ddl_command_start EXECUTE FUNCTION hush();
         ALTER EVENT TRIGGER asleep DISABLE;",
    )
    .await;
    let server = fixture.read(&["t"]).await.server;
    assert_eq!(
        server.version_num / 10_000,
        u32::from(Cluster::shared().version())
    );
    assert_eq!(server.database.as_str(), fixture.database.name());
    assert_eq!(server.role, ident("postgres"));
    assert!(
        server.superuser && server.may_create_schemas && server.may_create_in_schema && !server.in_recovery
    );
    assert_eq!(server.event_triggers, [ident("on_guard")]);
    assert!(server.max_lock_entries >= 256 * 200);
}

/// Counted where every message passes, so that nothing can be read behind our back.
#[tokio::test]
async fn the_number_of_queries_does_not_grow_with_the_set() {
    let cluster = Cluster::shared();
    let fixture = Fixture::new(
        "DO $$ BEGIN FOR n IN 1..60 LOOP
             EXECUTE format('CREATE TABLE live.t%s (id serial PRIMARY KEY, up integer REFERENCES live.t1)', n);
             EXECUTE format('CREATE VIEW live.v%s AS SELECT id FROM live.t%s', n, n);
         END LOOP; END $$",
    )
    .await;
    let proxy = FaultProxy::start(cluster.host(), cluster.port()).await.unwrap();
    let url = fixture
        .database
        .url()
        .replace(&format!(":{}/", cluster.port()), &format!(":{}/", proxy.port()));
    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    let mut messages = Vec::new();
    for count in [1, 60] {
        let names: Vec<_> = (1..=count).map(|n| ident(&format!("t{n}"))).collect();
        let before = proxy.client_messages();
        let tx = client.transaction().await.unwrap();
        let set = CatalogSnapshot::read(&tx, &ident("live"), &names).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((set.relations.len(), set.views.len()), (count, count));
        let whole = proxy.client_messages();
        let tx = client.transaction().await.unwrap();
        let relations = CatalogSnapshot::read_relations(&tx, &ident("live"), &ident("live"), &names)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(relations, set.relations);
        messages.push((whole - before, proxy.client_messages() - whole));
    }
    assert_eq!(messages[0], messages[1]);
    let (whole, relations) = messages[0];
    assert!(relations < whole, "{messages:?}");
}

/// Functions and operators of the schema fit better than the server's own what our queries say, wherever these rely on a
/// conversion: a name for a text, a constant of no type.
#[tokio::test]
async fn what_the_schema_has_stands_in_for_nothing_of_the_servers() {
    let mut fixture = Fixture::new(
        "CREATE TABLE live.sites (id serial PRIMARY KEY, name text, CONSTRAINT named CHECK (name <> ''));
         COMMENT ON TABLE live.sites IS 'a'; COMMENT ON COLUMN live.sites.name IS 'b';
         COMMENT ON CONSTRAINT named ON live.sites IS 'c'; COMMENT ON SEQUENCE live.sites_id_seq IS 'd';
         CREATE RULE also AS ON UPDATE TO live.sites DO ALSO NOTIFY changed;
         CREATE VIEW live.named AS SELECT id, name FROM live.sites; COMMENT ON VIEW live.named IS 'e';
         CREATE VIEW live.others AS SELECT 1 AS id;
         CREATE RULE insert AS ON INSERT TO live.others DO INSTEAD INSERT INTO live.sites (id) VALUES (new.id);
         CREATE FUNCTION live.first(up integer, site live.sites) RETURNS text RETURN (SELECT min(name) FROM live.sites);
         COMMENT ON FUNCTION live.first IS 'f';
         CREATE TABLE live.visits (site integer CONSTRAINT of_site REFERENCES live.sites, n integer);
         ALTER TABLE live.visits ENABLE ROW LEVEL SECURITY;
         CREATE POLICY known ON live.visits USING (EXISTS (SELECT FROM live.sites s WHERE s.id = site));
         CREATE RULE visited AS ON INSERT TO live.visits DO ALSO DELETE FROM live.sites;
         COMMENT ON CONSTRAINT of_site ON live.visits IS 'g'",
    )
    .await;
    let before = fixture.read(&["sites"]).await;
    assert_eq!(
        (before.functions.len(), before.rules.len(), before.parts.len()),
        (1, 1, 2)
    );
    fixture
        .execute(
            "CREATE FUNCTION live.fail() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''stands in''; END';
             CREATE FUNCTION live.quote_ident(name) RETURNS text LANGUAGE sql AS 'SELECT live.fail()';
             CREATE FUNCTION live.format_type(oid, text) RETURNS text LANGUAGE sql AS 'SELECT live.fail()';
             CREATE FUNCTION live.obj_description(oid, text) RETURNS text LANGUAGE sql AS 'SELECT live.fail()';
             CREATE FUNCTION live.col_description(oid, smallint) RETURNS text LANGUAGE sql AS 'SELECT live.fail()';
             CREATE FUNCTION live.same(oid, regclass) RETURNS boolean LANGUAGE sql AS 'SELECT live.fail() IS NULL';
             CREATE OPERATOR live.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = live.same);
             CREATE FUNCTION live.same(regclass, regclass) RETURNS boolean LANGUAGE sql AS 'SELECT live.fail() IS NULL';
             CREATE OPERATOR live.= (LEFTARG = regclass, RIGHTARG = regclass, FUNCTION = live.same)",
        )
        .await;
    assert_eq!(fixture.read(&["sites"]).await, before);
}
