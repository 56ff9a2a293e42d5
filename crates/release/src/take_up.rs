//! What an earlier release has left: taken up, or in the way.

use cutover_core::Phase;
use cutover_core::records::{Records, ReleaseKind, ReleaseRecord};
use tokio_postgres::Client;

use crate::staged::Staged;
use crate::{ReleaseError, ReleaseOptions};

/// For a selection that leaves out building: the record and the staging of the release it goes on with. The
/// caller holds the lock, so a record that says running belongs to a process that is gone.
pub(crate) fn find_staging_to_take_up(
    newest: Option<ReleaseRecord>,
    options: &ReleaseOptions,
) -> Result<Option<(ReleaseRecord, Staged)>, ReleaseError> {
    if options.selection.contains(Phase::RefreshViews) {
        return Ok(None);
    }
    let why = |why: String| ReleaseError::NothingToTakeUp { why };
    let Some(record) = newest else {
        return Err(why("no release was ever run".to_owned()));
    };
    if record.kind == ReleaseKind::Rollback {
        return Err(why(format!("the last one, {}, was a rollback", record.id)));
    }
    let staged = Staged::of(&record)?;
    let after_swap = [Phase::PostSwap, Phase::CleanupAndRetention];
    let only_after_swap = Phase::ALL
        .iter()
        .filter(|phase| !matches!(phase, Phase::AcquireLock | Phase::ReleaseLock))
        .all(|phase| after_swap.contains(phase) || !options.selection.contains(*phase));
    if only_after_swap {
        // What never went live has nothing that could follow its swap, and must not be taken for running again.
        if !record.current {
            return Err(why(format!(
                "release {} of {} ended {} and is not live, so nothing follows its swap",
                record.id, record.label, record.state
            )));
        }
        return Ok(Some((record, staged.unwrap_or_default())));
    }
    match staged {
        Some(staged) => Ok(Some((record, staged))),
        None => Err(why(format!(
            "release {} of {} ended {} and kept none",
            record.id, record.label, record.state
        ))),
    }
}

/// Between the look at what is to be resumed and the lock, others may have been at work.
pub(crate) fn refuse_another_than_meant(
    newest: Option<&ReleaseRecord>,
    options: &ReleaseOptions,
) -> Result<(), ReleaseError> {
    match options.goes_on_with {
        Some(meant) if newest.is_none_or(|newest| newest.id != meant) => Err(ReleaseError::NothingToResume {
            why: format!("release {meant} is no longer the newest: another command was quicker"),
        }),
        _ => Ok(()),
    }
}

/// Staging that waits for its swap is hours of work.
pub(crate) async fn refuse_to_remove_what_is_ready(
    client: &Client,
    records: &Records,
) -> Result<(), ReleaseError> {
    for record in records.with_staging(client).await? {
        if Staged::of(&record)?.is_some_and(|staged| staged.validated) {
            return Err(staging_ready(&record));
        }
    }
    Ok(())
}

/// Whoever starts a release again after its swap was refused its locks would mostly rather take up what is ready. What a
/// dry run left was only to be looked at, and what cannot be taken up any more (there was a rollback since) is of no use.
pub(crate) fn refuse_to_begin_anew(
    newest: Option<&ReleaseRecord>,
    options: &ReleaseOptions,
) -> Result<(), ReleaseError> {
    if options.discard_staging || !options.selection.contains(Phase::RefreshViews) {
        return Ok(());
    }
    match newest {
        Some(record) if Staged::of(record)?.is_some_and(|staged| staged.validated && !staged.dry_run) => {
            Err(staging_ready(record))
        }
        _ => Ok(()),
    }
}

fn staging_ready(record: &ReleaseRecord) -> ReleaseError {
    ReleaseError::StagingReady {
        release: record.id,
        label: record.label.clone(),
    }
}
