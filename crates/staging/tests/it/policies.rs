//! Row-level security.

use cutover_core::Events;
use cutover_staging::{CloneOptions, LockPatience, PostDataOptions, StagingError, drop_staging};

use crate::workshop::{Workshop, ident, plan, read, stage};

const EVERY_KIND: &str = r#"
    CREATE ROLE ROLE_reader; CREATE ROLE ROLE_writer;
    CREATE SCHEMA elsewhere;
    CREATE TABLE elsewhere.tenants (id integer, name text);
    CREATE FUNCTION app.mine(integer) RETURNS boolean LANGUAGE sql AS $$SELECT $1 > 0$$;
    CREATE TABLE app.grants (area integer, role name, areas text);
    CREATE TABLE app.areas (id integer, owner name, areas text, tenant integer);
    ALTER TABLE app.areas ENABLE ROW LEVEL SECURITY;
    CREATE POLICY everything ON app.areas USING (true);
    CREATE POLICY nothing ON app.areas AS RESTRICTIVE FOR SELECT TO ROLE_reader USING (areas <> 'areas');
    CREATE POLICY writing ON app.areas FOR INSERT TO ROLE_writer, ROLE_reader WITH CHECK (app.mine(id));
    CREATE POLICY changing ON app.areas FOR UPDATE TO PUBLIC USING (id > 1) WITH CHECK (owner = current_user);
    CREATE POLICY removing ON app.areas AS RESTRICTIVE FOR DELETE TO CURRENT_USER USING (false);
    -- Sub-selects that name the table's own row, another member, what is outside, and the table itself under an alias:
    CREATE POLICY "by the others" ON app.areas FOR SELECT USING (
        EXISTS (SELECT FROM app.grants areas WHERE areas.area = id AND areas.role = current_user)
        AND id IN (SELECT g.area FROM app.grants g WHERE g.area = areas.id AND g.areas = 'areas')
        AND tenant IN (SELECT t.id FROM elsewhere.tenants t WHERE t.name = areas.owner));
    CREATE POLICY of_itself ON app.grants USING (area IN (SELECT a.id FROM app.areas a WHERE a.owner = grants.role));
    COMMENT ON POLICY "by the others" ON app.areas IS 'not for everyone''s eyes';
    -- Policies without row-level security, and the two switches one without the other:
    ALTER TABLE app.grants FORCE ROW LEVEL SECURITY;
    CREATE TABLE app.shut (id integer);
    ALTER TABLE app.shut ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
"#;

const MEMBERS: &[&str] = &["areas", "grants", "shut"];

/// Trap 18: `LIKE` copies neither the policies nor the switches.
#[tokio::test]
async fn policies_of_every_kind() {
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
    ] {
        let mut workshop = Workshop::new(EVERY_KIND, MEMBERS).await;
        let set = workshop.check_identical(&options).await;
        drop_staging(
            &mut workshop.client,
            &set,
            &LockPatience::default(),
            &Events::none(),
        )
        .await
        .unwrap();
    }
}

/// Trap 45: the load must meet no row-level security, and the readers must meet all of it.
#[tokio::test]
async fn an_owner_under_force_loads_all_rows_and_readers_see_what_they_saw() {
    let sql = "
        CREATE ROLE ROLE_owner LOGIN PASSWORD 'secret'; CREATE ROLE ROLE_reader LOGIN PASSWORD 'secret';
        GRANT CREATE, USAGE ON SCHEMA app TO ROLE_owner; GRANT USAGE ON SCHEMA app TO ROLE_reader;
        SET ROLE ROLE_owner;
        CREATE TABLE app.visible (id integer); INSERT INTO app.visible VALUES (1), (3);
        CREATE TABLE app.t (id integer); INSERT INTO app.t SELECT generate_series(1, 9);
        ALTER TABLE app.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY p ON app.t USING (id IN (SELECT v.id FROM app.visible v WHERE v.id = t.id));
        GRANT SELECT ON app.t, app.visible TO ROLE_reader;
    ";
    let workshop = Workshop::new(sql, &["t", "visible"]).await;
    workshop
        .execute(&format!(
            "GRANT CREATE ON DATABASE {} TO ROLE_owner",
            workshop.database.name()
        ))
        .await;
    let mut owner = workshop.connect_as("owner").await;
    let snapshot = read(&mut owner, &[ident("t"), ident("visible")]).await;
    let told = plan(&snapshot).unwrap().notices().join(" ");
    assert!(
        told.starts_with(r#"table "app"."t" has row-level security that binds"#),
        "{told}"
    );
    let set = stage(&mut owner, &snapshot, &CloneOptions::default())
        .await
        .unwrap();

    // `row_security = off` turns a silent filter into an error; COPY refuses by itself.
    owner
        .batch_execute(
            "SET row_security = off; INSERT INTO app.staging_t SELECT generate_series(1, 9); \
             INSERT INTO app.staging_visible SELECT id FROM app.visible; \
             UPDATE app.staging_t SET id = id; RESET row_security",
        )
        .await
        .unwrap();
    let sink = owner
        .copy_in::<_, bytes::Bytes>("COPY app.staging_t FROM STDIN")
        .await
        .unwrap();
    futures_util::pin_mut!(sink);
    futures_util::SinkExt::send(&mut sink, bytes::Bytes::from_static(b"10\n"))
        .await
        .unwrap();
    assert_eq!(sink.finish().await.unwrap(), 1);
    let loaded = "SELECT count(*) FROM app.staging_t";
    assert_eq!(owner.query_one(loaded, &[]).await.unwrap().get::<_, i64>(0), 10);
    owner
        .execute("DELETE FROM app.staging_t WHERE id = 10", &[])
        .await
        .unwrap();

    set.run_post_data(&mut owner, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    let reader = workshop.connect_as("reader").await;
    for session in [&owner, &reader] {
        for table in ["t", "staging_t"] {
            let sql = format!("SELECT string_agg(id::text, ' ' ORDER BY id) FROM app.{table}");
            let seen: String = session.query_one(&sql, &[]).await.unwrap().get(0);
            assert_eq!(seen, "1 3", "{table}");
        }
    }
    // The twin's policy reads the twin of the other member.
    workshop.execute("DELETE FROM app.visible").await;
    let seen = "SELECT count(*) FROM app.staging_t";
    assert_eq!(reader.query_one(seen, &[]).await.unwrap().get::<_, i64>(0), 2);
}

/// Trap 12, from the other side: what of staging names live is found, whatever kind of object it is.
#[tokio::test]
async fn a_policy_or_rule_that_names_live_is_found() {
    let sql = "CREATE TABLE app.a (id integer); CREATE TABLE app.b (id integer);";
    let ties = [
        "CREATE POLICY p ON app.staging_a USING (id IN (SELECT b.id FROM app.b))",
        "CREATE RULE r AS ON DELETE TO app.staging_a DO ALSO DELETE FROM app.b",
    ];
    for tie in ties {
        let mut workshop = Workshop::new(sql, &["a", "b"]).await;
        let set = workshop.stage(&CloneOptions::default()).await;
        workshop.execute(tie).await;
        let error = set
            .run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
            .await
            .unwrap_err();
        let StagingError::RefersToLive { references } = &error else {
            panic!("{error}");
        };
        assert!(
            references
                .iter()
                .all(|told| told.contains("on table staging_a") || told.contains("app.staging_a")),
            "{error}"
        );
        assert!(
            references
                .iter()
                .any(|told| told.contains(" app.b") || told.ends_with(" b")),
            "{error}"
        );
    }
}
