//! What the statements under the locks will look up, looked up before.

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use cutover_core::{Ident, ObjectKind, ObjectName, StatementError};

/// Has the server load its descriptions of these relations into the session's own cache. To rename a relation it needs
/// them, and putting one together takes about as long as the rename.
///
/// # Locks
/// `ACCESS SHARE` on one relation after the other, given back at once.
pub(crate) async fn read_ahead(
    client: &impl GenericClient,
    schema: &Ident,
    oids: &[u32],
) -> Result<(), StatementError> {
    // Any function that opens a relation would do; this one reads nothing but the catalog. Of a foreign table, and of a view
    // over one, it asks the wrapper.
    let sql = "SELECT pg_catalog.count(pg_catalog.pg_relation_is_updatable(c.oid, false)) \
                 FROM pg_catalog.unnest($1) r (oid) JOIN pg_catalog.pg_class c ON c.oid = r.oid \
                WHERE c.relkind IN ('r', 'p', 'm', 'S')";
    client
        .query_typed(sql, &[(&oids, Type::OID_ARRAY)])
        .await
        .map_err(|error| {
            let object = ObjectName::global(ObjectKind::Schema, schema);
            StatementError::new("read ahead what describes the release set in", object, error)
        })?;
    Ok(())
}
