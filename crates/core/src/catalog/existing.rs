//! Which names relations bear.

use tokio_postgres::GenericClient;

use crate::{ObjectKind, ObjectName, QualifiedName, StatementError};

/// Those of `names` that a relation of whatever kind bears, in the order given. Asks nothing where there are none.
///
/// # Errors
/// [`StatementError`] when the catalog cannot be read.
pub async fn existing(
    client: &impl GenericClient,
    names: &[QualifiedName],
) -> Result<Vec<QualifiedName>, StatementError> {
    let Some(first) = names.first() else {
        return Ok(Vec::new());
    };
    let schemas: Vec<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    let bare: Vec<&str> = names.iter().map(|name| name.name.as_str()).collect();
    let rows = client
        .query(include_str!("sql/existing.sql"), &[&schemas, &bare])
        .await
        .map_err(|error| {
            let schema = ObjectName::global(ObjectKind::Schema, &first.schema);
            StatementError::new("look which relations there are in", schema, error)
        })?;
    let borne = names.iter().zip(&rows).filter(|(_, row)| row.get(0));
    Ok(borne.map(|(name, _)| name.clone()).collect())
}
