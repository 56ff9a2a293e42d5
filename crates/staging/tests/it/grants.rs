//! Owners and privileges.

use cutover_core::Events;
use cutover_staging::{CloneOptions, PostDataOptions};

use crate::dump;
use crate::workshop::{SCHEMA, Workshop, ident, plan, read, stage};

const ROLES: &str =
    "CREATE ROLE ROLE_owner LOGIN PASSWORD 'secret'; CREATE ROLE ROLE_reader; CREATE ROLE ROLE_writer;
    CREATE ROLE ROLE_nosy; GRANT CREATE, USAGE ON SCHEMA app TO ROLE_owner;";

const TABLES: &str = "
    CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
    CREATE TABLE app.untouched (id serial PRIMARY KEY, n bigint GENERATED ALWAYS AS IDENTITY);
    CREATE TABLE app.granted (id serial PRIMARY KEY, a text, b text, parent integer REFERENCES app.untouched);
    CREATE STATISTICS app.granted_stats ON a, b FROM app.granted;
    CREATE TRIGGER t BEFORE INSERT ON app.granted FOR EACH ROW EXECUTE FUNCTION app.f();
    GRANT SELECT ON app.granted TO PUBLIC;
    GRANT INSERT, UPDATE ON app.granted TO ROLE_writer;
    GRANT SELECT, TRIGGER ON app.granted TO ROLE_writer WITH GRANT OPTION;
    GRANT SELECT (a), UPDATE (a, b) ON app.granted TO ROLE_reader;
    GRANT REFERENCES (b) ON app.granted TO ROLE_writer WITH GRANT OPTION;
    GRANT USAGE ON SEQUENCE app.granted_id_seq TO ROLE_writer WITH GRANT OPTION;
    CREATE TABLE app.closed (id integer);
    REVOKE ALL ON app.closed FROM CURRENT_USER;
    CREATE TABLE app.partly (id serial);
    REVOKE DELETE, TRUNCATE ON app.partly FROM CURRENT_USER;
    REVOKE UPDATE ON SEQUENCE app.partly_id_seq FROM CURRENT_USER;
";

const MEMBERS: &[&str] = &["untouched", "granted", "closed", "partly"];

#[tokio::test]
async fn privileges_are_exactly_those_of_live() {
    let mut workshop = Workshop::new(&format!("{ROLES}{TABLES}"), MEMBERS).await;
    workshop.check_identical(&CloneOptions::default()).await;
}

#[tokio::test]
async fn what_default_privileges_would_add_is_taken_away() {
    let mut workshop = Workshop::new(&format!("{ROLES}{TABLES}"), MEMBERS).await;
    workshop
        .execute(
            "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT ON TABLES TO ROLE_nosy, PUBLIC; \
             ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO ROLE_nosy; \
             ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT ALL ON TABLES TO ROLE_nosy; \
             ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT ALL ON SEQUENCES TO ROLE_writer",
        )
        .await;
    let before = dump::blocks(&workshop.database, SCHEMA);
    let set = workshop.stage(&CloneOptions::default()).await;
    let after = dump::blocks(&workshop.database, SCHEMA);
    dump::assert_identical(&before, &after, &set);
    assert_eq!(workshop.differences(&set).await, []);
    let nosy = workshop.role("nosy");
    for table in ["untouched", "closed", "partly"] {
        let may = format!("SELECT has_table_privilege('{nosy}', 'app.staging_{table}', 'SELECT, INSERT')");
        assert_eq!(workshop.database.query_text(&may).await.unwrap(), "f", "{table}");
    }
}

#[tokio::test]
async fn a_superuser_gives_the_twins_to_lives_owner() {
    let mut workshop = Workshop::new(ROLES, MEMBERS).await;
    workshop.execute(&format!("SET ROLE ROLE_owner; {TABLES}")).await;
    workshop.check_identical(&CloneOptions::default()).await;
}

#[tokio::test]
async fn the_owner_needs_no_superuser() {
    let workshop = Workshop::new(ROLES, MEMBERS).await;
    workshop
        .execute(&format!(
            "GRANT CREATE ON DATABASE {} TO ROLE_owner; SET ROLE ROLE_owner; {TABLES}",
            workshop.database.name()
        ))
        .await;
    let mut owner = workshop.connect_as("owner").await;
    let members: Vec<_> = MEMBERS.iter().copied().map(ident).collect();
    let error = plan(&read(&mut owner, &members).await).unwrap_err();
    let refused: Vec<_> = error
        .refusals
        .iter()
        .map(|refusal| refusal.object.name.as_str())
        .collect();
    assert_eq!(
        refused,
        ["closed"],
        "the owner took the right to read it from itself: {error}"
    );

    workshop.execute("GRANT SELECT ON app.closed TO ROLE_owner").await;
    let before = dump::blocks(&workshop.database, SCHEMA);
    let snapshot = read(&mut owner, &members).await;
    let set = stage(&mut owner, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    set.run_post_data(&mut owner, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    dump::assert_identical(&before, &dump::blocks(&workshop.database, SCHEMA), &set);
}
