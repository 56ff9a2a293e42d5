//! Saying go to a release that holds before its swap, and telling that one does.

use std::time::Duration;

use cutover_core::QualifiedName;
use cutover_core::records::{Hold, Records};
use cutover_core::{LockHolder, Session};
use jiff::Timestamp;
use serde::Serialize;

use crate::hold::{locks_of, size_of};
use crate::status::activity;
use crate::{Activity, Cutover, ReleaseError};

/// That a release was told to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GoReport {
    /// Its record.
    pub release: i64,
    /// Its label.
    pub label: String,
    /// Since when it held, and who said go first.
    #[serde(flatten)]
    pub hold: Hold,
}

/// A release that holds before its swap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Holding {
    /// What it waits for.
    #[serde(flatten)]
    pub hold: Hold,
    /// What its staging takes on disk, in bytes.
    pub staging_bytes: u64,
    /// What its session holds beside the release lock, as `pg_locks` counts it: 0, and so neither a transaction nor a
    /// snapshot, but for the moment in which it looks whether it may go on.
    pub other_locks: u32,
}

/// How often a session that holds something is looked at again: it may just have been at work for a moment.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl Cutover {
    /// Lets a release that holds before its swap go live, from any machine. It goes on within a second, but not before
    /// the moment it was given with [`ReleaseOptions::not_before`](crate::ReleaseOptions::not_before).
    ///
    /// # Locks
    /// None but for the row of the records that it writes.
    ///
    /// # Errors
    /// [`ReleaseError::NothingHolds`] when no release waits for a go.
    pub async fn go(&self) -> Result<GoReport, ReleaseError> {
        let session = self.target.connect("go").await?;
        let said = self.say_go(&session).await;
        session.close().await;
        said
    }

    async fn say_go(&self, session: &Session) -> Result<GoReport, ReleaseError> {
        let nothing = |why: String| Err(ReleaseError::NothingHolds { why });
        let records = self.records()?;
        if Records::version(&**session).await?.is_none() {
            return nothing("no release was ever run here".to_owned());
        }
        let holder = self.lock()?.holder(&**session).await?;
        let latest = records.latest(&**session, 1).await?;
        let (Activity::Running { release, .. }, Some(record)) = (activity(holder, &latest), latest.first())
        else {
            return nothing("no release is under way".to_owned());
        };
        let label = record.label.clone();
        let Some(hold) = records.hold(&**session, release).await? else {
            let phase = record.phase.map_or("starting", |phase| phase.as_str());
            return nothing(format!(
                "release {release} of {label} is under way ({phase}) and does not hold"
            ));
        };
        match records.say_go(&**session, release, &self.host).await? {
            Some(hold) => Ok(GoReport { release, label, hold }),
            None => nothing(match hold.not_before {
                Some(moment) if !hold.waits_for_go => {
                    format!("release {release} of {label} waits for {moment}, and for nobody's go")
                }
                _ => format!("release {release} of {label} has just stopped holding"),
            }),
        }
    }

    /// What a running release waits for, if it holds.
    pub(crate) async fn read_hold(
        &self,
        session: &Session,
        records: &Records,
        release: i64,
        holder: &LockHolder,
        staging: &[QualifiedName],
    ) -> Result<Option<Holding>, ReleaseError> {
        let Some(hold) = records.hold(&**session, release).await? else {
            return Ok(None);
        };
        let mut other_locks = locks_of(session, holder.pid).await?;
        for _ in 1..LOOKS {
            if other_locks == 0 {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
            other_locks = locks_of(session, holder.pid).await?;
        }
        Ok(Some(Holding {
            hold,
            staging_bytes: size_of(session, staging).await?,
            other_locks,
        }))
    }
}

impl GoReport {
    /// The moment that has to come before the release goes on, where that lies ahead.
    #[must_use]
    pub fn still_waits_for(&self, now: Timestamp) -> Option<Timestamp> {
        self.hold.not_before.filter(|moment| *moment > now)
    }
}
