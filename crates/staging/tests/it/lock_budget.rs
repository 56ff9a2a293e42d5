//! The lock table is shared by all sessions: what a clone takes of it is counted beforehand (trap 9).

use cutover_core::{Events, NamingPolicy};
use cutover_staging::{CloneOptions, ClonePlan};

use crate::workshop::Workshop;

/// Ten tables with serial and identity columns, a key between them, indexes of every kind, a trigger.
fn tables() -> (String, Vec<String>) {
    let names: Vec<String> = (0..10).map(|n| format!("t{n}")).collect();
    let mut sql = String::from(
        "CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;",
    );
    for name in &names {
        sql += &TABLE.replace("NAME", name);
    }
    (sql, names)
}

const TABLE: &str = "
    CREATE TABLE app.NAME (id serial PRIMARY KEY, a bigint GENERATED ALWAYS AS IDENTITY, name text DEFAULT 'x' CHECK (name <> ''));
    ALTER TABLE app.NAME ADD FOREIGN KEY (a) REFERENCES app.NAME NOT VALID;
    CREATE INDEX ON app.NAME (lower(name)); CREATE INDEX ON app.NAME (name) WHERE id > 4; CREATE INDEX ON app.NAME (name);
    CREATE STATISTICS app.s_NAME ON a, name FROM app.NAME;
    CREATE TRIGGER t BEFORE INSERT ON app.NAME FOR EACH ROW EXECUTE FUNCTION app.f();
    CREATE RULE r AS ON DELETE TO app.NAME DO INSTEAD NOTHING;
    COMMENT ON TABLE app.NAME IS 'table'; COMMENT ON COLUMN app.NAME.name IS 'column'; GRANT SELECT ON app.NAME TO PUBLIC;
";

/// What the refusal says is needed is what the transaction then holds, or somewhat more.
#[tokio::test]
async fn the_count_is_not_less_than_what_is_held() {
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
    ] {
        let (sql, names) = tables();
        let members: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut workshop = Workshop::new(&sql, &members).await;
        let mut snapshot = workshop.snapshot().await;
        let plan = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &options).unwrap();
        let tx = workshop.client.transaction().await.unwrap();
        plan.run_in(&tx, &Events::none()).await.unwrap();
        let held: i64 = tx
            .query_one(
                "SELECT count(DISTINCT (locktype, database, relation, classid, objid)) FROM pg_locks \
                  WHERE pid = pg_backend_pid()",
                &[],
            )
            .await
            .unwrap()
            .get(0);
        drop(tx);

        snapshot.server.max_lock_entries = 1;
        let error = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &options).unwrap_err();
        let text = error.to_string();
        let needed: i64 = text
            .split_once("takes about ")
            .and_then(|(_, rest)| rest.split_once(':'))
            .unwrap()
            .0
            .parse()
            .unwrap();
        assert!(
            needed >= held && needed < 2 * held,
            "{needed} counted, {held} held: {text}"
        );
        assert_eq!(
            error.refusals[0].remedy,
            "raise max_locks_per_transaction, or make several release sets"
        );

        // Half of the table should be the others'.
        let mut notices = |room: i64| {
            snapshot.server.max_lock_entries = room;
            let plan = ClonePlan::compute(&snapshot, &NamingPolicy::default(), &options).unwrap();
            plan.notices()
                .iter()
                .filter(|notice| notice.contains("lock table"))
                .count()
        };
        assert_eq!(
            [notices(needed), notices(2 * needed - 2), notices(2 * needed)],
            [1, 1, 0]
        );
    }
}
