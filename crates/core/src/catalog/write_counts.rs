//! How much was written to relations, as the server's statistics count it.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use serde::{Deserialize, Serialize};
use tokio_postgres::GenericClient;
use tokio_postgres::types::{ToSql, Type};

use crate::{Ident, ObjectKind, ObjectName, StatementError};

/// Rows inserted, updated and deleted in each relation since its counters began, rolled back ones included
/// (`pg_stat_all_tables`, [28.2]).
///
/// Two readings tell whether anything was written in between, without a trigger on the relation or a scan of it. What they
/// cannot tell:
///
/// * a write of the last seconds: a session reports its counts when its transaction has ended, at most once a second, and
///   from an idle session they may come ten seconds later (before PostgreSQL 15, with its next statement);
/// * anything where `track_counts` is off, and what was counted before a crash or `pg_stat_reset`: the counters start
///   again from zero, which shows as a count that fell, see [`Writes::Unknown`];
/// * `TRUNCATE` and whatever else rewrites a relation: [`read_fingerprint`](super::read_fingerprint) sees that.
///
/// [28.2]: https://www.postgresql.org/docs/15/monitoring-stats.html#MONITORING-PG-STAT-ALL-TABLES-VIEW
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WriteCounts {
    rows: BTreeMap<u32, i64>,
}

/// What was written to a relation between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Writes {
    /// This many rows were inserted, updated or deleted.
    Rows(i64),
    /// The counters were reset in between.
    Unknown,
}

impl WriteCounts {
    /// Reads the counters of these relations as they stand now, also where the transaction has read statistics before.
    ///
    /// # Errors
    /// [`StatementError`] when the statistics cannot be read.
    pub async fn read(client: &impl GenericClient, oids: &[u32]) -> Result<Self, StatementError> {
        let failed = |error| {
            let object = ObjectName::global(ObjectKind::Schema, &Ident::fitted("pg_catalog".to_owned()));
            StatementError::new("read the write counters in", object, error)
        };
        // A transaction keeps the statistics that it read first. Sent together, answered in this order.
        let forget = client.query_typed("SELECT pg_catalog.pg_stat_clear_snapshot()", &[]);
        let of: [(&(dyn ToSql + Sync), Type); 1] = [(&oids, Type::OID_ARRAY)];
        let read = client.query_typed(
            "SELECT t.oid, pg_catalog.pg_stat_get_tuples_inserted(t.oid) + pg_catalog.pg_stat_get_tuples_updated(t.oid) \
                         + pg_catalog.pg_stat_get_tuples_deleted(t.oid) \
               FROM pg_catalog.unnest($1::pg_catalog.oid[]) t (oid)",
            &of,
        );
        let (_, rows) = try_join(forget, read).await.map_err(failed)?;
        Ok(Self {
            rows: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
        })
    }

    /// The relations covered.
    #[must_use]
    pub fn oids(&self) -> Vec<u32> {
        self.rows.keys().copied().collect()
    }

    /// The relations that were written to between this reading and a `later` one, by oid.
    #[must_use]
    pub fn written_until(&self, later: &Self) -> Vec<(u32, Writes)> {
        let now = |oid| later.rows.get(oid).copied().unwrap_or_default();
        self.rows
            .iter()
            .filter_map(|(oid, before)| match now(oid) - before {
                0 => None,
                rows @ 1.. => Some((*oid, Writes::Rows(rows))),
                _ => Some((*oid, Writes::Unknown)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts<const N: usize>(rows: [(u32, i64); N]) -> WriteCounts {
        WriteCounts { rows: rows.into() }
    }

    #[test]
    fn a_count_that_fell_was_reset() {
        let before = counts([(1, 5), (2, 5), (3, 5), (4, 5)]);
        let after = counts([(1, 5), (2, 7), (3, 4), (5, 9)]);
        assert_eq!(
            before.written_until(&after),
            [(2, Writes::Rows(2)), (3, Writes::Unknown), (4, Writes::Unknown)]
        );
    }
}
