//! Names that collide, need quotes, or reach 63 bytes; and look-alikes, which must stay what they are.

use cutover_core::Events;
use cutover_staging::{CloneOptions, LockPatience, drop_staging};

use crate::workshop::Workshop;

/// Every part of a table, with each bearing a name made from `name`, and the table's name wherever else one can stand.
fn table_with_parts(name: &str) -> String {
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    let literal = format!("'{}'", name.replace('\'', "''"));
    // A name of the same length in bytes that ends in another letter, for what may not be called like the table.
    let part = |letter: char| {
        let mut part = name.to_owned();
        while part.len() > 62 {
            part.pop();
        }
        part.push(letter);
        format!("\"{}\"", part.replace('"', "\"\""))
    };
    let (key, index, exclusion, statistics) = (part('k'), part('i'), part('x'), part('s'));
    let sequence = part('q');
    let drawn = format!("'app.{}'", sequence.replace('\'', "''"));
    format!(
        "CREATE SEQUENCE app.{sequence};
        CREATE TABLE app.{quoted} (id bigint DEFAULT nextval({drawn}) CONSTRAINT {key} PRIMARY KEY,
            {quoted} text DEFAULT {literal} COLLATE \"C\", other integer CONSTRAINT {quoted} REFERENCES app.{quoted}, during int4range,
            CONSTRAINT {check} CHECK ({quoted} <> {literal}),
            CONSTRAINT {exclusion} EXCLUDE USING gist (during WITH &&) WHERE ({quoted} <> {literal}));
        ALTER SEQUENCE app.{sequence} OWNED BY app.{quoted}.id;
        CREATE INDEX {index} ON app.{quoted} (lower({quoted})) WHERE {quoted} <> {literal};
        CREATE STATISTICS app.{statistics} ON {quoted}, other FROM app.{quoted};
        CREATE TRIGGER {quoted} AFTER INSERT ON app.{quoted} REFERENCING NEW TABLE AS {quoted}
            FOR EACH STATEMENT EXECUTE FUNCTION app.f({literal}, ' ON {bare} ');
        CREATE CONSTRAINT TRIGGER {trigger} AFTER INSERT ON app.{quoted} FROM app.{quoted} FOR EACH ROW
            WHEN (NEW.{quoted} <> {literal}) EXECUTE FUNCTION app.f({literal});
        CREATE RULE {quoted} AS ON DELETE TO app.{quoted} WHERE OLD.{quoted} = {literal} DO INSTEAD
            INSERT INTO app.{quoted} ({quoted}) SELECT {quoted}.{quoted} FROM elsewhere.{quoted} WHERE {quoted}.{quoted} = {literal};
        CREATE POLICY {quoted} ON app.{quoted} USING (EXISTS (
            SELECT FROM app.{quoted} {quoted} WHERE {quoted}.id = 1 AND {quoted}.{quoted} = {literal})
            AND other IN (SELECT {quoted}.other FROM elsewhere.{quoted} WHERE {quoted}.{quoted} <> {literal}));
        COMMENT ON TABLE app.{quoted} IS {literal}; COMMENT ON COLUMN app.{quoted}.{quoted} IS {literal};
        COMMENT ON CONSTRAINT {quoted} ON app.{quoted} IS {literal}; COMMENT ON CONSTRAINT {exclusion} ON app.{quoted} IS {literal};
        COMMENT ON INDEX app.{index} IS {literal}; COMMENT ON TRIGGER {quoted} ON app.{quoted} IS {literal};
        COMMENT ON RULE {quoted} ON app.{quoted} IS {literal}; COMMENT ON POLICY {quoted} ON app.{quoted} IS {literal};
        COMMENT ON STATISTICS app.{statistics} IS {literal}; COMMENT ON SEQUENCE app.{sequence} IS {literal};",
        check = part('c'),
        trigger = part('t'),
        bare = name.replace('\'', "''"),
    )
}

/// Trap 20: two names may be cut to one. And retargeting is by name resolution: a column, string, comment, alias,
/// function argument, or a table of the same name elsewhere, is never touched.
#[tokio::test]
async fn awkward_names_of_everything() {
    let latin = format!("{}é", "n".repeat(61));
    let arabic = format!("{}ab", "محمية".repeat(6));
    assert_eq!((latin.len(), arabic.len()), (63, 62));
    let names = [
        "plain",
        "Upper",
        "user",
        "say \"hi\"",
        "it's",
        "a.b",
        "back\\slash",
        "percent%I",
        "$1",
        "-- comment",
        "/*",
        "t;",
        "two\nlines",
        "محمية",
        &arabic,
        &latin,
    ];
    let tables = names.map(|name| {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let outside = format!("CREATE TABLE elsewhere.{quoted} ({quoted} text, other integer);");
        outside + &table_with_parts(name)
    });
    let sql = format!(
        "CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$; \
         CREATE SCHEMA elsewhere; {}",
        tables.concat()
    );
    let mut workshop = Workshop::new(&sql, &names).await;
    let set = workshop.check_identical(&CloneOptions::default()).await;
    drop_staging(
        &mut workshop.client,
        &set,
        &LockPatience::default(),
        &Events::none(),
    )
    .await
    .unwrap();
}

/// Names whose staging names would be cut to the same 63 bytes stay apart, in one set.
#[tokio::test]
async fn long_names_side_by_side() {
    let stem = "n".repeat(62);
    let names: Vec<String> = ["a", "b"].map(|end| format!("{stem}{end}")).to_vec();
    let tables: Vec<String> = names
        .iter()
        .map(|name| {
            // The server cuts the name of the key's index, and numbers the second one.
            format!(
                "CREATE TABLE app.{name} (id integer PRIMARY KEY, other integer UNIQUE); \
                 CREATE POLICY p ON app.{name} USING (id IN (SELECT a.id FROM app.{} a));",
                names[0]
            )
        })
        .collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut workshop = Workshop::new(&tables.join(" "), &members).await;
    let set = workshop.check_identical(&CloneOptions::default()).await;
    assert!(
        set.members
            .iter()
            .all(|member| member.staging.name.as_str().len() == 63)
    );
}

/// Members called like the twins' own prefix, like each other's columns, and like what is on every search path.
#[tokio::test]
async fn names_that_mean_something_else_too() {
    let sql = "
        CREATE TABLE app.lower (id integer PRIMARY KEY, int4 integer);
        CREATE TABLE app.int4 (id integer PRIMARY KEY, lower integer REFERENCES app.lower);
        CREATE TABLE app.cutover_scratch (app integer PRIMARY KEY, cutover_scratch integer);
        CREATE TABLE app.app (cutover_scratch integer REFERENCES app.cutover_scratch);
        CREATE POLICY p ON app.int4 USING (id IN (SELECT c.id FROM app.lower c WHERE c.int4 = int4.id));
        CREATE RULE r AS ON DELETE TO app.app DO ALSO DELETE FROM app.cutover_scratch WHERE app = OLD.cutover_scratch;
        CREATE INDEX abs ON app.app (abs(cutover_scratch));
    ";
    Workshop::new(sql, &["lower", "int4", "cutover_scratch", "app"])
        .await
        .check_identical(&CloneOptions::default())
        .await;
}

/// Trap 33: what the session looks into first does not matter, nor what it would find there.
#[tokio::test]
async fn the_sessions_own_search_path_does_not_matter() {
    let sql = "CREATE SCHEMA first; \
        CREATE TABLE first.a (id text); CREATE TABLE first.b (id text); CREATE TABLE first.staging_a (id text); \
        CREATE FUNCTION first.lower(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'impostor'::text$$; \
        CREATE TABLE app.a (id integer PRIMARY KEY, note text); CREATE INDEX i ON app.a (lower(note)); \
        CREATE TABLE app.b (id integer REFERENCES app.a); \
        CREATE POLICY p ON app.b USING (id IN (SELECT a.id FROM app.a)); \
        CREATE RULE r AS ON DELETE TO app.a DO ALSO DELETE FROM app.b WHERE id = OLD.id;";
    for path in ["first, pg_catalog, app", "''", "first"] {
        let mut workshop = Workshop::new(sql, &["a", "b"]).await;
        let set_path = format!("SET search_path = {path}");
        workshop.client.batch_execute(&set_path).await.unwrap();
        workshop.check_identical(&CloneOptions::default()).await;
    }
}

#[tokio::test]
async fn array_types_whose_names_are_cut_alike() {
    // With `staging_` before them these have 63 bytes and differ in the last, which the names of their array types lose.
    let name = |last: char| format!("{}{last}", "n".repeat(54));
    let (a, b) = (name('a'), name('b'));
    let sql = format!("CREATE TABLE app.{a} (id integer); CREATE TABLE app.{b} (id integer)");
    let mut workshop = Workshop::new(&sql, &[&a, &b]).await;
    workshop.check_identical(&CloneOptions::default()).await;
}
