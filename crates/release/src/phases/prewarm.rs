//! Loading staging into shared buffers before the swap (`[swap] prewarm`), so that the first readers of what goes live do not
//! wait for the disk.

use std::fmt;

use cutover_core::{Ident, ObjectKind, ObjectName, Sql, StatementError};
use cutover_staging::StagedSet;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::import::mega;
use crate::ReleaseError;
use crate::gate::extension_schema;
use crate::release::with_causes;
use crate::run::Run;

/// What is to be loaded, in order.
const STORAGE: &str = include_str!("sql/prewarm.sql");

/// How many blocks may be loaded, and how many bytes one has. A quarter of shared buffers, because live is still read from
/// the rest. The setting is counted in blocks.
const BUDGET: &str = "SELECT setting::bigint / 4, pg_catalog.current_setting('block_size')::bigint \
                        FROM pg_catalog.pg_settings WHERE name = 'shared_buffers'";

/// How much of staging was loaded, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Prewarmed {
    loaded: u64,
    stored: u64,
}

impl fmt::Display for Prewarmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.loaded {
            0 => f.write_str("nothing prewarmed"),
            loaded => write!(f, "{:.2} of {:.2} MB prewarmed", mega(loaded), mega(self.stored)),
        }
    }
}

impl Run<'_> {
    /// Loads staging's indexes, heaps and TOAST, in this order and the smallest first, until a quarter of shared buffers is
    /// filled; of the last one that fits in part, the beginning. Returns what the phase tells of it, `None` where nobody asked.
    ///
    /// Whatever fails is warned of, and the release goes on; only when a statement is cancelled, this fails with it. Each
    /// relation is a statement of its own.
    ///
    /// Locks: `ACCESS SHARE` on one staging relation after the other.
    pub(super) async fn prewarm(&self) -> Result<Option<String>, ReleaseError> {
        let Some(set) = self.staged.whole().filter(|_| self.cutover.file.swap().prewarm) else {
            return Ok(None);
        };
        let mut prewarmed = Prewarmed::default();
        match self.load(&set, &mut prewarmed).await {
            Ok(()) => {}
            Err(error) if is_cancelled(&error) => return Err(error),
            Err(error) => self.warn(format!(
                "the release goes on, but staging is not prewarmed as [swap] prewarm asks (the release's role needs EXECUTE on the \
                 function pg_prewarm and USAGE on its schema): {}",
                with_causes(&error)
            )),
        }
        Ok(Some(prewarmed.to_string()))
    }

    async fn load(&self, set: &StagedSet, prewarmed: &mut Prewarmed) -> Result<(), ReleaseError> {
        let client = self.client().await?;
        let Some(schema) = extension_schema(&client, "pg_prewarm").await? else {
            self.warn(
                "[swap] prewarm needs the extension pg_prewarm, which is not installed in the target database, so nothing is \
                 loaded before the swap: run CREATE EXTENSION pg_prewarm there (the release's role needs EXECUTE on the \
                 function pg_prewarm)"
                    .to_owned(),
            );
            return Ok(());
        };
        // Reading takes what the disk takes. The pool's sessions end before the swap, and the setting with them.
        let unlimited = client.batch_execute("SET statement_timeout = 0").await;
        unlimited.map_err(|error| self.not_loaded(error))?;
        let (budget, block) = read_budget(&client)
            .await
            .map_err(|error| self.not_loaded(error))?;
        let oids: Vec<u32> = set.members.iter().map(|member| member.oid).collect();
        let storage = client
            .query_typed(STORAGE, &[(&oids, Type::OID_ARRAY)])
            .await
            .map_err(|error| self.not_loaded(error))?;
        let storage: Vec<(u32, i64)> = storage.iter().map(|row| (row.get(0), row.get(1))).collect();
        let bytes = |blocks: i64| u64::try_from(blocks.saturating_mul(block)).unwrap_or(0);
        prewarmed.stored = storage.iter().map(|(_, blocks)| bytes(*blocks)).sum();
        let mut left = budget;
        for (relation, blocks) in storage {
            let blocks = blocks.min(left);
            if blocks == 0 {
                break;
            }
            load_first_blocks(&client, &schema, relation, blocks)
                .await
                .map_err(|error| self.not_loaded(error))?;
            left -= blocks;
            prewarmed.loaded += bytes(blocks);
        }
        Ok(())
    }

    fn not_loaded(&self, error: tokio_postgres::Error) -> StatementError {
        let schema = ObjectName::global(ObjectKind::Schema, self.cutover.schema());
        StatementError::new("load into shared buffers the staging relations of", schema, error)
    }
}

async fn read_budget(client: &Client) -> Result<(i64, i64), tokio_postgres::Error> {
    let row = client.query_one(BUDGET, &[]).await?;
    Ok((row.get(0), row.get(1)))
}

async fn load_first_blocks(
    client: &Client,
    schema: &Ident,
    relation: u32,
    blocks: i64,
) -> Result<(), tokio_postgres::Error> {
    let sql = Sql::text("SELECT ")
        .ident(schema)
        .then(".pg_prewarm($1::pg_catalog.regclass, 'buffer', 'main', 0, $2)");
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&relation, Type::OID), (&(blocks - 1), Type::INT8)];
    client.query_typed(sql.as_str(), &parameters).await.map(drop)
}

/// There is no `statement_timeout`, so somebody did it.
fn is_cancelled(error: &ReleaseError) -> bool {
    matches!(error, ReleaseError::Statement(failed) if failed.sqlstate() == Some(&SqlState::QUERY_CANCELED))
}
