//! The record store: schema `cutover` in the target database.

mod added_value;
mod backup;
mod checkpoint;
mod event_log;
mod hold;
mod migrate;
mod progress;
mod range;
mod reject;
mod release;
mod swap;

pub use added_value::AddedValues;
pub use backup::{BackupObject, BackupSet};
pub use checkpoint::{Checkpoint, FilePlace, ImportSoFar};
pub use event_log::Course;
pub use hold::{Go, Hold, HoldLook};
pub use migrate::MigrationError;
pub use progress::{ImporterNews, ImporterProgress, ImporterState, Obstacle, WaitKind, Waiting};
pub use reject::Reject;
pub use release::{ReleaseKind, ReleaseRecord, ReleaseState};
pub use swap::SwapRecord;

use crate::{Ident, ObjectKind, ObjectName, StatementError};

/// The records of one release set.
///
/// Every method takes the client or transaction to run on, so that a caller decides what commits together: the swap
/// writes its records in its own transaction, an importer its checkpoint with its rows.
///
/// ```no_run
/// use cutover_core::{Ident, records::Records};
///
/// # async fn example(client: &mut tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
/// Records::migrate(client).await?;
/// let records = Records::of(&Ident::new("wdpa")?);
/// for backup in records.backup_sets(client).await? {
///     println!("{} {}", backup.stamp, backup.label.unwrap_or_default());
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    release_set: Ident,
}

impl Records {
    /// The records of the release set of this name.
    #[must_use]
    pub fn of(release_set: &Ident) -> Self {
        Self {
            release_set: release_set.clone(),
        }
    }

    /// The release set's name.
    #[must_use]
    pub fn release_set(&self) -> &Ident {
        &self.release_set
    }

    fn failed(&self, purpose: &'static str) -> impl Fn(tokio_postgres::Error) -> StatementError {
        let object = ObjectName::global(ObjectKind::Release, &self.release_set);
        move |error| StatementError::new(purpose, object.clone(), error)
    }
}
