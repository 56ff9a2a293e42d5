//! The comparison as a value: how it reads, its JSON, and relations that no clone paired.

use cutover_core::catalog::Relation;
use cutover_staging::{CloneOptions, StructuralDiff};

use crate::workshop::{Workshop, ident};

const SQL: &str = r"
    CREATE TABLE app.p (id integer PRIMARY KEY);
    CREATE TABLE app.t (
        id serial PRIMARY KEY, a varchar(10) DEFAULT 'x', b integer NOT NULL CHECK (b > 0), p integer REFERENCES app.p
    ) WITH (fillfactor = 70);
    CREATE INDEX ix ON app.t (a) WHERE b > 1;
    CREATE STATISTICS app.st (mcv) ON a, b FROM app.t;
    CREATE MATERIALIZED VIEW app.m AS
        SELECT 'a text that is long enough not to be shown whole, because nobody would read it to its end' AS a, 1 AS b;
";

const TAMPERING: &str = r"
    ALTER TABLE app.staging_t ALTER a TYPE varchar(20), ALTER a DROP DEFAULT, ADD COLUMN c text, DROP CONSTRAINT t_b_check,
        SET (fillfactor = 80);
    DROP INDEX app.staging_ix;
    CREATE INDEX more ON app.staging_t (b);
    DROP MATERIALIZED VIEW app.staging_m;
    CREATE MATERIALIZED VIEW app.staging_m AS
        SELECT 'a text that is long enough not to be shown whole, because nobody would read it to its end' AS a, 2 AS b;
";

#[tokio::test]
async fn a_difference_reads_at_a_glance() {
    let mut workshop = Workshop::new(SQL, &["p", "t", "m"]).await;
    let set = workshop.stage(&CloneOptions::default()).await;
    let same = workshop.compare(&set).await;
    assert!(same.is_empty() && same.iter().next().is_none());
    assert_eq!(same.to_string(), "no differences");

    workshop.execute(TAMPERING).await;
    let diff = workshop.compare(&set).await;
    insta::assert_snapshot!("tampered_text", diff);
    insta::assert_json_snapshot!("tampered_json", diff);
    let names: Vec<&str> = diff.relations().iter().map(|d| d.live.name.as_str()).collect();
    assert_eq!(names, ["t", "m"]);
    assert_eq!(diff.iter().count(), diff.into_iter().count());
}

async fn relation(workshop: &mut Workshop, schema: &str, name: &str) -> Relation {
    let mut snapshot = workshop.read(schema, &[ident(name)]).await;
    snapshot.relations.remove(0)
}

#[tokio::test]
async fn the_same_table_in_two_schemas_is_the_same() {
    let mut workshop = Workshop::new(SQL, &[]).await;
    workshop.execute("CREATE SCHEMA other").await;
    workshop.execute(&SQL.replace("app.", "other.")).await;
    for name in ["p", "t", "m"] {
        let (ours, theirs) = (
            relation(&mut workshop, "app", name).await,
            relation(&mut workshop, "other", name).await,
        );
        assert_eq!(
            StructuralDiff::of_two(&ours, &theirs).to_string(),
            "no differences"
        );
    }
    workshop
        .execute("ALTER TABLE other.t DROP CONSTRAINT t_p_fkey, ADD CONSTRAINT t_p_fkey FOREIGN KEY (p) REFERENCES app.p")
        .await;
    let (ours, theirs) = (
        relation(&mut workshop, "app", "t").await,
        relation(&mut workshop, "other", "t").await,
    );
    insta::assert_snapshot!(StructuralDiff::of_two(&ours, &theirs), @r#"
    "app"."t" → "other"."t"
      different  constraint "t_p_fkey": referenced table "other"."p" → "app"."p"
    "#);
}

#[tokio::test]
async fn two_tables_of_one_schema_are_paired_by_what_their_parts_are() {
    let mut workshop = Workshop::new(SQL, &[]).await;
    workshop
        .execute(
            "CREATE TABLE app.u (LIKE app.t INCLUDING ALL EXCLUDING STATISTICS) WITH (fillfactor = 70); \
             ALTER TABLE app.u ADD CONSTRAINT t_p_fkey FOREIGN KEY (p) REFERENCES app.p; \
             CREATE STATISTICS app.other (mcv) ON a, b FROM app.u",
        )
        .await;
    let (ours, theirs) = (
        relation(&mut workshop, "app", "t").await,
        relation(&mut workshop, "app", "u").await,
    );
    // LIKE shares the sequence of a serial column.
    insta::assert_snapshot!(StructuralDiff::of_two(&ours, &theirs), @r#"
    "app"."t" → "app"."u"
      missing    sequence "t_id_seq"
    "#);
    assert!(StructuralDiff::of_two(&ours, &ours).is_empty());
}
