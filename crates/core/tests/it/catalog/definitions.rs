//! Definitions name members bare and everything else in full.

use super::{Fixture, member, named};

#[track_caller]
fn check(definition: &str, expected: &str) {
    assert_eq!(
        definition.split_whitespace().collect::<Vec<_>>().join(" "),
        expected
    );
}

#[tokio::test]
async fn members_print_bare_and_outsiders_qualified() {
    let mut fixture = Fixture::new(
        "CREATE SCHEMA other;
         CREATE TABLE other.regions (id integer PRIMARY KEY);
         CREATE TYPE other.mood AS ENUM ('ok', 'bad');
         CREATE FUNCTION other.tidy(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';
         CREATE FUNCTION other.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
         CREATE TABLE live.countries (id integer PRIMARY KEY, sites text);
         CREATE TABLE live.sites (
             id integer PRIMARY KEY, name text,
             mood other.mood DEFAULT 'ok',
             country integer CONSTRAINT inside REFERENCES live.countries,
             region integer CONSTRAINT outside REFERENCES other.regions,
             CONSTRAINT tidy CHECK (name = other.tidy(name)));
         CREATE INDEX tidy_name ON live.sites (other.tidy(name)) WHERE mood <> 'bad';
         CREATE TRIGGER touch BEFORE UPDATE ON live.sites FOR EACH ROW EXECUTE FUNCTION other.touch();
         CREATE VIEW other.v AS
             SELECT s.id, c.sites, 'live.sites' AS text FROM live.sites s JOIN live.countries c ON c.id = s.country
              JOIN other.regions r ON r.id = s.region;",
    )
    .await;
    let set = fixture.read(&["sites", "countries"]).await;
    let sites = member(&set, "sites");
    let constraint = |name: &str| named(&sites.constraints, |c| &c.name, name).definition.as_str();
    check(
        constraint("inside"),
        "FOREIGN KEY (country) REFERENCES countries(id)",
    );
    check(
        constraint("outside"),
        "FOREIGN KEY (region) REFERENCES other.regions(id)",
    );
    check(constraint("tidy"), "CHECK ((name = other.tidy(name)))");
    let index = named(&sites.indexes, |index| &index.name.name, "tidy_name");
    check(
        index.definition.as_str(),
        "CREATE INDEX tidy_name ON sites USING btree (other.tidy(name)) WHERE mood <> 'bad'::other.mood",
    );
    let mood = named(&sites.columns, |column| &column.name, "mood");
    check(mood.data_type.as_str(), "other.mood");
    check(mood.default.as_ref().unwrap().as_str(), "'ok'::other.mood");
    check(
        sites.triggers[0].definition.as_str(),
        "CREATE TRIGGER touch BEFORE UPDATE ON sites FOR EACH ROW EXECUTE FUNCTION other.touch()",
    );
    check(
        set.views[0].definition.as_str(),
        "SELECT s.id, c.sites, 'live.sites'::text AS text FROM sites s JOIN countries c ON c.id = s.country \
         JOIN other.regions r ON r.id = s.region;",
    );
}

#[tokio::test]
async fn a_temporary_table_hides_no_member() {
    let mut fixture = Fixture::new(
        "CREATE TABLE live.sites (id serial PRIMARY KEY); CREATE VIEW live.v AS SELECT id FROM live.sites;
         CREATE TEMPORARY TABLE sites (another integer);",
    )
    .await;
    let set = fixture.read(&["sites"]).await;
    assert_eq!(member(&set, "sites").printed_name, "sites");
    assert_eq!(member(&set, "sites").columns[0].name.as_str(), "id");
    // PostgreSQL 16 and later leave out the qualifier of the only relation.
    check(
        &set.views[0].definition.as_str().replace("sites.id", "id"),
        "SELECT id FROM sites;",
    );
}
