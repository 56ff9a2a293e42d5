//! No fact of the catalog is forgotten by the comparison: each one of a twin is changed in turn, and has to be noticed.

use std::collections::BTreeMap;

use cutover_core::catalog::{CatalogSnapshot, Relation};
use cutover_staging::{CloneOptions, StagedSet, StructuralDiff};
use serde_json::{Value, json};

use crate::workshop::Workshop;

/// One of everything. Where a fact is empty in all of it, the test asks for a sample that has it.
const SQL: &str = r#"
    CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
    CREATE ROLE ROLE_reader;
    CREATE TYPE app.typed AS (id integer, label text);
    CREATE TABLE app.p (id integer, other integer, PRIMARY KEY (id, other));
    CREATE TABLE app.t (
        id serial CONSTRAINT t_key PRIMARY KEY, a varchar(10) DEFAULT 'x' COLLATE "C", b integer NOT NULL, e text,
        c integer GENERATED ALWAYS AS (b * 2) STORED, d bigint GENERATED ALWAYS AS IDENTITY, p integer,
        CONSTRAINT positive CHECK (b > 0),
        CONSTRAINT to_p FOREIGN KEY (p, b) REFERENCES app.p ON DELETE SET NULL (p),
        CONSTRAINT apart EXCLUDE USING btree (b WITH =)
    ) WITH (fillfactor = 70, toast.autovacuum_enabled = false);
    ALTER TABLE app.t ALTER e SET STORAGE EXTERNAL, ALTER e SET COMPRESSION pglz, ALTER e SET STATISTICS 7,
        ALTER e SET (n_distinct = 2), ENABLE ROW LEVEL SECURITY, CLUSTER ON t_key, REPLICA IDENTITY USING INDEX t_key;
    CREATE INDEX ix ON app.t (lower(a)) WHERE b > 1;
    ALTER INDEX app.ix ALTER COLUMN 1 SET STATISTICS 9;
    CREATE STATISTICS app.st (mcv) ON a, b FROM app.t;
    ALTER STATISTICS app.st SET STATISTICS 9;
    CREATE TRIGGER tr BEFORE INSERT ON app.t FOR EACH ROW WHEN (NEW.e <> 't') EXECUTE FUNCTION app.f();
    CREATE CONSTRAINT TRIGGER later AFTER INSERT ON app.t DEFERRABLE FOR EACH ROW EXECUTE FUNCTION app.f();
    CREATE POLICY own ON app.t TO PUBLIC USING (b > 1) WITH CHECK (b > 2);
    CREATE TABLE public.pairs (a integer, b integer);
    CREATE FUNCTION public.total(public.pairs) RETURNS integer IMMUTABLE LANGUAGE sql AS $$SELECT 1$$;
    CREATE POLICY totals ON app.t USING (b > public.total(ROW(1, 2)));
    CREATE RULE also AS ON UPDATE TO app.t DO ALSO NOTIFY changed;
    GRANT SELECT ON app.t TO ROLE_reader WITH GRANT OPTION;
    GRANT SELECT (b), SELECT (ctid) ON app.t TO ROLE_reader;
    GRANT USAGE ON SEQUENCE app.t_id_seq TO ROLE_reader;
    COMMENT ON TABLE app.t IS 'x'; COMMENT ON COLUMN app.t.b IS 'x'; COMMENT ON INDEX app.ix IS 'x';
    COMMENT ON CONSTRAINT positive ON app.t IS 'x'; COMMENT ON TRIGGER tr ON app.t IS 'x';
    COMMENT ON SEQUENCE app.t_id_seq IS 'x'; COMMENT ON STATISTICS app.st IS 'x';
    COMMENT ON POLICY own ON app.t IS 'x'; COMMENT ON RULE also ON app.t IS 'x';
    CREATE TABLE app.o OF app.typed;
    CREATE TABLE app.r (id integer PRIMARY KEY, x integer CHECK (x > 0)) PARTITION BY RANGE (id);
    CREATE TABLE app.r_low PARTITION OF app.r FOR VALUES FROM (0) TO (10);
    CREATE INDEX r_x ON app.r (x);
    CREATE MATERIALIZED VIEW app.m AS SELECT 1 AS one;
    CREATE UNIQUE INDEX m_one ON app.m (one);
"#;

/// Facts that are not compared, and why. One covers what is below it; `*.` stands for any place.
const LEFT_OUT: &[(&str, &str)] = &[
    ("oid", "twins are other objects"),
    ("*.oid", "twins are other objects"),
    ("partition.parent_oid", "an oid; the parent is compared by name"),
    ("columns[].default_row_types", "oids; the text is compared"),
    ("constraints[].row_types", "oids; the text is compared"),
    ("constraints[].whole_row", "of the text, which is compared"),
    (
        "constraints[].functions_of_rows",
        "of the text, which is compared",
    ),
    ("row_type_calls", "of the texts, which are compared"),
    ("indexes[].of_rows", "of the text, which is compared"),
    ("name", "it is what the two are paired by"),
    ("distributed", "refused"),
    ("visible", "of the session, not the relation"),
    ("bound_by_row_security", "of the session, not the relation"),
    ("may_act_as_owner", "of the session, not the relation"),
    ("may_select", "of the session, not the relation"),
    ("may_use_tablespace", "of the session, not the relation"),
    ("*.may_select", "of the session, not the relation"),
    ("*.may_execute", "of the session, not the relation"),
    ("*.may_reference", "of the session, not the relation"),
    ("*.may_use_tablespace", "of the session, not the relation"),
    ("*.may_create_in_schema", "of the session, not the relation"),
    ("*.owner_may_create_in_schema", "of the owner, not the relation"),
    (
        "built_in_acl",
        "of the server; what a missing list of privileges means",
    ),
    (
        "sequences[].built_in_acl",
        "of the server; what a missing list of privileges means",
    ),
    ("bytes", "rows, not structure"),
    ("indexes[].bytes", "rows, not structure"),
    ("estimated_rows", "rows, not structure"),
    ("populated", "rows, not structure"),
    (
        "sequences[].last_value",
        "where a sequence stands is not structure",
    ),
    ("extension", "members of one are refused"),
    (
        "publications",
        "of the publication; the swap moves its list to the twin",
    ),
    ("subscriptions", "of the subscription, which the swap refuses"),
    (
        "schema_publications",
        "of the publication, which the swap refuses",
    ),
    ("reads", "oids; the query is compared"),
    ("columns[].row_type_of", "an oid; the type is compared"),
    (
        "constraints[].index",
        "a key bears its index's name, and both are paired",
    ),
    ("constraints[].no_inherit", "in the definition"),
    ("indexes[].constraint", "the constraint is compared"),
    ("indexes[].definition", "its tail is compared"),
    ("indexes[].computed", "in the tail"),
    ("indexes[].included", "in the tail"),
    ("indexes[].nulls_not_distinct", "in the tail"),
    ("indexes[].options", "in the tail"),
    ("statistics[].definition", "columns and kinds are compared"),
    ("triggers[].constraint", "in the definition"),
];

fn is_left_out(fact: &str, (left_out, _): &(&str, &str)) -> bool {
    match left_out.strip_prefix('*') {
        Some(anywhere) => fact.ends_with(anywhere),
        None => fact
            .strip_prefix(left_out)
            .is_some_and(|below| below.is_empty() || below.starts_with(['[', '.'])),
    }
}

/// The relations of both sides.
struct Sides {
    live: CatalogSnapshot,
    staging: CatalogSnapshot,
    set: StagedSet,
}

impl Sides {
    /// Whether the comparison finds anything with this one of staging instead.
    fn notice(&self, twin: usize, changed: Relation) -> bool {
        let mut staging = self.staging.clone();
        staging.relations[twin] = changed;
        !StructuralDiff::of_set(&self.live, &staging, &self.set).is_empty()
    }
}

/// How often a fact could be changed, and how often that was noticed.
#[derive(Default)]
struct Tried {
    changed: usize,
    noticed: usize,
}

#[tokio::test]
async fn every_fact_is_compared() {
    let mut workshop = Workshop::new(SQL, &["p", "t", "o", "r", "m"]).await;
    let set = workshop.stage(&CloneOptions::default()).await;
    let live = workshop.snapshot().await;
    let twins: Vec<_> = set.members.iter().map(|m| m.staging.name.clone()).collect();
    let staging = workshop.read("app", &twins).await;
    assert_eq!(
        StructuralDiff::of_set(&live, &staging, &set).to_string(),
        "no differences"
    );
    let sides = Sides { live, staging, set };

    let mut facts: BTreeMap<String, Tried> = BTreeMap::new();
    for (at, twin) in sides.staging.relations.iter().enumerate() {
        let whole = serde_json::to_value(twin).unwrap();
        for path in paths(&whole) {
            let tried = facts.entry(fact(&path)).or_default();
            let place = pointer(&path);
            let changed = others(whole.pointer(&place).unwrap())
                .into_iter()
                .find_map(|other| {
                    let mut changed = whole.clone();
                    *changed.pointer_mut(&place).unwrap() = other;
                    let changed: Relation = serde_json::from_value(changed).ok()?;
                    (changed != *twin).then_some(changed)
                });
            if let Some(changed) = changed {
                tried.changed += 1;
                tried.noticed += usize::from(sides.notice(at, changed));
            }
        }
    }
    let left_out = |fact: &str| LEFT_OUT.iter().any(|entry| is_left_out(fact, entry));
    let unnoticed = |tried: &Tried| tried.changed > 0 && tried.noticed == 0;
    let forgotten: Vec<&String> = facts
        .iter()
        .filter(|(fact, tried)| unnoticed(tried) && !left_out(fact))
        .map(|(fact, _)| fact)
        .collect();
    // One that holds others was tried by them.
    let holds_others = |fact: &String| facts.keys().any(|other| other.starts_with(&format!("{fact}.")));
    let untried: Vec<&String> = facts
        .iter()
        .filter(|(fact, tried)| tried.changed == 0 && !left_out(fact) && !holds_others(fact))
        .map(|(fact, _)| fact)
        .collect();
    let stale: Vec<_> = LEFT_OUT
        .iter()
        .filter(|entry| {
            !facts
                .iter()
                .any(|(fact, tried)| is_left_out(fact, entry) && unnoticed(tried))
        })
        .collect();
    assert!(
        forgotten.is_empty() && untried.is_empty() && stale.is_empty(),
        "neither compared nor in LEFT_OUT: {forgotten:#?}\nwithout a sample in SQL that can be changed: {untried:#?}\n\
         in LEFT_OUT, and compared or gone: {stale:#?}"
    );
}

type Path = Vec<String>;

/// Every place in a value: leaves, and arrays as wholes.
fn paths(value: &Value) -> Vec<Path> {
    let below = |key: String, inner: &Value| -> Vec<Path> {
        let all = paths(inner).into_iter();
        all.map(|path| [vec![key.clone()], path].concat()).collect()
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, inner)| below(key.clone(), inner))
            .collect(),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let inner = items.flat_map(|(index, item)| below(index.to_string(), item));
            std::iter::once(Vec::new()).chain(inner).collect()
        }
        _ => vec![Vec::new()],
    }
}

fn pointer(path: &Path) -> String {
    let steps = path.iter().flat_map(|step| ["/", step.as_str()]);
    steps.collect()
}

/// The path without positions: `columns[].comment`.
fn fact(path: &Path) -> String {
    let mut text = String::new();
    for step in path {
        if step.parse::<usize>().is_ok() {
            text.push_str("[]");
        } else {
            text.push_str(if text.is_empty() { "" } else { "." });
            text.push_str(step);
        }
    }
    text
}

/// What might stand there instead; the type decides which of it can be read.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(fact) => vec![json!(!fact)],
        Value::Number(number) => vec![json!(number.as_i64().unwrap_or_default() ^ 1)],
        Value::String(text) => {
            let others = [
                format!("{text}_"),
                "p".to_owned(),
                "u".to_owned(),
                "r".to_owned(),
                "x".to_owned(),
                "select".to_owned(),
                "update".to_owned(),
            ];
            others.into_iter().map(Value::from).collect()
        }
        Value::Array(items) if !items.is_empty() => vec![json!(items[..items.len() - 1])],
        Value::Array(_) => vec![
            json!(["other"]),
            json!([1]),
            json!([{ "provider": "other", "label": "other" }]),
            json!([{ "name": "other", "owner": "other", "may_act_as_owner": true, "reads": [] }]),
        ],
        _ => vec![
            json!("other"),
            json!(1),
            json!({ "schema": "app", "name": "other" }),
            json!([]),
        ],
    }
}
