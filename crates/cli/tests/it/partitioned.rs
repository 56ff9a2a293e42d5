//! A partitioned table goes live with its partitions, and comes back with them.

use cutover_testkit::{Cluster, TestDatabase};

use crate::command::Workplace;

const RELEASE_FILE: &str = r#"
[release]
name = "parks"
label = "%b%Y"
tables = ["measurements"]
keep_backups = 1

[target]
url = "env:DATABASE_URL"

[[import]]
name = "measurements"
into = "measurements"
query = "SELECT id, year, name FROM upstream"
"#;

const SCHEMA: &str = "
    CREATE TABLE upstream (id bigint, year integer, name text);
    INSERT INTO upstream SELECT n, 2022 + n % 4, 'm ' || n FROM generate_series(1, 40) n;
    CREATE TABLE measurements (
        id bigint NOT NULL, year integer NOT NULL, name text CONSTRAINT named CHECK (name <> ''), PRIMARY KEY (id, year)
    ) PARTITION BY RANGE (year);
    CREATE TABLE measurements_2024 PARTITION OF measurements FOR VALUES FROM (2024) TO (2025);
    CREATE TABLE measurements_rest PARTITION OF measurements DEFAULT PARTITION BY HASH (id);
    CREATE TABLE measurements_rest_0 PARTITION OF measurements_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE measurements_rest_1 PARTITION OF measurements_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE INDEX measurements_name ON measurements (name);
    CREATE INDEX only_2024 ON measurements_2024 (lower(name));
    COMMENT ON TABLE measurements_rest IS 'the rest';
    CREATE VIEW recent AS SELECT * FROM measurements WHERE year >= 2024;
    CREATE TABLE notes (id bigint, year integer, CONSTRAINT notes_of FOREIGN KEY (id, year) REFERENCES measurements);
";

async fn with_database() -> (Workplace, TestDatabase) {
    let database = Cluster::shared().empty_database().await.unwrap();
    database.execute(SCHEMA).await.unwrap();
    let workplace = Workplace::with_file(RELEASE_FILE).at(database.url());
    (workplace, database)
}

fn dump(database: &TestDatabase) -> String {
    let arguments = [
        "-N",
        "cutover",
        "-T",
        "public.bk*",
        "-T",
        "public.staging_*",
        "--schema-only",
    ];
    let text = Cluster::shared().pg_dump(database.name(), &arguments).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn two_months_and_back() {
    let (workplace, database) = with_database().await;
    let before = dump(&database);
    let rows = || {
        database.query_text("SELECT string_agg(n::text, ' ' ORDER BY n) FROM (SELECT count(*) AS n FROM measurements GROUP BY tableoid) p")
    };

    for (label, expected) in [
        ("Sep2025", "10 11 19"),
        ("Oct2025", "9 11 19"),
        ("Nov2025", "9 11 19"),
    ] {
        let released = workplace.run(&["release", label, "--quiet"]);
        assert_eq!(released.status, 0, "{released:#?}");
        assert_eq!(dump(&database), before, "{label}");
        assert_eq!(rows().await.unwrap(), expected, "{label}");
        database
            .execute("INSERT INTO notes SELECT id, year FROM measurements WHERE id = 4; DELETE FROM upstream WHERE id = 2")
            .await
            .unwrap();
    }
    let left = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND (relname LIKE 'bk%' OR relname LIKE 'staging%')";
    assert_eq!(
        database.query_text(left).await.unwrap(),
        "5",
        "one backup set, of five relations"
    );

    let backups = workplace.json(&["backups"]);
    let stamp = backups["backups"][0]["stamp"].as_str().unwrap();
    let back = workplace.run(&["rollback", stamp, "--yes", "--quiet"]);
    assert_eq!(back.status, 0, "{back:#?}");
    assert_eq!(dump(&database), before);
    assert_eq!(
        database
            .query_text("SELECT count(*) FROM recent WHERE id = 4")
            .await
            .unwrap(),
        "0"
    );
    let plan = workplace.run(&["plan"]);
    assert_eq!(plan.status, 0, "{plan:#?}");
}
