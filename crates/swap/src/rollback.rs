//! Rollback: a swap whose incoming relations are those of a backup set.

use jiff::Timestamp;
use tokio_postgres::Client;

use cutover_core::catalog::{CatalogError, CatalogSnapshot, existing};
use cutover_core::records::{BackupObject, Records};
use cutover_core::{Ident, NamingPolicy, ObjectKind, QualifiedName, Stamp, StatementError};

use crate::pairing::Pair;
use crate::plan::{PlanOptions, SwapPlan};
use crate::reading;
use crate::refused::SwapRefused;
use crate::retention::newest_first;

/// A rollback that cannot be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// No backup set bears this stamp.
    #[error("there is no backup set {stamp}; {}", known(.available))]
    UnknownStamp {
        /// The stamp asked for.
        stamp: Stamp,
        /// Those that exist, newest first.
        available: Vec<Stamp>,
    },
    /// The backup set does not hold everything that is live now: the rest would stay as it is, a mix of releases.
    #[error("backup set {stamp} does not hold {}, which went live since", list(.missing))]
    SetChanged {
        /// The stamp asked for.
        stamp: Stamp,
        /// What is live and was not part of the release then.
        missing: Vec<QualifiedName>,
    },
    /// A relation whose place the backup set's is to take is not live any more.
    #[error("live has no {} any more, which backup set {stamp} holds", gone.iter().map(Ident::as_str).collect::<Vec<_>>().join(", "))]
    LiveGone {
        /// The stamp asked for.
        stamp: Stamp,
        /// What was dropped or renamed.
        gone: Vec<Ident>,
    },
    /// The backup set's relations are not in one schema, or were not while they were live.
    #[error("backup set {stamp} is not in one schema")]
    SeveralSchemas {
        /// The stamp asked for.
        stamp: Stamp,
    },
    /// The relations of the backup set, or what depends on them, stand against it.
    #[error(transparent)]
    Refused(#[from] SwapRefused),
    /// The catalog could not be read, or lacks a recorded relation.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The records could not be read.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

fn known(stamps: &[Stamp]) -> String {
    if stamps.is_empty() {
        return "there are none".to_owned();
    }
    let stamps: Vec<&str> = stamps.iter().map(Stamp::as_str).collect();
    format!("there are {}", stamps.join(", "))
}

fn list(names: &[QualifiedName]) -> String {
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

impl RollbackError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownStamp { .. } => "choose one of the stamps that `cutover backups` lists",
            Self::SetChanged { .. } => {
                "publish a release without these relations, or choose a newer backup set"
            }
            Self::LiveGone { .. } => {
                "create it again under its name and of its kind (any query will do: the backup set's own takes its place), then \
                 roll back"
            }
            Self::SeveralSchemas { .. } => "report this with the output of `cutover backups --json`",
            Self::Refused(_) => "see each reason's own remedy",
            Self::Catalog(_) => {
                "a relation of the backup set was dropped or renamed by hand: choose another set"
            }
            Self::Statement(error) => error.remedy(),
        }
    }
}

/// Plans putting backup set `stamp` live again. What is live now becomes a backup set of its own, so that the rollback
/// can be undone by another.
///
/// Structure may have changed since: indexes, sequences and statistics without a partner come and go. Sequences come
/// back with the values they had. Relations are found by the names recorded with them and must still have the recorded
/// oids. Reads only.
///
/// # Errors
/// [`RollbackError::UnknownStamp`] with the stamps there are; [`RollbackError::SetChanged`] when the set would restore
/// only part of what is live.
///
/// Rows outside that refer to keys which the backup set does not hold are found by [`SwapPlan::prechecks`]; writes to
/// live since it went live by [`SwapPlan::refuse_writes_since`], given [`Records::writes_when_live`].
pub async fn rollback_plan(
    client: &mut Client,
    records: &Records,
    stamp: &Stamp,
    policy: &NamingPolicy,
) -> Result<SwapPlan, RollbackError> {
    let tx = reading::begin(client, records, "plan the rollback of").await?;
    let sets = newest_first(records.backup_sets(&tx).await?);
    let stamps: Vec<Stamp> = sets.into_iter().map(|set| set.stamp).collect();
    if !stamps.contains(stamp) {
        return Err(RollbackError::UnknownStamp {
            stamp: stamp.clone(),
            available: stamps,
        });
    }
    let objects = records.backup_objects(&tx, stamp).await?;
    if let Some(newest) = stamps.first() {
        let missing = missing(&records.backup_objects(&tx, newest).await?, &objects);
        // One that was dropped since is not live: it can be no part of a mix.
        let missing = existing(&tx, &missing).await?;
        if !missing.is_empty() {
            return Err(RollbackError::SetChanged {
                stamp: stamp.clone(),
                missing,
            });
        }
    }
    let (schema, backups) = schemas(&objects, stamp)?;
    let members = || objects.iter().filter(|object| object.of_relation.is_none());
    let live_names: Vec<Ident> = members().map(|object| object.live.name.clone()).collect();
    let backup_names: Vec<Ident> = members().map(|object| object.backup.name.clone()).collect();
    let live = match CatalogSnapshot::read(&tx, &schema, &live_names).await {
        Err(CatalogError::Missing { missing, .. }) => {
            return Err(RollbackError::LiveGone {
                stamp: stamp.clone(),
                gone: missing,
            });
        }
        read => read?.with_schemas(&tx, policy).await?,
    };
    let incoming = CatalogSnapshot::read_beside(&tx, &schema, &backups, &backup_names).await?;
    if let Some(strange) = impostors(&incoming, &objects) {
        return Err(CatalogError::Missing {
            schema: backups,
            missing: strange,
        }
        .into());
    }
    let any = [
        ObjectKind::Index,
        ObjectKind::Sequence,
        ObjectKind::ExtendedStatistics,
    ]
    .into_iter()
    .fold(PlanOptions::default(), PlanOptions::allow_unpaired);
    let pairing = Pair::from_backup(&objects);
    let new_stamp = Stamp::first_free(Timestamp::now(), &stamps);
    let plan = SwapPlan::compute(&live, &incoming, &pairing, &new_stamp, policy, &any)?;
    Ok(plan.restoring(stamp))
}

/// Members of the last swap that the set asked for does not hold.
fn missing(last_swapped: &[BackupObject], restored: &[BackupObject]) -> Vec<QualifiedName> {
    last_swapped
        .iter()
        .filter(|object| object.of_relation.is_none())
        .filter(|object| {
            !restored
                .iter()
                .any(|r| r.of_relation.is_none() && r.live == object.live)
        })
        .map(|object| object.live.clone())
        .collect()
}

/// The schema of live, and the one of the backup set.
fn schemas(objects: &[BackupObject], stamp: &Stamp) -> Result<(Ident, Ident), RollbackError> {
    // Extended statistics may be in others than their table, and go where they come from.
    let mut members = objects.iter().filter(|object| object.of_relation.is_none());
    let schemas = |object: &BackupObject| (object.live.schema.clone(), object.backup.schema.clone());
    let several = || RollbackError::SeveralSchemas { stamp: stamp.clone() };
    let first = schemas(members.next().ok_or_else(several)?);
    if members.all(|object| schemas(object) == first) {
        Ok(first)
    } else {
        Err(several())
    }
}

/// Recorded names that other relations bear now.
fn impostors(incoming: &CatalogSnapshot, objects: &[BackupObject]) -> Option<Vec<Ident>> {
    let strange: Vec<Ident> = incoming
        .relations
        .iter()
        .filter(|relation| {
            !objects
                .iter()
                .any(|object| object.oid == relation.oid && object.backup == relation.name)
        })
        .map(|relation| relation.name.name.clone())
        .collect();
    (!strange.is_empty()).then_some(strange)
}
