//! Relations that look like staging or backups and are in no record.

use serde::Serialize;
use tokio_postgres::GenericClient;

use cutover_core::records::Records;
use cutover_core::{Ident, NamingPolicy, ObjectKind, ObjectName, QualifiedName, StatementError};

/// A relation that looks like ours and is not recorded. Never dropped by any plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unmanaged {
    /// The relation.
    pub name: QualifiedName,
    /// Its size with indexes and TOAST, in bytes.
    pub bytes: i64,
}

/// Lists the relations of `schema` whose names look managed to `policy` and that no backup set of any release set
/// holds. The staging relations of a release at work look the same: `known` names what not to list.
///
/// # Errors
/// [`StatementError`] when the catalog or the records cannot be read.
pub async fn unmanaged(
    client: &impl GenericClient,
    schema: &Ident,
    policy: &NamingPolicy,
    records: &Records,
    known: &[QualifiedName],
) -> Result<Vec<Unmanaged>, StatementError> {
    let recorded = records.all_backup_oids(client).await?;
    let rows = client
        .query(
            "SELECT c.relname, pg_catalog.pg_total_relation_size(c.oid) FROM pg_catalog.pg_class c \
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
              WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid <> ALL ($2) \
              ORDER BY c.relname",
            &[&schema.as_str(), &recorded],
        )
        .await
        .map_err(|error| {
            StatementError::new(
                "list the relations of",
                ObjectName::global(ObjectKind::Schema, schema),
                error,
            )
        })?;
    let look_alikes = rows.iter().filter_map(|row| {
        let name = Ident::new(row.get::<_, &str>(0))
            .ok()
            .filter(|name| policy.looks_managed(name))?;
        let name = QualifiedName::new(schema.clone(), name);
        (!known.contains(&name)).then(|| Unmanaged {
            name,
            bytes: row.get(1),
        })
    });
    Ok(look_alikes.collect())
}
