//! Lookups that add to their tables what is not there: once, whoever else does so, and recorded.

use cutover_core::Events;
use cutover_core::release_file::{Lookup, RelationRef, Transform, UnknownValue};
use cutover_importer::{Addition, Import, ImportError, MissingValues};
use cutover_testkit::TestDatabase;
use futures_util::future::join_all;
use insta::assert_snapshot;
use tokio_postgres::Client;

use crate::chunks::{Record, go_on};
use crate::faults::until;
use crate::fixture::{database, ident, plan_pipe, public, relation, settings, told};

const WORLD: &str = "\
    CREATE TABLE designations (id serial PRIMARY KEY, name varchar(12) NOT NULL UNIQUE, since date DEFAULT current_date); \
    INSERT INTO designations (name) VALUES ('Park'); \
    CREATE TABLE s (id int, desig text); \
    INSERT INTO s VALUES (1, 'Park'), (2, 'Reserve; Park;;Forest'), (3, NULL), (4, '-'), (5, 'it''s \\x'), (6, ' Forest ;Reserve'); \
    CREATE TABLE t (id int, designation_id int REFERENCES designations, UNIQUE (id, designation_id))";

fn adding(unknown: UnknownValue) -> Import {
    let lookup = Lookup::new(
        RelationRef::new(ident("designations")),
        ident("name"),
        ident("id"),
    );
    let transform = Transform::of(ident("desig"))
        .split(";")
        .null_if(["-"])
        .lookup(lookup.unknown(unknown));
    Import::new("t", public("t"), relation("s"))
        .columns([(ident("id"), "id".to_owned())])
        .transforms([(ident("designation_id"), transform)])
}

/// Plans an import by sessions that import nothing.
async fn additions_of(db: &TestDatabase, import: &Import) -> Result<Vec<Addition>, ImportError> {
    let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let import = import.clone().in_chunks();
    let plan = plan_pipe(&import, &settings(), &mut target, &mut source).await?;
    Ok(plan.additions().to_vec())
}

/// Adds all that is missing, each lookup in a transaction; returns how many values.
async fn add(db: &TestDatabase, record: &Record, import: &Import) -> Result<u64, ImportError> {
    let mut client = db.connect().await.unwrap();
    let mut added = 0;
    for addition in additions_of(db, import).await? {
        let tx = client.transaction().await.unwrap();
        added += addition.run_in(&tx, &record.journal()).await?;
        tx.commit().await.unwrap();
    }
    Ok(added)
}

async fn missing(db: &TestDatabase, import: &Import) -> MissingValues {
    let additions = additions_of(db, import).await.unwrap();
    let mut client = db.connect().await.unwrap();
    let tx = client.transaction().await.unwrap();
    additions[0].missing(&tx).await.unwrap()
}

async fn all(db: &TestDatabase, sql: &str) -> String {
    let lines = format!("SELECT coalesce(string_agg(x::text, E'\n'), '(none)') FROM ({sql}) x");
    db.query_text(&lines).await.unwrap()
}

#[tokio::test]
async fn what_is_not_there_is_added_once_in_its_order_and_found() {
    let db = database(WORLD).await;
    let record = Record::in_database(&db).await;
    let import = adding(UnknownValue::Add);
    let would = missing(&db, &import).await;
    assert_eq!(
        (would.values, would.first),
        (3, ["Forest", "Reserve", "it's \\x"].map(str::to_owned).to_vec())
    );
    // Without them rows are there as far as they can be.
    let outcome = go_on(
        &db,
        &record,
        &import.clone().adding_nothing(),
        &settings(),
        &Events::none(),
    )
    .await;
    assert_eq!(outcome.unwrap().rows, 7);
    assert_eq!(
        all(&db, "SELECT count(*), count(designation_id) FROM t").await,
        "(7,2)"
    );
    db.execute("TRUNCATE t, cutover.checkpoint; ALTER TABLE t ALTER designation_id SET NOT NULL")
        .await
        .unwrap();
    let outcome = go_on(
        &db,
        &record,
        &import.clone().adding_nothing(),
        &settings(),
        &Events::none(),
    )
    .await;
    assert_eq!(outcome.unwrap().rows, 2);
    db.execute("TRUNCATE t, cutover.checkpoint").await.unwrap();

    assert_eq!(add(&db, &record, &import).await.unwrap(), 3);
    // No number is drawn in vain, and what nobody asked for has its default.
    assert_snapshot!(
        all(&db, "SELECT id, name, since = current_date FROM designations ORDER BY id").await,
        @r#"
(1,Park,t)
(2,Forest,t)
(3,Reserve,t)
(4,"it's \\x",t)
"#
    );
    // What the source brings since is set aside: the import never makes NULL of it.
    db.execute("INSERT INTO s VALUES (7, 'Cave;Park')").await.unwrap();
    let import = import.rejects(cutover_importer::RejectLimits::none().at_most(1));
    let outcome = go_on(&db, &record, &import, &settings(), &Events::none())
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.rejected), (8, 1));
    assert_snapshot!(
        all(&db, "SELECT t.id, string_agg(name, ' ' ORDER BY name) FROM t JOIN designations d ON d.id = designation_id GROUP BY 1 ORDER BY 1").await,
        @r#"
(1,Park)
(2,"Forest Park Reserve")
(5,"it's \\x")
(6,"Forest Reserve")
(7,Park)
"#
    );
    assert_snapshot!(all(&db, "SELECT reason FROM cutover.reject").await, @r#"("column ""designation_id"": ""Cave"" is not in designations.name")"#);
    assert_eq!(add(&db, &record, &import).await.unwrap(), 1);
    assert_eq!(add(&db, &record, &import).await.unwrap(), 0);
    assert_snapshot!(
        all(&db, "SELECT importer, lookup_schema, lookup_table, lookup_column, value FROM cutover.added_value ORDER BY at, value").await,
        @r#"
(t,public,designations,name,Forest)
(t,public,designations,name,Reserve)
(t,public,designations,name,"it's \\x")
(t,public,designations,name,Cave)
"#
    );
    // It is neither cut nor left out without a word.
    db.execute("INSERT INTO s VALUES (8, 'Grand Canyon National Park'), (9, 'Atoll')")
        .await
        .unwrap();
    assert_snapshot!(told(&add(&db, &record, &import).await.unwrap_err()), @r#"
importer t failed to import "public"."s"
  caused by: could not add what is looked up to table "public"."designations"
  caused by: value too long for type character varying(12) (SQLSTATE 22001)
  remedy: a row does not fit its table: run `cutover preflight`, or mend the source query
"#);
    assert_eq!(
        all(&db, "SELECT 1 FROM designations WHERE name = 'Atoll'").await,
        "(none)"
    );
}

#[tokio::test]
async fn the_plan_says_what_is_added() {
    let db = database(WORLD).await;
    let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    let import = adding(UnknownValue::Add).in_chunks();
    let plan = plan_pipe(&import, &settings(), &mut target, &mut source)
        .await
        .unwrap();
    let text = plan.to_string();
    let begin = text.find("-- before").unwrap();
    let end = text.find("-- set up").unwrap();
    assert_snapshot!(&text[begin..end], @r#"
-- before, in a transaction of its own:
-- add what is looked up to table "public"."designations"
--   locks "public"."designations" ROW EXCLUSIVE
INSERT INTO "public"."designations" AS t ("name")
SELECT n.value
  FROM (SELECT DISTINCT CAST(parts.part AS "pg_catalog"."varchar") COLLATE "pg_catalog"."default" AS value
   FROM "public"."s" AS r
 CROSS JOIN LATERAL (SELECT DISTINCT t.part
         FROM (SELECT pg_catalog.btrim(u.part, E' \t\n\r\f') AS part FROM pg_catalog.unnest(pg_catalog.string_to_array(CAST(r."desig" AS pg_catalog.text), ';')) AS u(part)) AS t
        WHERE t.part <> '' AND t.part <> '-') AS parts
  WHERE parts.part IS NOT NULL AND NOT EXISTS (SELECT FROM "public"."designations" AS k WHERE k."name" = parts.part)) AS n
 ORDER BY n.value
ON CONFLICT ("name") DO NOTHING
RETURNING CAST(t."name" AS pg_catalog.text);
"#);
}

/// In an order of their own, so that only the statement's order keeps two from waiting for each other.
async fn source_in_order(db: &TestDatabase, table: &str, order: &str) {
    let make = format!(
        "CREATE TABLE {table} AS SELECT n AS id, 'kind ' || n AS desig FROM generate_series(1, 3000) n ORDER BY {order}"
    );
    db.execute(&make).await.unwrap();
}

#[tokio::test]
async fn whoever_adds_the_same_at_once_waits_and_adds_the_rest() {
    let db = database(WORLD).await;
    let record = Record::in_database(&db).await;
    let orders = [
        ("up", "n"),
        ("down", "n DESC"),
        ("mixed", "md5(n::text)"),
        ("other", "md5(n || 'x')"),
    ];
    let mut imports = Vec::new();
    for (table, order) in orders {
        source_in_order(&db, table, order).await;
        let lookup = Lookup::new(
            RelationRef::new(ident("designations")),
            ident("name"),
            ident("id"),
        );
        let transform = Transform::of(ident("desig")).lookup(lookup.unknown(UnknownValue::Add));
        imports.push(
            Import::new(table, public("t"), relation(table))
                .columns([(ident("id"), "id".to_owned())])
                .transforms([(ident("designation_id"), transform)]),
        );
    }
    db.execute("DELETE FROM down WHERE id <= 100; DELETE FROM up WHERE id > 2900")
        .await
        .unwrap();
    // One that has added and not committed: the other waits for it, and then has but its own to add.
    let (up, down) = (
        additions_of(&db, &imports[0]).await.unwrap(),
        additions_of(&db, &imports[1]).await.unwrap(),
    );
    let (mut first, mut second): (Client, Client) =
        (db.connect().await.unwrap(), db.connect().await.unwrap());
    let tx = first.transaction().await.unwrap();
    assert_eq!(up[0].run_in(&tx, &record.journal()).await.unwrap(), 2900);
    let journal = record.journal();
    let waiting = async {
        let tx = second.transaction().await.unwrap();
        let added = down[0].run_in(&tx, &journal).await.unwrap();
        tx.commit().await.unwrap();
        added
    };
    let committing = async {
        until(
            &db,
            "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'",
        )
        .await;
        tx.commit().await.unwrap();
    };
    assert_eq!(tokio::join!(waiting, committing).0, 100);

    // All at once, over values of which each wants most: together they add each once, and no circle of waits ends one.
    db.execute("TRUNCATE t; DELETE FROM designations; DELETE FROM cutover.added_value")
        .await
        .unwrap();
    let added = join_all(imports.iter().map(|import| add(&db, &record, import))).await;
    let added: u64 = added.into_iter().map(Result::unwrap).sum();
    assert_eq!(added, 3000);
    let agree = "SELECT count(*), count(DISTINCT value), (SELECT count(*) FROM designations) FROM cutover.added_value";
    assert_eq!(all(&db, agree).await, "(3000,3000,3000)");
}

/// What stands against adding, and nothing else.
async fn obstacles(db: &TestDatabase, role: Option<&str>) -> String {
    let (mut target, mut source) = (db.connect().await.unwrap(), db.connect().await.unwrap());
    if let Some(role) = role {
        source.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
    }
    let import = adding(UnknownValue::Add).in_chunks();
    let planned = plan_pipe(&import, &settings(), &mut target, &mut source).await;
    let error = planned.unwrap_err().to_string();
    error.lines().skip(1).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_table_that_cannot_be_added_to_is_told_before() {
    let db = database(WORLD).await;
    let role = format!("{}_reader", db.name());
    db.execute(&format!(
        "CREATE ROLE {role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; GRANT INSERT (id) ON designations TO {role}"
    ))
    .await
    .unwrap();
    assert_snapshot!(obstacles(&db, Some(&role)).await, @r#"
- column "designation_id" is to be looked up in "public"."designations", with what is not there added, which cannot be: the role may not insert there: GRANT INSERT ("name") on it to the role
- column "designation_id" is to be looked up in "public"."designations", with what is not there added, which cannot be: the role may not use designations_id_seq: GRANT USAGE on the sequence to the role
"#);
    db.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await
        .unwrap();
    db.execute(
        "ALTER TABLE designations DROP CONSTRAINT designations_name_key, ADD code text NOT NULL DEFAULT 'x', ADD kind int NOT NULL DEFAULT 1; \
         ALTER TABLE designations ALTER code DROP DEFAULT, ALTER kind DROP DEFAULT; \
         CREATE UNIQUE INDEX ON designations (name) WHERE id > 0; CREATE UNIQUE INDEX ON designations (name, id); \
         ALTER TABLE designations ADD UNIQUE (name) DEFERRABLE",
    )
    .await
    .unwrap();
    assert_snapshot!(obstacles(&db, None).await, @r#"
- column "designation_id" is to be looked up in "public"."designations", with what is not there added, which cannot be: nothing keeps two rows with the same "name" out of it: create a unique index on that column alone
- column "designation_id" is to be looked up in "public"."designations", with what is not there added, which cannot be: its constraint designations_name_key is deferrable, so a conflict is not seen at once: make it NOT DEFERRABLE
- column "designation_id" is to be looked up in "public"."designations", with what is not there added, which cannot be: its new rows would lack "code", "kind", NOT NULL without a default: give a default, or add by hand what the source brings (unknown = "reject" tells what that is)
"#);
    // An index by another collation says nothing of a column that takes spellings for equal.
    db.execute(
        "ALTER TABLE designations DROP code, DROP kind; CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level2', deterministic = false); \
         ALTER TABLE designations ALTER name TYPE text COLLATE alike; CREATE UNIQUE INDEX ON designations (name COLLATE \"C\"); \
         ALTER TABLE designations DROP CONSTRAINT designations_name_key",
    )
    .await
    .unwrap();
    assert_snapshot!(obstacles(&db, None).await, @r#"  - column "designation_id" is to be looked up in "public"."designations", with what is not there added, which cannot be: nothing keeps two rows with the same "name" out of it: create a unique index on that column alone"#);
    // By its own collation, it does; and of two spellings one is added.
    db.execute("CREATE UNIQUE INDEX ON designations (name); INSERT INTO s VALUES (10, 'FOREST')")
        .await
        .unwrap();
    assert_eq!(missing(&db, &adding(UnknownValue::Add)).await.values, 3);
    let record = Record::in_database(&db).await;
    assert_eq!(add(&db, &record, &adding(UnknownValue::Add)).await.unwrap(), 3);
    db.execute(
        "ALTER TABLE designations RENAME TO kinds; CREATE VIEW designations AS SELECT id, name FROM kinds",
    )
    .await
    .unwrap();
    assert_snapshot!(obstacles(&db, None).await, @r#"  - column "designation_id" is to be looked up in "public"."designations", with what is not there added, which cannot be: it is no table: name the table behind it"#);
    db.execute(
        "DROP VIEW designations; CREATE TABLE designations (id int, name text GENERATED ALWAYS AS (id::text) STORED UNIQUE)",
    )
    .await
    .unwrap();
    assert_snapshot!(obstacles(&db, None).await, @r#"  - column "designation_id" is to be looked up in "public"."designations", with what is not there added, which cannot be: the server itself fills "name": match by another column"#);
}
