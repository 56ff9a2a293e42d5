//! Rewrite rules.

use cutover_core::Events;
use cutover_staging::{CloneOptions, LockPatience, PostDataOptions, drop_staging};

use crate::workshop::{Workshop, stage};

/// Trap 18: `LIKE` copies no rules.
#[tokio::test]
async fn rules_of_every_kind_in_every_state() {
    let sql = r#"
        CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.log (what text, who text);
        CREATE TABLE app.archive (id integer, items text);
        CREATE TABLE app.items (id integer PRIMARY KEY, items text, "Total" numeric);
        CREATE RULE keep AS ON DELETE TO app.items DO INSTEAD NOTHING;
        CREATE RULE redirect AS ON INSERT TO app.items WHERE NEW.id < 0
            DO INSTEAD INSERT INTO app.archive VALUES (NEW.id, ' TO items DO ');
        CREATE RULE gives_back AS ON DELETE TO app.archive
            DO INSTEAD DELETE FROM app.items WHERE id = OLD.id RETURNING items.id, 'items' || items.items;
        CREATE RULE several AS ON UPDATE TO app.items WHERE OLD.items IS DISTINCT FROM NEW.items DO ALSO (
            INSERT INTO app.archive SELECT OLD.id, items.items FROM app.items WHERE items.id = OLD.id;
            DELETE FROM elsewhere.log WHERE log.what = (SELECT max(items.items) FROM app.items);
            UPDATE app.archive items SET items = 'items;' WHERE items.id = NEW.id
        );
        CREATE RULE "of the other" AS ON INSERT TO app.archive DO ALSO UPDATE app.items SET "Total" = 1 WHERE id = NEW.id;
        CREATE RULE tell AS ON UPDATE TO app.archive DO ALSO (NOTIFY archive; NOTIFY items, 'archive;');
        ALTER TABLE app.items DISABLE RULE redirect;
        ALTER TABLE app.items ENABLE REPLICA RULE several;
        ALTER TABLE app.archive ENABLE ALWAYS RULE tell;
        COMMENT ON RULE several ON app.items IS 'it''s "several"';
    "#;
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
    ] {
        let mut workshop = Workshop::new(sql, &["items", "archive"]).await;
        let set = workshop.check_identical(&options).await;
        // Each names the other's twin, so neither could go first.
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

/// Trap 46: the load meets neither rules nor triggers.
#[tokio::test]
async fn a_rule_acts_on_twins_and_only_after_the_load() {
    let sql = "CREATE TABLE app.a (id integer); CREATE TABLE app.b (id integer); \
        CREATE RULE elsewhere AS ON INSERT TO app.a DO INSTEAD INSERT INTO app.b VALUES (NEW.id);";
    let mut workshop = Workshop::new(sql, &["a", "b"]).await;
    let snapshot = workshop.snapshot().await;
    let set = stage(&mut workshop.client, &snapshot, &CloneOptions::default())
        .await
        .unwrap();
    workshop.execute("INSERT INTO app.staging_a VALUES (1)").await;
    set.run_post_data(&mut workshop.client, &PostDataOptions::default(), &Events::none())
        .await
        .unwrap();
    workshop.execute("INSERT INTO app.staging_a VALUES (2)").await;
    let rows = "SELECT concat_ws(' ', (SELECT string_agg(id::text, ',') FROM app.staging_a), \
        (SELECT string_agg(id::text, ',') FROM app.staging_b), (SELECT count(*) FROM app.b))";
    assert_eq!(workshop.database.query_text(rows).await.unwrap(), "1 2 0");
}
