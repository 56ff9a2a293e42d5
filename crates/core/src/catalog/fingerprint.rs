//! Digests of catalog rows: whether any DDL came in between.

use tokio_postgres::types::Type;
use tokio_postgres::{GenericClient, Row, Statement};

use crate::{Digest, Ident, ObjectKind, ObjectName, StatementError};

/// Digests the catalog rows that describe these relations and the views and keys that refer to them.
///
/// One query in one round trip, cheap enough to run under the swap's locks: equal digests mean that no DDL touched any
/// of them in between (but for one chance in 2^64: facts are hashed to 64 bits). It covers the relations with their columns, defaults, indexes, constraints, triggers, policies,
/// rules, statistics, owned sequences, comments, security labels, who depends on them or on their row types, on which
/// extensions they depend, which publications take them in, those of all tables or of their schema included, and which subscriptions write to them; and the
/// functions that refer to the relations or their row types and those that refer to such functions, with their comments.
///
/// It does not see: writes, `VACUUM`, `ANALYZE`, `setval`; comments on owned sequences; changes inside
/// what depends on a relation without being a function or one of `oids`.
///
/// # Errors
/// [`StatementError`] when the query fails.
pub async fn read_fingerprint(client: &impl GenericClient, oids: &[u32]) -> Result<Digest, StatementError> {
    let rows = client
        .query_typed(QUERY, &[(&oids, Type::OID_ARRAY), (&true, Type::BOOL)])
        .await
        .map_err(failed)?;
    Ok(digest(&rows))
}

/// The same, but blind to the names of indexes, of the constraints they back, and of extended statistics.
///
/// The swap renames those before it takes its exclusive locks, in the same transaction; this is how it makes sure under
/// the locks that nobody else changed anything meanwhile. Indexes that came or went do show.
///
/// Prepared once and asked several times in a transaction: planning the query takes longer than running it, unless
/// there are hundreds of relations. The transaction should have `plan_cache_mode = force_generic_plan`.
#[derive(Debug)]
pub struct FingerprintWithoutPartNames {
    statement: Statement,
}

impl FingerprintWithoutPartNames {
    /// Lets the server parse the query.
    ///
    /// # Errors
    /// [`StatementError`] when that fails.
    pub async fn prepare(client: &impl GenericClient) -> Result<Self, StatementError> {
        let statement = client
            .prepare_typed(QUERY, &[Type::OID_ARRAY, Type::BOOL])
            .await
            .map_err(failed)?;
        Ok(Self { statement })
    }

    /// Digests what describes these relations now.
    ///
    /// # Errors
    /// [`StatementError`] when the query fails.
    pub async fn read(&self, client: &impl GenericClient, oids: &[u32]) -> Result<Digest, StatementError> {
        let rows = client
            .query(&self.statement, &[&oids, &false])
            .await
            .map_err(failed)?;
        Ok(digest(&rows))
    }
}

const QUERY: &str = include_str!("sql/fingerprint.sql");

fn digest(rows: &[Row]) -> Digest {
    Digest::of(rows.iter().map(|row| row.get::<_, &str>(0).as_bytes()))
}

fn failed(error: tokio_postgres::Error) -> StatementError {
    StatementError::new("read what describes the release set in", catalog(), error)
}

fn catalog() -> ObjectName {
    ObjectName::global(ObjectKind::Schema, &Ident::fitted("pg_catalog".to_owned()))
}
