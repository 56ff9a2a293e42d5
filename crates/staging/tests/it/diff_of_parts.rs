//! The comparison notices each fact of the parts of a table, whichever side it changes on.

use cutover_core::catalog::CatalogSnapshot;
use cutover_staging::{CloneOptions, Difference, StagedSet, StructuralDiff};

use crate::workshop::{SCHEMA, Workshop, ident};

const SQL: &str = "
    CREATE ROLE ROLE_a; CREATE ROLE ROLE_b; GRANT USAGE ON SCHEMA app TO ROLE_a;
    CREATE EXTENSION btree_gist SCHEMA public;
    CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
    CREATE TABLE app.o (id integer);
    CREATE TABLE app.t (id integer, r int4range, note text);
    ALTER TABLE app.t ADD CONSTRAINT x EXCLUDE USING gist (r WITH &&) WHERE (note <> 't') DEFERRABLE;
    CREATE POLICY p ON app.t USING (id IN (SELECT o.id FROM app.o WHERE o.id = t.id)) WITH CHECK (id > 0);
    CREATE RULE r AS ON DELETE TO app.t DO INSTEAD DELETE FROM app.o WHERE o.id = OLD.id;
    CREATE CONSTRAINT TRIGGER c AFTER INSERT ON app.t FROM app.o FOR EACH ROW EXECUTE FUNCTION app.f();
    GRANT SELECT ON app.t TO ROLE_a WITH GRANT OPTION;
    GRANT SELECT (ctid) ON app.t TO ROLE_b;
    SET ROLE ROLE_a; GRANT SELECT ON app.t TO ROLE_b; RESET ROLE;
";

/// A change, with `$t` for either of the two tables and `$o` for the other member's or its twin; and the beginning of the
/// differences that it makes.
const CHANGES: &[(&str, &[&str])] = &[
    (
        "ALTER TABLE $t ENABLE ROW LEVEL SECURITY",
        &[r#"table "app"."t": row security is "#],
    ),
    (
        "ALTER TABLE $t FORCE ROW LEVEL SECURITY",
        &[r#"table "app"."t": forced row security is "#],
    ),
    ("DROP POLICY p ON $t", &[r#"policy "p" of "app"."t" is "#]),
    ("CREATE POLICY q ON $t", &[r#"policy "q" of "app"."t" is "#]),
    (
        "ALTER POLICY p ON $t TO ROLE_a, ROLE_b",
        &[r#"policy "p" of "app"."t": roles is "#],
    ),
    (
        "ALTER POLICY p ON $t USING (id IN (SELECT o.id FROM app.o WHERE o.id = 7))",
        &[r#"policy "p" of "app"."t": USING is "#],
    ),
    (
        "ALTER POLICY p ON $t WITH CHECK (id > 1)",
        &[r#"policy "p" of "app"."t": WITH CHECK is "#],
    ),
    (
        "DROP POLICY p ON $t; CREATE POLICY p ON $t AS RESTRICTIVE FOR SELECT USING (true)",
        &[
            r#"policy "p" of "app"."t": permissive is "#,
            r#"policy "p" of "app"."t": command is "#,
            r#"policy "p" of "app"."t": USING is "#,
            r#"policy "p" of "app"."t": WITH CHECK is "#,
        ],
    ),
    (
        "COMMENT ON POLICY p ON $t IS 'x'",
        &[r#"policy "p" of "app"."t": comment is "#],
    ),
    ("DROP RULE r ON $t", &[r#"rule "r" of "app"."t" is "#]),
    (
        "CREATE RULE s AS ON INSERT TO $t DO ALSO NOTIFY x",
        &[r#"rule "s" of "app"."t" is "#],
    ),
    (
        "CREATE OR REPLACE RULE r AS ON DELETE TO $t DO INSTEAD DELETE FROM $o WHERE id = 1 - OLD.id",
        &[r#"rule "r" of "app"."t": definition is "#],
    ),
    (
        "ALTER TABLE $t DISABLE RULE r",
        &[r#"rule "r" of "app"."t": state is "#],
    ),
    (
        "COMMENT ON RULE r ON $t IS 'x'",
        &[r#"rule "r" of "app"."t": comment is "#],
    ),
    (
        "DROP TRIGGER c ON $t; CREATE CONSTRAINT TRIGGER c AFTER INSERT ON $t FOR EACH ROW EXECUTE FUNCTION app.f()",
        &[r#"trigger "c" of "app"."t": definition is "#],
    ),
    (
        "DROP TRIGGER c ON $t; CREATE CONSTRAINT TRIGGER c AFTER INSERT ON $t FROM $o DEFERRABLE \
            FOR EACH ROW EXECUTE FUNCTION app.f()",
        &[r#"trigger "c" of "app"."t": definition is "#],
    ),
    (
        "ALTER TABLE $t ENABLE ALWAYS TRIGGER c",
        &[r#"trigger "c" of "app"."t": state is "#],
    ),
    (
        "COMMENT ON CONSTRAINT c ON $t IS 'x'",
        &[r#"trigger "c" of "app"."t": comment on its constraint is "#],
    ),
    (
        "ALTER TRIGGER c ON $t DEPENDS ON EXTENSION btree_gist",
        &[r#"trigger "c" of "app"."t": extensions that it depends on is "#],
    ),
    (
        "ALTER INDEX $x DEPENDS ON EXTENSION btree_gist",
        &[r#"index "app"."x": extensions that it depends on is "#],
    ),
    (
        "ALTER TABLE $t DROP CONSTRAINT $c; \
            ALTER TABLE $t ADD CONSTRAINT $c EXCLUDE USING gist (r WITH &&) WHERE (note <> 'u') DEFERRABLE",
        &[
            r#"constraint "x" of "app"."t": definition is "#,
            r#"index "app"."x": definition is "#,
        ],
    ),
    (
        "ALTER TABLE $t DROP CONSTRAINT $c; \
            ALTER TABLE $t ADD CONSTRAINT $c EXCLUDE USING gist (r WITH &&) WHERE (note <> 't')",
        &[
            r#"constraint "x" of "app"."t": deferrable is "#,
            r#"constraint "x" of "app"."t": definition is "#,
        ],
    ),
    (
        "COMMENT ON CONSTRAINT $c ON $t IS 'x'",
        &[r#"constraint "x" of "app"."t": comment is "#],
    ),
    (
        "REVOKE SELECT (ctid) ON $t FROM ROLE_b",
        &[r#"column "ctid" of "app"."t": privileges is "#],
    ),
    (
        "GRANT UPDATE (xmin) ON $t TO ROLE_b",
        &[r#"column "xmin" of "app"."t": privileges is "#],
    ),
    // The same privilege, of another grantor:
    (
        "REVOKE SELECT ON $t FROM ROLE_a CASCADE; GRANT SELECT ON $t TO ROLE_a WITH GRANT OPTION; \
            GRANT SELECT ON $t TO ROLE_b",
        &[r#"table "app"."t": privileges is "#],
    ),
];

#[tokio::test]
async fn every_change_on_either_side_is_seen() {
    let mut workshop = Workshop::new(SQL, &["t", "o"]).await;
    let set = workshop.stage(&CloneOptions::default()).await;
    assert_eq!(differences(&mut workshop, &set, "SELECT 1").await, []);
    let prefix = format!("{}_", workshop.database.name());
    for (change, expected) in CHANGES {
        for [table, other, constraint] in [["t", "o", "x"], ["staging_t", "staging_o", "staging_x"]] {
            let sql = change
                .replace("ROLE_", &prefix)
                .replace("$t", &format!("app.{table}"))
                .replace("$o", &format!("app.{other}"))
                .replace("$x", &format!("app.{constraint}"))
                .replace("$c", constraint);
            let found: Vec<String> = differences(&mut workshop, &set, &sql)
                .await
                .iter()
                .map(ToString::to_string)
                .collect();
            let seen =
                found.len() == expected.len() && found.iter().zip(*expected).all(|(a, b)| a.starts_with(b));
            assert!(seen, "{sql}\n{found:#?}\nexpected {expected:#?}");
        }
    }
}

/// What the comparison finds after a change that is then undone.
async fn differences(workshop: &mut Workshop, set: &StagedSet, change: &str) -> Vec<Difference> {
    let names: Vec<_> = set
        .members
        .iter()
        .flat_map(|member| [member.live.name.clone(), member.staging.name.clone()])
        .collect();
    let tx = workshop.client.transaction().await.unwrap();
    tx.batch_execute(change).await.unwrap();
    let both = CatalogSnapshot::read(&tx, &ident(SCHEMA), &names).await.unwrap();
    let relation = |name| both.relation(name).unwrap();
    set.members
        .iter()
        .flat_map(|m| StructuralDiff::between(relation(&m.live.name), relation(&m.staging.name), set))
        .collect()
}
