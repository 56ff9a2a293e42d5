//! Publications and event triggers: what listens to a database while it is cloned.

use cutover_core::Events;
use cutover_staging::CloneOptions;

use crate::workshop::{Workshop, plan};

/// Trap 23: nothing of staging is published while it is loaded, though live is.
#[tokio::test]
async fn the_twin_of_a_published_table_is_not_published() {
    let sql = "CREATE TABLE app.t (id integer PRIMARY KEY, note text); \
        CREATE PUBLICATION p FOR TABLE app.t (id) WHERE (id > 0); CREATE PUBLICATION q FOR TABLE app.t;";
    let mut workshop = Workshop::new(sql, &["t"]).await;
    workshop.check_identical(&CloneOptions::default()).await;
    let published = "SELECT pubname || ' ' || tablename FROM pg_publication_tables ORDER BY 1";
    let published = workshop.database.query_texts(published).await.unwrap();
    assert_eq!(
        published.into_iter().flatten().collect::<Vec<_>>(),
        ["p t", "q t"]
    );
}

/// Trap 49: event triggers fire on the clone's statements; one that vetoes leaves nothing behind.
#[tokio::test]
async fn event_triggers_are_told_and_may_veto() {
    let sql = "CREATE TABLE app.t (id integer); \
        CREATE FUNCTION app.veto() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not today'; END$$; \
        CREATE EVENT TRIGGER asleep ON ddl_command_end EXECUTE FUNCTION app.veto(); \
        ALTER EVENT TRIGGER asleep DISABLE; \
        CREATE EVENT TRIGGER guard ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION app.veto();";
    let mut workshop = Workshop::new(sql, &["t"]).await;
    let clone = plan(&workshop.snapshot().await).unwrap();
    let [notice] = clone.notices() else {
        panic!("{:?}", clone.notices());
    };
    assert!(notice.starts_with(r#"event trigger "guard" fires"#), "{notice}");
    let error = clone
        .run(&mut workshop.client, &Events::none())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains(r#"table "app"."staging_t""#),
        "{error}"
    );
    let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'staging%'";
    assert_eq!(workshop.database.query_text(left).await.unwrap(), "0");
}
