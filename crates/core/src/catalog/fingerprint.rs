//! Digests of catalog rows: whether any DDL came in between.

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::{Digest, Ident, ObjectKind, ObjectName, StatementError};

/// Digests the catalog rows that describe these relations and the views and keys that refer to them.
///
/// One query in one round trip, cheap enough to run under the swap's locks: equal digests mean that no DDL touched any
/// of them in between. It covers the relations with their columns, defaults, indexes, constraints, triggers, policies,
/// rules, statistics, owned sequences, comments, security labels, who depends on them or on their row types, on which
/// extensions they depend, and which publications take them in, those of all tables or of their schema included; and the
/// functions that refer to the relations or their row types and those that refer to such functions, with their comments.
///
/// It does not see: writes, `VACUUM`, `ANALYZE`, `setval`; comments on owned sequences; changes inside
/// what depends on a relation without being a function or one of `oids`.
///
/// # Errors
/// [`StatementError`] when the query fails.
pub async fn read_fingerprint(client: &impl GenericClient, oids: &[u32]) -> Result<Digest, StatementError> {
    read(client, oids, true).await
}

/// The same, but blind to the names of indexes and of the constraints they back.
///
/// The swap renames those before it takes its exclusive locks, in the same transaction; this is how it makes sure under
/// the locks that nobody else changed anything meanwhile. Indexes that came or went do show.
///
/// # Errors
/// [`StatementError`] when the query fails.
pub async fn read_fingerprint_without_index_names(
    client: &impl GenericClient,
    oids: &[u32],
) -> Result<Digest, StatementError> {
    read(client, oids, false).await
}

async fn read(
    client: &impl GenericClient,
    oids: &[u32],
    index_names: bool,
) -> Result<Digest, StatementError> {
    let rows = client
        .query_typed(
            include_str!("sql/fingerprint.sql"),
            &[(&oids, Type::OID_ARRAY), (&index_names, Type::BOOL)],
        )
        .await
        .map_err(|error| StatementError::new("read what describes the release set in", catalog(), error))?;
    Ok(Digest::of(
        rows.iter().map(|row| row.get::<_, &str>(0).as_bytes()),
    ))
}

fn catalog() -> ObjectName {
    ObjectName::global(ObjectKind::Schema, &Ident::fitted("pg_catalog".to_owned()))
}
