//! What a member is: its own facts, its kind and kin, its name. What it consists of is in `parts`.

use cutover_core::catalog::{AclItem, Kin, Persistence, PolicyCommand, RelationKind};

use super::{Fixture, before_15, ident, member, named, since_15};

#[tokio::test]
async fn a_plain_table_has_nothing_special() {
    let mut fixture = Fixture::new("CREATE TABLE live.plain (a integer)").await;
    let set = fixture.read(&["plain"]).await;
    let plain = member(&set, "plain");
    assert_eq!(plain.kind, RelationKind::Table);
    assert_eq!(plain.persistence, Persistence::Permanent);
    assert_eq!(plain.owner, ident("postgres"));
    assert!(plain.may_act_as_owner);
    assert_eq!(plain.access_method, Some(ident("heap")));
    assert_eq!(plain.tablespace, None);
    assert_eq!(plain.printed_name, "plain");
    assert_eq!(
        plain.acl, None,
        "never granted is not the same as granted nothing"
    );
    assert_eq!(plain.comment, None);
    assert_eq!(plain.replica_identity, "d");
    assert_eq!(plain.estimated_rows, -1);
    assert_eq!(plain.extension, None);
    assert!(plain.populated);
    let flags = [
        plain.row_security,
        plain.force_row_security,
        plain.of_type.is_some(),
        plain.is_partition(),
    ];
    assert_eq!(flags, [false; 4]);
    let lists = [
        plain.options.len(),
        plain.toast_options.len(),
        plain.inherits_from.len(),
        plain.inherited_by.len(),
        plain.policies.len(),
        plain.rules.len(),
        plain.security_labels.len(),
        plain.publications.len(),
        plain.schema_publications.len(),
        plain.subscriptions.len(),
        plain.depends_on_extensions.len(),
        plain.reads.len(),
        plain.constraints.len(),
        plain.indexes.len(),
        plain.triggers.len(),
        plain.sequences.len(),
        plain.statistics.len(),
    ];
    assert_eq!(lists, [0; 17]);
    let a = &plain.columns[0];
    assert_eq!(a.data_type.as_str(), "integer");
    assert!(
        a.default.is_none() && a.default_sequences.is_empty() && a.collation.is_none() && a.storage.is_none()
    );
    assert!(
        a.compression.is_none() && a.statistics_target.is_none() && a.options.is_empty() && a.acl.is_none()
    );
    assert!(!a.not_null && !a.is_generated() && !a.is_identity());
    assert_eq!((a.row_type_of, &a.comment), (None, &None));
}

#[tokio::test]
async fn facts_of_the_relation_itself() {
    let mut fixture = Fixture::new(
        "CREATE ROLE $role_owner; CREATE ROLE $role_reader; GRANT CREATE ON SCHEMA live TO $role_owner;
         CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
         CREATE UNLOGGED TABLE live.t (id integer PRIMARY KEY, secret text) USING heap2
             WITH (fillfactor = 70, autovacuum_enabled = off, toast.autovacuum_enabled = off);
         COMMENT ON TABLE live.t IS 'it''s a \"table\"';
         ALTER TABLE live.t OWNER TO $role_owner;
         GRANT SELECT ON live.t TO PUBLIC;
         GRANT INSERT, UPDATE ON live.t TO $role_reader WITH GRANT OPTION;
         ALTER TABLE live.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
         ALTER TABLE live.t REPLICA IDENTITY FULL;
         CREATE POLICY mine ON live.t USING (id > 0);
         CREATE RULE quiet AS ON DELETE TO live.t DO INSTEAD NOTHING;",
    )
    .await;
    let set = fixture.read(&["t"]).await;
    let t = member(&set, "t");
    assert_eq!(t.persistence, Persistence::Unlogged);
    assert_eq!(t.access_method, Some(ident("heap2")));
    assert_eq!(t.options, ["fillfactor=70", "autovacuum_enabled=off"]);
    assert_eq!(t.toast_options, ["autovacuum_enabled=off"]);
    assert_eq!(t.comment.as_deref(), Some("it's a \"table\""));
    assert_eq!(t.owner, fixture.role("owner"));
    assert!(t.row_security && t.force_row_security);
    assert_eq!(t.replica_identity, "f");
    assert_eq!(t.policies.len(), 1);
    let policy = &t.policies[0];
    assert_eq!(
        (policy.name.as_str(), policy.command),
        ("mine", PolicyCommand::All)
    );
    assert_eq!(policy.roles, [None]);
    assert_eq!(policy.using.as_ref().unwrap().as_str(), "(id > 0)");
    assert!(policy.permissive && policy.with_check.is_none());
    assert_eq!(t.rules.len(), 1);
    assert_eq!((t.rules[0].name.as_str(), &*t.rules[0].enabled), ("quiet", "O"));
    let rule = t.rules[0].definition.as_str();
    assert!(rule.contains("ON DELETE TO t DO INSTEAD NOTHING"), "{rule}");
    let acl = t.acl.as_ref().unwrap();
    let grant = |grantee, privilege: &str, grantable| AclItem {
        grantee,
        grantor: fixture.role("owner"),
        privilege: privilege.to_owned(),
        grantable,
    };
    assert!(acl.contains(&grant(None, "SELECT", false)), "{acl:?}");
    assert!(
        acl.contains(&grant(Some(fixture.role("reader")), "INSERT", true)),
        "{acl:?}"
    );
    assert!(
        acl.contains(&grant(Some(fixture.role("owner")), "TRUNCATE", false)),
        "{acl:?}"
    );
}

#[tokio::test]
async fn everything_revoked_is_not_the_default() {
    let mut fixture = Fixture::new(
        "CREATE TABLE live.t (id serial);
         REVOKE ALL ON live.t, live.t_id_seq FROM postgres;
         ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM postgres;",
    )
    .await;
    let set = fixture.read(&["t"]).await;
    assert_eq!(member(&set, "t").acl, Some(Vec::new()));
    assert_eq!(member(&set, "t").sequences[0].acl, Some(Vec::new()));
    assert_eq!(set.server.default_table_acl, Some(Vec::new()));
    assert_eq!(set.server.default_sequence_acl, None);
}

#[tokio::test]
async fn default_privileges_of_the_role_are_told() {
    let mut fixture = Fixture::new(
        "CREATE ROLE $role_reader; CREATE TABLE live.t (); CREATE ROLE $role_someone;
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO $role_reader;
         ALTER DEFAULT PRIVILEGES FOR ROLE $role_someone GRANT DELETE ON TABLES TO $role_reader;
         ALTER DEFAULT PRIVILEGES IN SCHEMA live GRANT UPDATE ON TABLES TO $role_reader;",
    )
    .await;
    let set = fixture.read(&["t"]).await;
    let reader = fixture.role("reader");
    let given: Vec<_> = set.server.default_table_acl.unwrap();
    let to_reader: Vec<&str> = given
        .iter()
        .filter(|item| item.grantee.as_ref() == Some(&reader))
        .map(|item| &*item.privilege)
        .collect();
    assert_eq!(to_reader, ["SELECT"]);
    assert_eq!(set.server.default_sequence_acl, None);
}

#[tokio::test]
async fn kinds_and_kinship() {
    let sql = before_15(
        "CREATE TYPE live.shape AS (a integer, b text);
         CREATE TABLE live.typed OF live.shape;
         CREATE TABLE live.base (a integer); CREATE SCHEMA other;
         CREATE TABLE live.child (b integer) INHERITS (live.base);
         CREATE TABLE live.partitioned (a integer) PARTITION BY RANGE (a);
         CREATE TABLE other.part PARTITION OF live.partitioned FOR VALUES FROM (0) TO (9);
         CREATE TABLE live.part2 PARTITION OF live.partitioned DEFAULT;
         CREATE VIEW live.v AS SELECT a FROM live.base;
         CREATE MATERIALIZED VIEW live.m AS SELECT a FROM live.v WITH NO DATA;
         CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
         CREATE FOREIGN TABLE live.remote (a integer) SERVER nowhere;
         CREATE EXTENSION seg; CREATE TABLE live.member (s seg); ALTER EXTENSION seg ADD TABLE live.member;
         CREATE TABLE live.leaning (a integer); CREATE INDEX leaning_a ON live.leaning (a);
         ALTER INDEX live.leaning_a DEPENDS ON EXTENSION seg;
         CREATE PUBLICATION listed FOR TABLE ONLY live.base;
         CREATE PUBLICATION whole FOR TABLES IN SCHEMA live;
         CREATE PUBLICATION everything FOR ALL TABLES;",
        "CREATE PUBLICATION whole FOR TABLES IN SCHEMA live;",
        "",
    );
    let mut fixture = Fixture::new(&sql).await;
    let names = [
        "typed",
        "base",
        "child",
        "partitioned",
        "part2",
        "v",
        "m",
        "remote",
        "member",
        "leaning",
    ];
    let set = fixture.read(&names).await;
    let of = |name: &str| member(&set, name);
    let row_type = of("typed").of_type.as_ref().unwrap();
    assert_eq!(row_type.to_string(), "\"live\".\"shape\"");
    assert_eq!(of("base").of_type, None);
    let names = |kin: &[Kin]| -> Vec<String> { kin.iter().map(|kin| kin.name.to_string()).collect() };
    assert_eq!(names(&of("base").inherited_by), [r#""live"."child""#]);
    assert_eq!(names(&of("child").inherits_from), [r#""live"."base""#]);
    assert!(!of("child").is_partition());
    let partition = of("part2").partition.as_ref().unwrap();
    assert_eq!(partition.parent, of("partitioned").oid);
    assert_eq!(
        (partition.bound.as_str(), partition.detaching),
        ("DEFAULT", false)
    );
    assert_eq!(of("partitioned").kind, RelationKind::PartitionedTable);
    assert_eq!(
        of("partitioned").partition_key.as_ref().unwrap().as_str(),
        "RANGE (a)"
    );
    assert_eq!(
        names(&of("partitioned").inherited_by),
        [r#""live"."part2""#, r#""other"."part""#]
    );
    assert_eq!(of("v").kind, RelationKind::View);
    assert_eq!(of("m").kind, RelationKind::MaterializedView);
    assert!(!of("m").populated);
    assert_eq!(of("m").reads, [of("v").oid]);
    let definition = of("m").definition.as_ref().unwrap().as_str();
    assert!(definition.trim_end().ends_with("FROM v;"), "{definition}");
    assert_eq!(of("remote").kind, RelationKind::ForeignTable);
    assert_eq!(of("member").extension, Some(ident("seg")));
    assert_eq!(of("leaning").indexes[0].depends_on_extensions, [ident("seg")]);
    assert_eq!(of("leaning").depends_on_extensions, []);
    let listed = |name: &str| -> Vec<&str> {
        let publications = of(name).publications.iter();
        publications.map(|of| of.name.as_str()).collect()
    };
    assert_eq!(listed("base"), ["listed"]);
    let whole = if since_15() {
        vec![ident("whole")]
    } else {
        Vec::new()
    };
    assert_eq!(of("base").schema_publications, whole);
    assert!(listed("child").is_empty());
    assert_eq!(set.server.all_tables_publications, [ident("everything")]);
}

#[tokio::test]
async fn names_that_need_care() {
    let mut fixture = Fixture::new(
        r#"CREATE TABLE live."a.b" ("say ""hi""" serial PRIMARY KEY, "Ö" integer);
           CREATE TABLE live."Select" ("from" integer REFERENCES live."a.b");
           CREATE TABLE live."محمية" (a integer);
           CREATE INDEX "i ""x""" ON live."a.b" ("Ö");"#,
    )
    .await;
    let set = fixture.read(&["محمية", "Select", "a.b"]).await;
    let order: Vec<&str> = set
        .relations
        .iter()
        .map(|relation| relation.name.name.as_str())
        .collect();
    assert_eq!(
        order,
        ["محمية", "Select", "a.b"],
        "in the order they were asked for"
    );
    let dotted = member(&set, "a.b");
    assert_eq!(dotted.printed_name, r#""a.b""#);
    assert_eq!(dotted.columns[0].name.as_str(), "say \"hi\"");
    let index = named(&dotted.indexes, |index| &index.name.name, "i \"x\"");
    assert_eq!(index.tail.as_str(), r#"USING btree ("Ö")"#);
    let default = dotted.columns[0].default.as_ref().unwrap().as_str();
    assert!(
        default.contains(&dotted.columns[0].default_sequences[0].printed),
        "{default}"
    );
    let key = &member(&set, "Select").constraints[0];
    assert_eq!(
        key.definition.as_str(),
        r#"FOREIGN KEY ("from") REFERENCES "a.b"("say ""hi""")"#
    );
}
