//! Foreign servers: whether they answer, how fast, in what portions, and what is installed there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cutover_core::{DatabaseError, Ident, Session, Sql};
use tokio_postgres::Transaction;

use super::{Concern, Findings};
use crate::run::session_error;
use crate::{Cutover, ReleaseError};

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// Fewer rows a portion than that, and a large table takes many round trips.
const FEW: i64 = 1000;

impl Cutover {
    /// Asks each `postgres_fdw` server that foreign tables of this database stand for, through foreign tables in the temporary
    /// schema that are taken back. One that does not answer is an error where a source that the release file names reads
    /// it; what queries of the file read is not known, so another is a warning.
    pub(super) async fn check_foreign_servers(
        &self,
        session: &mut Session,
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let failed = |error| session_error("look for foreign servers in", error);
        let sources = self.relations_read();
        let schemas: Vec<&str> = sources.iter().map(|source| source.schema.as_str()).collect();
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        let rows = session
            .query(include_str!("sql/foreign_servers.sql"), &[&schemas, &names])
            .await
            .map_err(failed)?;
        let here = session
            .query(
                "SELECT extname::text, extversion FROM pg_catalog.pg_extension ORDER BY 1",
                &[],
            )
            .await
            .map_err(failed)?;
        let here: BTreeMap<String, String> = here.iter().map(|row| (row.get(0), row.get(1))).collect();
        for row in rows {
            let Ok(server) = Ident::new(row.get::<_, &str>(0)) else {
                continue;
            };
            let (fetch_size, is_read): (i64, bool) = (row.get(1), row.get(2));
            let tx = session.transaction().await.map_err(failed)?;
            let asked = ask(&tx, &server).await;
            tx.rollback().await.map_err(failed)?;
            match asked {
                Ok(answer) => tell(&server, fetch_size, &answer, &here, findings),
                Err(error) => {
                    let error = DatabaseError::from(error);
                    let what = format!("{server} does not answer this role: {error}");
                    let remedy = "check its options, the role's user mapping and USAGE on it, and the network between the servers";
                    if is_read {
                        findings.error(Concern::ForeignServer, what, remedy);
                    } else {
                        findings.warning(Concern::ForeignServer, what, remedy);
                    }
                }
            }
        }
        Ok(())
    }
}

/// What a foreign server says of itself.
struct Answer {
    version: String,
    extensions: BTreeMap<String, String>,
    first: Duration,
    again: Duration,
}

async fn ask(tx: &Transaction<'_>, server: &Ident) -> Result<Answer, tokio_postgres::Error> {
    let patience = Sql::text("SET LOCAL statement_timeout = ")
        .number(i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX));
    tx.batch_execute(patience.as_str()).await?;
    let tables =
        Sql::text("CREATE FOREIGN TABLE pg_temp.cutover_extensions (extname text, extversion text) SERVER ")
            .ident(server)
            .then(" OPTIONS (schema_name 'pg_catalog', table_name 'pg_extension');\n")
            .then("CREATE FOREIGN TABLE pg_temp.cutover_settings (name text, setting text) SERVER ")
            .ident(server)
            .then(" OPTIONS (schema_name 'pg_catalog', table_name 'pg_settings')");
    tx.batch_execute(tables.as_str()).await?;
    let began = Instant::now();
    let rows = tx
        .query("SELECT extname, extversion FROM pg_temp.cutover_extensions", &[])
        .await?;
    let first = began.elapsed();
    let extensions = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let began = Instant::now();
    let row = tx
        .query_one(
            "SELECT setting FROM pg_temp.cutover_settings WHERE name = 'server_version'",
            &[],
        )
        .await?;
    Ok(Answer {
        version: row.get(0),
        extensions,
        first,
        again: began.elapsed(),
    })
}

fn tell(
    server: &Ident,
    fetch_size: i64,
    answer: &Answer,
    here: &BTreeMap<String, String>,
    findings: &mut Findings,
) {
    let concern = Concern::ForeignServer;
    findings.ok(
        concern,
        format!(
            "{server}: PostgreSQL {}, connected in {} ms, a query takes {} ms, fetch_size {fetch_size}",
            answer.version,
            answer.first.as_millis(),
            answer.again.as_millis()
        ),
    );
    if fetch_size < FEW {
        findings.warning(
            concern,
            format!("{server} sends {fetch_size} rows at a time, each after a round trip"),
            "ALTER SERVER … OPTIONS (SET fetch_size '10000'), or ADD where it has none",
        );
    }
    for (name, there) in &answer.extensions {
        match here.get(name) {
            Some(version) if version != there => findings.warning(
                concern,
                format!("{server} has extension {name} {there}, this database {version}"),
                "upgrade the older one, unless its notes say that values and functions are the same",
            ),
            _ => {}
        }
    }
}
