//! Proof that nothing of staging refers to live, whatever way it might have come about.

use cutover_core::{Ident, ObjectKind, ObjectName, StatementError};
use tokio_postgres::GenericClient;

use crate::StagingError;

/// Refuses when any definition of the staging relations names a live member, its row type or its sequence.
pub(crate) async fn refuse_references_to_live(
    client: &impl GenericClient,
    schema: &Ident,
    staging: &[u32],
    live: &[u32],
) -> Result<(), StagingError> {
    let rows = client
        .query(include_str!("sql/references_to_live.sql"), &[&staging, &live])
        .await
        .map_err(|error| {
            let object = ObjectName::global(ObjectKind::Schema, schema);
            StatementError::new("look for references between staging and live in", object, error)
        })?;
    let references: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if references.is_empty() {
        Ok(())
    } else {
        Err(StagingError::RefersToLive { references })
    }
}
