//! What a good database administrator would write: the next month in a schema of its own, where unqualified names find it
//! first, and one transaction that moves the old one out and the new one in. It knows this dataset, checks nothing, cannot be
//! taken up, and readers queue behind its switch; what it leaves live is the same.
//!
//! Definitions are the catalog's, and queries those that the live tables of the tests are filled by.

use std::fmt::{self, Write as _};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use cutover_testkit::TestDatabase;
use cutover_testkit::dataset::{
    LIVE_OWNER, LIVE_READER, RELEASE_MATVIEWS, RELEASE_TABLES, RowsFrom, TableRows, live_rows,
};
use tokio_postgres::Client;

use crate::servers::{Servers, members};

/// Its parts in order, each by a psql of its own, so that they can be timed.
pub(crate) struct Script {
    parts: Vec<(&'static str, String)>,
}

impl Script {
    pub(crate) async fn write(servers: &Servers) -> Result<Self> {
        let live = servers.world.live().connect().await?;
        let parts = vec![
            ("materialized views", materialized_views(&live).await?),
            ("rows", rows(servers, &live).await?),
            ("indexes and keys", indexes_and_keys(&live).await?),
            ("vacuum", vacuum()),
            ("switch", switch(&live).await?),
        ];
        Ok(Self { parts })
    }

    /// Blocks; there is nothing else to do. Returns how long each part took.
    pub(crate) fn run(
        &self,
        servers: &Servers,
        database: &TestDatabase,
        toast_compression: &str,
    ) -> Result<Vec<(String, Duration)>> {
        let mut took = Vec::new();
        for (name, sql) in &self.parts {
            let started = Instant::now();
            let file = servers.world.directory().join("script.sql");
            std::fs::write(&file, sql)?;
            let status = Command::new(servers.live.binary("psql"))
                .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
                .args(["--output=/dev/null", "--dbname", &servers.url(database), "--file"])
                .arg(file)
                .env("PGOPTIONS", options(toast_compression))
                .status()
                .context("could not start psql")?;
            ensure!(status.success(), "the script failed at its {name}");
            took.push(((*name).to_owned(), started.elapsed()));
        }
        Ok(took)
    }
}

/// What each session of the script begins with.
fn options(toast_compression: &str) -> String {
    format!(
        "-c search_path=next,public -c client_min_messages=warning -c default_toast_compression={toast_compression}"
    )
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "SET search_path = next, public;")?;
        for (name, sql) in &self.parts {
            write!(f, "\n-- {name}\n{sql}")?;
        }
        Ok(())
    }
}

/// The statements that a query of the catalog makes for `relation`, a line each.
async fn statements(live: &Client, sql: &str, relation: &str) -> Result<String> {
    let rows = live
        .query(sql, &[&relation])
        .await
        .with_context(|| format!("could not read the definitions of {relation}"))?;
    let mut text = String::new();
    for row in rows {
        writeln!(text, "{};", row.get::<_, &str>(0).trim_end_matches(';'))?;
    }
    Ok(text)
}

/// Deparsed with `public` on the search path, so what is on it prints without a schema.
const INDEXES: &str = "SELECT pg_get_indexdef(i.indexrelid, 0, true) FROM pg_index i \
     WHERE i.indrelid = $1::text::regclass \
       AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.conrelid = i.indrelid) ORDER BY i.indexrelid";
const CONSTRAINTS: &str = "SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s', $1::text, conname, pg_get_constraintdef(oid, true)) \
     FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u') ORDER BY oid";
const FOREIGN_KEYS: &str = "SELECT format('ALTER TABLE %I ADD CONSTRAINT %I %s', $1::text, conname, pg_get_constraintdef(oid, true)) \
     FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'f' ORDER BY oid";
const TRIGGERS: &str = "SELECT pg_get_triggerdef(oid, true) FROM pg_trigger \
     WHERE tgrelid = $1::text::regclass AND NOT tgisinternal ORDER BY oid";
const VIEW: &str = "SELECT pg_get_viewdef($1::text::regclass)";
const SEQUENCE: &str = "SELECT pg_get_serial_sequence($1::text, 'id') FROM pg_attribute \
     WHERE attrelid = $1::text::regclass AND attname = 'id'";
/// Those that follow the set, in the order in which they were made.
const VIEWS: &str =
    "SELECT relname::text FROM pg_class WHERE relkind = 'v' AND relowner = $1::text::regrole ORDER BY oid";

async fn materialized_views(live: &Client) -> Result<String> {
    let mut sql = "CREATE SCHEMA IF NOT EXISTS next;\nCREATE SCHEMA IF NOT EXISTS previous;\n".to_owned();
    for view in RELEASE_MATVIEWS {
        let query = statements(live, VIEW, view).await?;
        write!(sql, "CREATE MATERIALIZED VIEW next.{view} AS\n{query}")?;
        sql.push_str(&statements(live, INDEXES, view).await?);
        writeln!(sql, "ANALYZE {view};")?;
    }
    Ok(sql)
}

async fn rows(servers: &Servers, live: &Client) -> Result<String> {
    let mut sql = String::new();
    for table in RELEASE_TABLES {
        writeln!(
            sql,
            "CREATE TABLE next.{table} (LIKE public.{table} INCLUDING ALL EXCLUDING INDEXES);"
        )?;
        if let Some(sequence) = sequence_of(live, table).await? {
            // Ids count from 1 in every month, as the release file asks for. Nobody else draws any.
            writeln!(sql, "ALTER SEQUENCE {sequence} RESTART;")?;
        }
    }
    for rows in live_rows()? {
        let context = || format!("the script cannot fill {}", rows.name);
        sql.push_str(&load(servers, live, &rows).await.with_context(context)?);
    }
    Ok(sql)
}

async fn sequence_of(live: &Client, table: &str) -> Result<Option<String>> {
    let found = live.query_opt(SEQUENCE, &[&table]).await?;
    Ok(found.and_then(|row| row.get(0)))
}

async fn load(servers: &Servers, live: &Client, rows: &TableRows) -> Result<String> {
    let table = &rows.name;
    let query = match &rows.from {
        RowsFrom::Query(query) => query.trim(),
        RowsFrom::Csv(file) => {
            let month = servers.world.spec().month_label();
            return copy_csv(
                servers,
                table,
                &format!("data/{}", file.replace("{month}", &month)),
            );
        }
        _ => bail!("they come from where the script does not know"),
    };
    let described = live.prepare(query).await?;
    let columns = described.columns().iter().map(tokio_postgres::Column::name);
    let columns = columns.collect::<Vec<_>>().join(", ");
    Ok(format!(
        "INSERT INTO next.{table} ({columns})\n{query};\nANALYZE {table};\n"
    ))
}

/// A cell with a hyphen is an empty one. Headings are columns.
fn copy_csv(servers: &Servers, into: &str, path: &str) -> Result<String> {
    let path = servers.world.directory().join(path);
    let text = std::fs::read_to_string(&path)?;
    let columns = text.lines().next().context("the CSV file is empty")?;
    Ok(format!(
        "\\copy next.{into} ({columns}) FROM PROGRAM 'sed -e :a -e ''s/,-,/,,/;ta'' -e ''s/,-$/,/'' {}' WITH (FORMAT csv, HEADER)\n\
         ANALYZE {into};\n",
        path.display()
    ))
}

async fn indexes_and_keys(live: &Client) -> Result<String> {
    let mut sql = String::new();
    for of in [CONSTRAINTS, INDEXES, FOREIGN_KEYS, TRIGGERS] {
        for table in RELEASE_TABLES {
            sql.push_str(&statements(live, of, table).await?);
        }
    }
    writeln!(sql, "GRANT SELECT ON ALL TABLES IN SCHEMA next TO {LIVE_READER};")?;
    Ok(sql)
}

fn vacuum() -> String {
    format!("VACUUM ANALYZE {};\n", members().collect::<Vec<_>>().join(", "))
}

/// A sequence that belongs to a table would move out with it.
async fn switch(live: &Client) -> Result<String> {
    let (mut free, mut own) = (String::new(), String::new());
    for table in RELEASE_TABLES {
        if let Some(sequence) = sequence_of(live, table).await? {
            writeln!(free, "ALTER SEQUENCE {sequence} OWNED BY NONE;")?;
            writeln!(own, "ALTER SEQUENCE {sequence} OWNED BY public.{table}.id;")?;
        }
    }
    let mut moves = String::new();
    for (from, to) in [("public", "previous"), ("next", "public")] {
        for view in RELEASE_MATVIEWS {
            writeln!(moves, "ALTER MATERIALIZED VIEW {from}.{view} SET SCHEMA {to};")?;
        }
        for table in RELEASE_TABLES {
            writeln!(moves, "ALTER TABLE {from}.{table} SET SCHEMA {to};")?;
        }
    }
    let mut views = String::new();
    for row in live.query(VIEWS, &[&LIVE_OWNER]).await? {
        let view: &str = row.get(0);
        let query = statements(live, VIEW, view).await?;
        write!(views, "CREATE OR REPLACE VIEW public.{view} AS\n{query}")?;
    }
    Ok(format!("BEGIN;\n{free}{moves}{own}{views}COMMIT;\n"))
}
