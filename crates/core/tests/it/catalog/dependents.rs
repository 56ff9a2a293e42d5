//! What outside the set refers to it: each exactly once, in the list where it belongs.

use cutover_core::catalog::{CatalogSnapshot, PartDefinition, Referent, RelationKind};
use cutover_core::{Deparsed, QualifiedName};

use super::{Fixture, before_15, ident, member, named, since_15};

/// Depth and name of every dependent view, in the snapshot's order.
fn views(set: &CatalogSnapshot) -> Vec<(u32, &str)> {
    set.views
        .iter()
        .map(|view| (view.depth, view.name.name.as_str()))
        .collect()
}

/// Kind and description of everything else that depends on the set, sorted.
fn others(set: &CatalogSnapshot) -> Vec<(&str, &str)> {
    let mut others: Vec<_> = set
        .other_dependents
        .iter()
        .map(|other| (&*other.kind, &*other.description))
        .collect();
    others.sort_unstable();
    others
}

#[tokio::test]
async fn a_set_that_only_refers_to_itself_has_no_dependents() {
    let sql = before_15(
        "CREATE FUNCTION live.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
         CREATE TABLE live.a (id serial PRIMARY KEY, n bigint GENERATED ALWAYS AS IDENTITY,
                              doc text, twice integer GENERATED ALWAYS AS (1 + 1) STORED, CHECK (id > 0));
         CREATE TABLE live.b (a integer REFERENCES live.a, whole live.a, many live.a[], b integer UNIQUE,
                              up integer REFERENCES live.b (b), EXCLUDE USING btree (b WITH =));
         CREATE INDEX part ON live.b ((b + 1)) WHERE a > 0;
         CREATE STATISTICS live.s ON (a + b), b FROM live.b;
         CREATE TRIGGER t BEFORE UPDATE OF a ON live.b FOR EACH ROW WHEN (new.a > 0) EXECUTE FUNCTION live.touch();
         ALTER TABLE live.a ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON live.a USING (EXISTS (SELECT FROM live.b WHERE b.a = a.id));
         CREATE RULE r AS ON INSERT TO live.b DO ALSO INSERT INTO live.a (doc) VALUES ('b');
         CREATE MATERIALIZED VIEW live.m AS SELECT id FROM live.a;
         CREATE PUBLICATION p FOR TABLE live.a WHERE (id > 3), live.b (a);",
        "live.a WHERE (id > 3), live.b (a)",
        "live.a, live.b",
    );
    let mut fixture = Fixture::new(&sql).await;
    let set = fixture.read(&["a", "b", "m"]).await;
    assert_eq!(views(&set), []);
    assert_eq!(set.inbound_foreign_keys, []);
    assert_eq!(others(&set), []);
    let [listed] = &member(&set, "a").publications[..] else {
        unreachable!()
    };
    assert_eq!((&listed.name, &listed.columns), (&ident("p"), &None));
    let filter = listed.row_filter.as_ref().map(Deparsed::as_str);
    assert_eq!(filter, since_15().then_some("(id > 3)"));
    let [listed] = &member(&set, "b").publications[..] else {
        unreachable!()
    };
    assert_eq!(listed.columns, since_15().then(|| vec![ident("a")]));
    assert_eq!((&listed.row_filter, listed.may_act_as_owner), (&None, true));

    let set = fixture.read(&["a"]).await;
    assert_eq!(views(&set), [(1, "m")]);
    assert_eq!(set.inbound_foreign_keys.len(), 1);
    // The policy is a's own, though it reads b.
    let expected = [
        ("table column", "column many of table b"),
        ("table column", "column whole of table b"),
    ];
    assert_eq!(others(&set), expected);
}

#[tokio::test]
async fn views_come_nearest_first_and_once() {
    let mut fixture = Fixture::new(
        "CREATE SCHEMA other;
         CREATE TABLE live.sites (id integer PRIMARY KEY, name text, secret text);
         CREATE TABLE live.parts (id integer, site integer);
         CREATE VIEW other.one WITH (security_barrier) AS SELECT id, name FROM live.sites WHERE id > 0;
         CREATE VIEW other.two AS SELECT one.id FROM other.one JOIN live.parts USING (id);
         CREATE MATERIALIZED VIEW other.three AS SELECT id FROM other.two UNION SELECT id FROM live.sites;
         CREATE VIEW live.four AS SELECT id FROM other.three;
         CREATE VIEW other.grouped AS SELECT id, name, secret FROM live.sites GROUP BY id;
         CREATE VIEW other.whole AS SELECT s FROM live.sites s;
         CREATE VIEW other.unrelated AS SELECT 1 AS one;
         CREATE VIEW other.of_string AS SELECT 'live.sites'::text AS name;
         CREATE VIEW live.inside AS SELECT id FROM live.parts;
         CREATE MATERIALIZED VIEW live.built AS SELECT id FROM live.inside;",
    )
    .await;
    let set = fixture.read(&["sites", "parts", "built"]).await;
    let expected = [
        (1, "inside"),
        (1, "grouped"),
        (1, "one"),
        (1, "whole"),
        (2, "two"),
        (3, "three"),
        (4, "four"),
    ];
    assert_eq!(views(&set), expected);
    let of = |name: &str| named(&set.views, |view| &view.name.name, name);
    assert_eq!(of("one").options, ["security_barrier=true"]);
    assert_eq!(of("three").kind, RelationKind::MaterializedView);
    assert!(of("one").direct && of("two").direct && of("three").direct && !of("four").direct);
    let reads = |name: &str| {
        let mut columns: Vec<&str> = of(name).reads.iter().map(|read| read.column.as_str()).collect();
        columns.sort_unstable();
        columns
    };
    assert_eq!(reads("one"), ["id", "name"]);
    assert!(of("four").reads.is_empty());
    assert_eq!(of("one").owner, ident("postgres"));
    assert_eq!(
        of("whole").columns[0].row_type_of,
        Some(member(&set, "sites").oid)
    );
    assert_eq!(others(&set), []);
}

#[tokio::test]
async fn views_that_read_each_other_do_not_hang_the_reader() {
    let mut fixture = Fixture::new(
        "CREATE TABLE live.t (id integer);
         CREATE VIEW live.a AS SELECT 1 AS id; CREATE VIEW live.b AS SELECT id FROM live.a;
         CREATE OR REPLACE VIEW live.a AS SELECT b.id FROM live.b JOIN live.t USING (id);",
    )
    .await;
    let set = fixture.read(&["t"]).await;
    let mut names: Vec<&str> = set.views.iter().map(|view| view.name.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test]
async fn foreign_keys_from_outside() {
    let sql = before_15(
        "CREATE SCHEMA other;
         CREATE TABLE live.sites (id integer PRIMARY KEY, a integer, b integer, UNIQUE (a, b));
         CREATE TABLE other.visits (
             site integer CONSTRAINT site REFERENCES live.sites ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
             a integer, b integer);
         ALTER TABLE other.visits ADD CONSTRAINT pair FOREIGN KEY (b, a) REFERENCES live.sites (b, a)
             ON DELETE SET NULL (b) NOT VALID;
         COMMENT ON CONSTRAINT pair ON other.visits IS 'a pair';
         CREATE TABLE live.log (site integer REFERENCES live.sites) PARTITION BY LIST (site);
         CREATE TABLE live.log1 PARTITION OF live.log FOR VALUES IN (1);",
        "SET NULL (b)",
        "SET NULL",
    );
    let mut fixture = Fixture::new(&sql).await;
    let set = fixture.read(&["sites"]).await;
    let keys: Vec<(&str, &str)> = set
        .inbound_foreign_keys
        .iter()
        .map(|key| (key.table.name.as_str(), key.name.as_str()))
        .collect();
    assert_eq!(
        keys,
        [("log", "log_site_fkey"), ("visits", "pair"), ("visits", "site")],
        "partitions follow"
    );
    let [log, pair, site] = &set.inbound_foreign_keys[..] else {
        unreachable!()
    };
    assert!(log.partitioned && !pair.partitioned);
    assert_eq!(pair.table, QualifiedName::new(ident("other"), ident("visits")));
    assert_eq!(
        (&pair.columns[..], &pair.references.columns[..]),
        (&[ident("b"), ident("a")][..], &[ident("b"), ident("a")][..])
    );
    assert!(!pair.validated && !pair.deferrable && site.validated && site.deferrable && site.deferred);
    assert_eq!(
        (&*site.references.on_delete, &*pair.references.on_delete),
        ("c", "n")
    );
    let named = if since_15() { vec![ident("b")] } else { Vec::new() };
    assert_eq!(pair.references.on_delete_columns, named);
    assert_eq!((pair.comment.as_deref(), &site.comment), (Some("a pair"), &None));
    assert_eq!(pair.references.oid, member(&set, "sites").oid);
    assert_eq!(others(&set), []);
}

#[tokio::test]
async fn everything_else_is_described_once() {
    let mut fixture = Fixture::new(
        "CREATE SCHEMA other;
         CREATE TABLE live.sites (id serial PRIMARY KEY, name text);
         CREATE FUNCTION other.atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM live.sites; END;
         CREATE FUNCTION other.rows() RETURNS SETOF live.sites LANGUAGE sql AS 'SELECT * FROM live.sites';
         CREATE FUNCTION other.by_name() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM live.sites';
         CREATE TABLE other.t (
             id integer DEFAULT nextval('live.sites_id_seq'), best live.sites, site integer,
             n bigint DEFAULT other.atomic());
         ALTER TABLE other.t ENABLE ROW LEVEL SECURITY;
         CREATE POLICY known ON other.t USING (site IN (SELECT id FROM live.sites));
         CREATE RULE also AS ON INSERT TO other.t DO ALSO UPDATE live.sites SET name = '' WHERE id = new.site;
         CREATE DOMAIN other.domain AS live.sites;
         CREATE FUNCTION other.longest(live.sites, live.sites) RETURNS live.sites LANGUAGE sql AS 'SELECT $1';
         CREATE AGGREGATE other.longest(live.sites) (sfunc = other.longest, stype = live.sites);
         CREATE TABLE other.child () INHERITS (live.sites);
         CREATE TYPE other.pair AS (one live.sites, two live.sites[]);
         CREATE VIEW other.typed AS SELECT (NULL::live.sites).name AS name;
         CREATE VIEW other.nulls AS SELECT (NULL::live.sites) IS NULL AS answer;
         CREATE VIEW other.counted AS SELECT last_value FROM live.sites_id_seq;
         CREATE PUBLICATION p FOR TABLE live.sites;",
    )
    .await;
    let set = fixture.read(&["sites"]).await;
    assert_eq!(views(&set), [(1, "counted"), (1, "nulls"), (1, "typed")]);
    let functions: Vec<&str> = set.functions.iter().map(|f| f.name.name.as_str()).collect();
    assert_eq!(functions, ["atomic", "longest", "rows"]);
    let expected = [
        ("aggregate", "function other.longest(sites)"),
        ("composite type column", "column one of composite type other.pair"),
        ("composite type column", "column two of composite type other.pair"),
        ("table", "table other.child"),
        ("table column", "column best of table other.t"),
        ("type", "type other.domain"),
    ];
    assert_eq!(others(&set), expected);
    let of = |description: &str| {
        &*set
            .other_dependents
            .iter()
            .find(|other| other.description == description)
            .unwrap()
            .member
    };
    assert_eq!(of("column two of composite type other.pair"), "sites[]");
    let parts: Vec<String> = set.parts.iter().map(|part| part.object().to_string()).collect();
    let expected = [
        r#"column "id" of "other"."child""#,
        r#"column "id" of "other"."t""#,
        r#"policy "known" of "other"."t""#,
        r#"rule "also" of "other"."t""#,
    ];
    assert_eq!(parts, expected);
    let drawn: Vec<usize> = set.parts.iter().map(|part| part.draws_from.len()).collect();
    assert_eq!(drawn, [1, 1, 0, 0]);
    let [_, default, policy, rule] = &set.parts[..] else {
        unreachable!()
    };
    let PartDefinition::Default { expression } = &default.definition else {
        panic!("{default:?}");
    };
    assert_eq!(expression.as_str(), "nextval('sites_id_seq'::regclass)");
    assert_eq!(policy.reads[0].column, ident("id"));
    let PartDefinition::Rule { tail } = &rule.definition else {
        panic!("{rule:?}");
    };
    assert!(
        tail.as_str()
            .starts_with(" AS\n    ON INSERT TO other.t DO  UPDATE sites SET"),
        "{tail}"
    );
}

/// A name and what is referred to by name, sorted.
fn referred_to<'a>(set: &'a CatalogSnapshot, refers_to: &[Referent]) -> Vec<&'a str> {
    let name_of = |referent: &Referent| match referent {
        Referent::Relation(oid) => {
            let members = set.relations.iter().map(|member| (member.oid, &member.name));
            let sequences = set.relations.iter().flat_map(|member| &member.sequences);
            let views = set.views.iter().map(|view| (view.oid, &view.name));
            let mut all = members.chain(sequences.map(|s| (s.oid, &s.name))).chain(views);
            all.find(|(of, _)| of == oid).unwrap().1.name.as_str()
        }
        Referent::Function(oid) => set
            .functions
            .iter()
            .find(|function| function.oid == *oid)
            .unwrap()
            .name
            .name
            .as_str(),
    };
    let mut names: Vec<&str> = refers_to.iter().map(name_of).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn functions_are_found_through_bodies_signatures_and_defaults() {
    let mut fixture = Fixture::new(
        "CREATE SCHEMA other;
         CREATE TABLE live.sites (id serial PRIMARY KEY, name text);
         CREATE FUNCTION live.counted() RETURNS bigint RETURN (SELECT count(*) FROM live.sites);
         CREATE VIEW other.v AS SELECT live.counted() AS n, id FROM live.sites;
         CREATE FUNCTION other.over_both(of text = 'x;y') RETURNS SETOF bigint BEGIN ATOMIC
             SELECT n FROM other.v; SELECT live.counted(); END;
         CREATE FUNCTION other.of_rows(a integer, b live.sites[]) RETURNS live.sites LANGUAGE plpgsql
             AS 'BEGIN RETURN b[a]; END';
         CREATE FUNCTION other.of_view(other.v) RETURNS integer LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION live.next_one(a bigint = nextval('live.sites_id_seq')) RETURNS bigint LANGUAGE sql AS 'SELECT a';
         CREATE PROCEDURE other.add(name text) BEGIN ATOMIC INSERT INTO live.sites (name) VALUES (name); END;
         CREATE FUNCTION other.by_name() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM live.sites';",
    )
    .await;
    let set = fixture.read(&["sites"]).await;
    let found: Vec<(&str, bool, Vec<&str>)> = set
        .functions
        .iter()
        .map(|f| (f.name.name.as_str(), f.direct, referred_to(&set, &f.refers_to)))
        .collect();
    let expected = [
        ("counted", true, vec!["sites"]),
        ("next_one", true, vec!["sites_id_seq"]),
        ("add", true, vec!["sites"]),
        ("of_rows", true, vec!["sites"]),
        ("of_view", false, vec!["v"]),
        ("over_both", false, vec!["counted", "v"]),
    ];
    assert_eq!(found, expected);
    assert_eq!(views(&set), [(2, "v")], "above the function that it calls");
    let of = |name: &str| named(&set.functions, |f| &f.name.name, name);
    assert_eq!(of("of_rows").row_types, [member(&set, "sites").oid]);
    assert_eq!(of("of_rows").identity_arguments.as_str(), "a integer, b sites[]");
    assert!(of("over_both").standard_body && !of("of_rows").standard_body);
    assert_eq!(
        of("add").definition.as_str(),
        "CREATE OR REPLACE PROCEDURE other.add(IN name text)\n LANGUAGE sql\nBEGIN ATOMIC\n \
         INSERT INTO sites (name)\n   VALUES (add.name);\nEND"
    );
    assert_eq!(others(&set), []);
}

#[tokio::test]
async fn rules_of_views_that_name_the_set_or_what_is_over_it() {
    let mut fixture = Fixture::new(
        "CREATE SCHEMA other;
         CREATE TABLE live.sites (id integer PRIMARY KEY, name text);
         CREATE TABLE other.log (id integer);
         CREATE VIEW other.elsewhere AS SELECT id FROM other.log;
         CREATE VIEW live.v AS SELECT id, name FROM live.sites;
         CREATE RULE \"to \"\"it\" AS ON INSERT TO other.elsewhere WHERE new.id > 0
             DO ALSO INSERT INTO live.sites VALUES (new.id);
         CREATE RULE through AS ON DELETE TO other.elsewhere DO INSTEAD DELETE FROM live.v WHERE v.id = old.id;
         CREATE RULE own AS ON UPDATE TO live.v DO INSTEAD INSERT INTO other.log VALUES (new.id);",
    )
    .await;
    let set = fixture.read(&["sites"]).await;
    let found: Vec<(&str, &str, Vec<&str>)> = set
        .rules
        .iter()
        .map(|rule| {
            (
                rule.name.as_str(),
                rule.event.as_str(),
                referred_to(&set, &rule.refers_to),
            )
        })
        .collect();
    assert_eq!(
        found,
        [("through", "4", vec!["v"]), ("to \"it", "3", vec!["sites"])]
    );
    assert_eq!(
        set.rules[1].tail.as_str(),
        " AS\n    ON INSERT TO other.elsewhere\n   WHERE new.id > 0 DO  INSERT INTO sites (id)\n  VALUES (new.id)"
    );
    assert_eq!(
        set.rules[0].relation,
        QualifiedName::new(ident("other"), ident("elsewhere"))
    );
    let oid = set.rules[0].relation_oid;
    assert!(
        set.fingerprint_oids().contains(&oid),
        "a change of the rule is seen"
    );
}
