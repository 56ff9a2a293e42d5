//! What bears a name that staging is to get: an earlier staging, mostly.

use cutover_core::{Ident, ObjectKind, ObjectName, StatementError};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::StagingError;
use crate::staged::PlannedMember;

/// Refuses when anything has one of the names that the twins and their parts will bear, now or after the load, or that of
/// the scratch schema. In the schema of `live`, too: before they take the live names, the swap moves them there.
pub(crate) async fn refuse_what_is_in_the_way(
    client: &impl GenericClient,
    live: &Ident,
    staging: &Ident,
    members: &[PlannedMember],
    scratch: &Ident,
) -> Result<(), StagingError> {
    let parts = members.iter().flat_map(|member| &member.parts);
    let (statistics, relations): (Vec<_>, Vec<_>) =
        parts.partition(|part| part.kind == ObjectKind::ExtendedStatistics);
    let statistics: Vec<&str> = statistics.iter().map(|part| part.staging.name.as_str()).collect();
    let relations: Vec<&str> = members
        .iter()
        .map(|member| &member.staging)
        .chain(relations.iter().map(|part| &part.staging))
        .map(|name| name.name.as_str())
        .collect();
    let rows = client
        .query_typed(
            include_str!("sql/in_the_way.sql"),
            &[
                (&vec![live.as_str(), staging.as_str()], Type::TEXT_ARRAY),
                (&relations, Type::TEXT_ARRAY),
                (&statistics, Type::TEXT_ARRAY),
                (&scratch.as_str(), Type::TEXT),
            ],
        )
        .await
        .map_err(|error| {
            let object = ObjectName::global(ObjectKind::Schema, staging);
            StatementError::new("look for what is in the way of staging in", object, error)
        })?;
    let objects: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if objects.is_empty() {
        Ok(())
    } else {
        Err(StagingError::InTheWay { objects })
    }
}
