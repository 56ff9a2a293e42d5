//! Plain views through which materialized views read the set.

use cutover_core::catalog::{CatalogSnapshot, RelationKind};
use cutover_core::{Ident, NamingPolicy};
use cutover_staging::{CloneOptions, MatviewPlan};

use crate::workshop::{Workshop, plan};

/// A view with everything that a view can have, a view over it, materialized views over them; and views that none reads.
const SET: &str = r#"
    CREATE ROLE ROLE_reader; CREATE ROLE ROLE_owner; GRANT CREATE, USAGE ON SCHEMA app TO ROLE_owner;
    CREATE SCHEMA upstream; CREATE TABLE upstream.names (country text, name text);
    CREATE TABLE app.sites (id serial PRIMARY KEY, country text, area numeric);
    CREATE MATERIALIZED VIEW app.names AS SELECT country, name FROM upstream.names;
    CREATE FUNCTION app.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE VIEW app.big WITH (security_barrier = true, check_option = cascaded) AS
        SELECT id, country, area AS size, 'big' || country AS label FROM app.sites WHERE area > 1;
    ALTER VIEW app.big RENAME COLUMN size TO "Area";
    ALTER VIEW app.big ALTER COLUMN country SET DEFAULT 'nowhere';
    ALTER VIEW app.big ALTER COLUMN id SET DEFAULT nextval('app.sites_id_seq');
    CREATE VIEW app."Big ones" AS SELECT big.country, count(*) AS n, names.name FROM app.big JOIN app.names USING (country)
        GROUP BY big.country, names.name;
    CREATE TRIGGER keeps INSTEAD OF INSERT ON app."Big ones" FOR EACH ROW EXECUTE FUNCTION app.keep();
    COMMENT ON TRIGGER keeps ON app."Big ones" IS 'keeps';
    CREATE RULE removes AS ON DELETE TO app."Big ones" DO INSTEAD DELETE FROM app.sites WHERE country = OLD.country;
    COMMENT ON RULE removes ON app."Big ones" IS 'removes';
    COMMENT ON VIEW app.big IS 'a view'; COMMENT ON COLUMN app.big."Area" IS 'a column';
    GRANT SELECT ON app.sites, app.names TO ROLE_owner;
    ALTER VIEW app.big OWNER TO ROLE_owner;
    GRANT SELECT ON app.big TO ROLE_reader; GRANT SELECT (country), UPDATE (country) ON app."Big ones" TO PUBLIC;
    CREATE MATERIALIZED VIEW app.counted AS SELECT country, n, name FROM app."Big ones";
    CREATE UNIQUE INDEX counted_country ON app.counted (country);
    CREATE MATERIALIZED VIEW app.summed AS SELECT sum(n) AS n FROM app.counted;
    ALTER MATERIALIZED VIEW app.summed OWNER TO ROLE_owner; GRANT SELECT ON app.counted TO ROLE_owner;
    CREATE VIEW app.only_names AS SELECT name FROM app.names;
    CREATE MATERIALIZED VIEW app.lengths AS SELECT length(name) AS length FROM app.only_names;
    CREATE VIEW app.beside AS SELECT * FROM app.big;
    CREATE VIEW app.above AS SELECT * FROM app.counted;
"#;

async fn with_companions(workshop: &mut Workshop, members: &[&str]) -> (CatalogSnapshot, Vec<Ident>) {
    let members: Vec<Ident> = members.iter().map(|name| Ident::new(*name).unwrap()).collect();
    let snapshot = workshop.read("app", &members).await;
    let companions = snapshot.companions();
    let all: Vec<Ident> = members
        .into_iter()
        .chain(companions.into_iter().map(|companion| companion.name))
        .collect();
    (workshop.read("app", &all).await, all)
}

#[tokio::test]
async fn materialized_views_over_the_set_come_along_with_the_views_between() {
    let mut workshop = Workshop::new(SET, &[]).await;
    let (snapshot, all) = with_companions(&mut workshop, &["sites", "names"]).await;
    let names: Vec<&str> = all.iter().map(Ident::as_str).collect();
    assert_eq!(
        names,
        [
            "sites",
            "names",
            "big",
            "only_names",
            "Big ones",
            "lengths",
            "counted",
            "summed"
        ]
    );
    assert_eq!(snapshot.companions(), []);
    let outside: Vec<&str> = snapshot
        .views
        .iter()
        .map(|view| view.name.name.as_str())
        .collect();
    assert_eq!(outside, ["above", "beside"]);
}

#[tokio::test]
async fn their_twins_are_like_live() {
    let members = [
        "summed",
        "counted",
        "lengths",
        "Big ones",
        "big",
        "only_names",
        "names",
        "sites",
    ];
    let mut workshop = Workshop::new(SET, &members).await;
    let set = workshop.check_identical(&CloneOptions::default()).await;
    let views = set
        .members
        .iter()
        .filter(|member| member.kind == RelationKind::View);
    assert_eq!(views.count(), 3);
    cutover_staging::drop_staging(
        &mut workshop.client,
        &set,
        &cutover_staging::LockPatience::default(),
        &cutover_core::Events::none(),
    )
    .await
    .unwrap();
    let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'staging%'";
    assert_eq!(workshop.database.query_text(left).await.unwrap(), "0");
}

#[tokio::test]
async fn a_view_that_no_materialized_view_reads_is_not_cloned() {
    let mut workshop = Workshop::new(SET, &["sites", "big"]).await;
    let refused = plan(&workshop.snapshot().await).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("is a plain view that no materialized view of the set reads"),
        "{refused}"
    );
}

/// A companion has to be where the set is, and so has every view that it reads the set through.
#[tokio::test]
async fn what_cannot_come_along_is_told() {
    let sql = "CREATE SCHEMA other; CREATE TABLE app.t (id integer);
        CREATE VIEW other.v AS SELECT id FROM app.t;
        CREATE MATERIALIZED VIEW app.through AS SELECT id FROM other.v;
        CREATE MATERIALIZED VIEW app.over_through AS SELECT id FROM app.through;
        CREATE MATERIALIZED VIEW other.m AS SELECT id FROM app.t";
    let mut workshop = Workshop::new(sql, &["t"]).await;
    let snapshot = workshop.snapshot().await;
    assert_eq!(snapshot.companions(), []);
    let told: Vec<String> = snapshot
        .views
        .iter()
        .filter_map(|view| {
            Some(format!(
                "{} {}",
                view.name.name.as_str(),
                snapshot.stays_behind(view)?
            ))
        })
        .collect();
    assert_eq!(
        told,
        [
            "m is in another schema than the set",
            "v is in another schema than the set",
            "through reads the set through \"other\".\"v\", which is in another schema than the set",
            "over_through reads the set through \"app\".\"through\", which reads the set through \"other\".\"v\", which is in \
             another schema than the set",
        ]
    );
    let all = ["t", "through"].map(|name| Ident::new(name).unwrap());
    let snapshot = workshop.read("app", &all).await;
    let early = MatviewPlan::compute(&snapshot, &NamingPolicy::default(), &CloneOptions::default());
    let refused = early.unwrap_err().to_string();
    assert!(
        refused
            .contains("reads the set through view \"other\".\"v\", which is not in the set and reads live"),
        "{refused}"
    );
}
