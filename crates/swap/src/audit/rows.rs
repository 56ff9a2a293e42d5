//! The rows of a relation, counted and summed up.

use tokio_postgres::{Client, Transaction};

use cutover_core::{ObjectName, QualifiedName, Sql, StatementError};

/// How many rows a relation has, and the sum of their hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RowSum {
    /// Its rows.
    pub rows: u64,
    /// The same whatever their order, and another when a row is there twice: a whole number. It compares states of one server,
    /// as hashes may change between major versions. An audit with checksums has the same.
    pub checksum: String,
}

/// Counts the rows of a relation and sums up their hashes, in a transaction of its own. Reads and prints every value.
///
/// # Locks
/// `ACCESS SHARE` on the relation meanwhile.
///
/// # Cancel safety
/// Reads only.
///
/// # Errors
/// [`StatementError`] when the relation may not be read, row-level security that would hide rows included.
pub async fn sum_rows(
    client: &mut Client,
    relation: &QualifiedName,
    object: ObjectName,
) -> Result<RowSum, StatementError> {
    let failed = |error| StatementError::new("sum up the rows of", object.clone(), error);
    let tx = client.transaction().await.map_err(failed)?;
    print_alike(&tx).await.map_err(failed)?;
    tx.batch_execute("SET LOCAL row_security = off")
        .await
        .map_err(failed)?;
    let (rows, checksum) = count(&tx, relation, object.clone(), true).await?;
    tx.commit().await.map_err(failed)?;
    Ok(RowSum {
        rows,
        // There is one, as it was asked for.
        checksum: checksum.unwrap_or_default(),
    })
}

/// Has values printed always in the same way until the transaction ends.
pub(super) async fn print_alike(tx: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    tx.batch_execute(
        "SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = postgres; SET LOCAL TimeZone = 'UTC'; \
         SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = hex; SET LOCAL xmloption = content; \
         SET LOCAL lc_monetary = 'C'",
    )
    .await
}

/// The rows of a relation and, where asked for, the sum of their hashes.
pub(super) async fn count(
    tx: &Transaction<'_>,
    relation: &QualifiedName,
    object: ObjectName,
    checksum: bool,
) -> Result<(u64, Option<String>), StatementError> {
    let sql = Sql::text("SELECT pg_catalog.count(*), ")
        .then(if checksum {
            "coalesce(pg_catalog.sum(pg_catalog.hashtextextended((t.*)::pg_catalog.text, 0)::pg_catalog.numeric), 0)::pg_catalog.text"
        } else {
            "NULL::pg_catalog.text"
        })
        .then(" FROM ")
        .name(relation)
        .then(" t");
    let row = tx
        .query_one(sql.as_str(), &[])
        .await
        .map_err(|error| StatementError::new("count the rows of", object, error))?;
    Ok((u64::try_from(row.get::<_, i64>(0)).unwrap_or(0), row.get(1)))
}
