//! Names and constants of every shape, read back by a server.

use cutover_core::{Ident, Sql};
use cutover_testkit::Cluster;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tokio_postgres::Client;

/// Texts with what makes quoting hard, and any other character; never NUL.
fn text(most: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        2 => prop::sample::select(vec!['"', '\'', '\\', '.', ' ', '\n', '\t', '$', ';', '%', 'E', 'é', '字', '🦎', '\u{feff}']),
        1 => any::<char>().prop_filter("PostgreSQL has no NUL", |c| *c != '\0'),
    ];
    prop::collection::vec(character, 0..=most).prop_map(String::from_iter)
}

/// `count` values of a strategy; the runner's seed is fixed, so a failure comes back.
fn samples<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

async fn client() -> Client {
    Cluster::shared()
        .empty_database()
        .await
        .unwrap()
        .connect()
        .await
        .unwrap()
}

#[tokio::test]
async fn names_come_back_from_the_server_as_they_were() {
    let client = client().await;
    let idents: Vec<Ident> = samples(&text(15), 400)
        .into_iter()
        .filter_map(|name| Ident::new(name).ok())
        .collect();
    assert!(idents.len() > 300, "{}", idents.len());
    for ident in &idents {
        let sql = Sql::text("SELECT 1 AS ").ident(ident);
        let row = client
            .query_one(sql.as_str(), &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        assert_eq!(row.columns()[0].name(), ident.as_str());
        // The server, too, reads our quoting as it reads its own.
        let same: bool = client
            .query_one(
                "SELECT parse_ident($1) = ARRAY[$2] AND parse_ident(quote_ident($2)) = ARRAY[$2]",
                &[&ident.to_string(), &ident.as_str()],
            )
            .await
            .unwrap()
            .get(0);
        assert!(same, "{ident}");
    }
}

#[tokio::test]
async fn a_name_of_63_bytes_is_not_cut() {
    let client = client().await;
    for name in [
        "x".repeat(63),
        "é".repeat(31) + "x",
        "\"".repeat(63),
        "字".repeat(21),
    ] {
        let ident = Ident::new(&name).unwrap();
        client
            .batch_execute(&format!("CREATE TABLE {ident} ()"))
            .await
            .unwrap();
        let found = client
            .query_opt("SELECT FROM pg_class WHERE relname = $1::text", &[&name])
            .await
            .unwrap();
        assert!(found.is_some(), "{ident}");
    }
}

#[tokio::test]
async fn constants_come_back_from_the_server_as_they_were() {
    let client = client().await;
    let mut texts = samples(&text(40), 300);
    texts.extend([
        String::new(),
        "\\".to_owned(),
        "\\'".to_owned(),
        "'; DROP TABLE x; --".to_owned(),
    ]);
    for setting in ["on", "off"] {
        client
            .batch_execute(&format!(
                "SET standard_conforming_strings = {setting}; SET escape_string_warning = on"
            ))
            .await
            .unwrap();
        for text in &texts {
            let sql = Sql::text("SELECT ").literal(text).then("::text");
            let row = client
                .query_one(sql.as_str(), &[])
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            assert_eq!(
                row.get::<_, &str>(0),
                text,
                "standard_conforming_strings = {setting}: {sql}"
            );
        }
    }
}
