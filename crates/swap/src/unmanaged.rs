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

/// Lists the relations of `schemas` whose names look managed to `policy` and that no backup set of any release set
/// holds. The staging relations of a release at work look the same: `known` names what not to list.
///
/// # Errors
/// [`StatementError`] when the catalog or the records cannot be read.
pub async fn unmanaged(
    client: &impl GenericClient,
    schemas: &[&Ident],
    policy: &NamingPolicy,
    records: &Records,
    known: &[QualifiedName],
) -> Result<Vec<Unmanaged>, StatementError> {
    let recorded = records.all_backup_oids(client).await?;
    let names: Vec<&str> = schemas.iter().map(|schema| schema.as_str()).collect();
    let rows = client
        .query(
            "SELECT n.nspname, c.relname, pg_catalog.pg_total_relation_size(c.oid) FROM pg_catalog.pg_class c \
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
              WHERE n.nspname = ANY ($1::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid <> ALL ($2) \
              ORDER BY pg_catalog.array_position($1::pg_catalog.text[], n.nspname::pg_catalog.text), c.relname",
            &[&names, &recorded],
        )
        .await
        .map_err(|error| {
            let object = ObjectName::global(ObjectKind::Release, records.release_set());
            StatementError::new("list the relations that look like staging or backups of", object, error)
        })?;
    let look_alikes = rows.iter().filter_map(|row| {
        // The server's own names: they are none only when they are longer than this server's can be.
        let ident = |column: usize| Ident::new(row.get::<_, &str>(column)).ok();
        let name = ident(1).filter(|name| policy.looks_managed(name))?;
        let name = QualifiedName::new(ident(0)?, name);
        (!known.contains(&name)).then(|| Unmanaged {
            name,
            bytes: row.get(2),
        })
    });
    Ok(look_alikes.collect())
}
