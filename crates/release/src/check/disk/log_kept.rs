//! How much of the write-ahead log stays on disk ([30.5]): usually about `max_wal_size`, and all of it while somebody who
//! should take it does not.
//!
//! [30.5]: https://www.postgresql.org/docs/15/wal-configuration.html

use std::path::PathBuf;

use tokio_postgres::Client;

use crate::ReleaseError;
use crate::run::session_error;

/// What decides how much of the log stays.
#[derive(Debug, Clone)]
pub(in crate::check) struct LogKept {
    /// Whether what is loaded is in the log (`wal_level`).
    pub is_written: bool,
    /// What stays after checkpoints, in bytes: the larger of `max_wal_size` and `wal_keep_size`.
    pub usual: u64,
    /// What slots may hold back at most; `None` without a limit.
    pub most_by_slots: Option<u64>,
    pub archive: Archive,
    pub slots: Slots,
    /// The data directory; `None` where the role may not know it.
    pub data_directory: Option<PathBuf>,
}

/// The archive of the log (`archive_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Archive {
    Off,
    Takes,
    /// It did not take what it was last given.
    Fails,
}

/// Replication slots, of whatever kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Slots {
    None,
    InUse,
    /// One at least is not in use.
    Idle,
}

impl LogKept {
    pub(in crate::check) async fn read(client: &Client) -> Result<Self, ReleaseError> {
        let row = client
            .query_one(include_str!("../sql/log_kept.sql"), &[])
            .await
            .map_err(|error| session_error("ask for settings of", error))?;
        let bytes = |column| u64::try_from(row.get::<_, i64>(column)).ok();
        Ok(Self {
            is_written: row.get("is_written"),
            usual: bytes("usual").unwrap_or(0),
            // -1 is no limit.
            most_by_slots: bytes("most_by_slots"),
            archive: match (row.get("archiver_fails"), row.get("is_archived")) {
                (true, _) => Archive::Fails,
                (false, true) => Archive::Takes,
                (false, false) => Archive::Off,
            },
            slots: match (row.get("has_idle_slots"), row.get("has_slots")) {
                (true, _) => Slots::Idle,
                (false, true) => Slots::InUse,
                (false, false) => Slots::None,
            },
            data_directory: row.get::<_, Option<String>>("data_directory").map(PathBuf::from),
        })
    }

    /// What stays of `written` bytes as things are.
    pub(super) fn as_things_are(&self, written: u64) -> u64 {
        self.kept(written, self.archive == Archive::Fails, self.slots == Slots::Idle)
    }

    /// What stays of them when no archive and no slot takes any.
    pub(super) fn at_most(&self, written: u64) -> u64 {
        self.kept(written, self.archive != Archive::Off, self.slots != Slots::None)
    }

    fn kept(&self, written: u64, by_archive: bool, by_slots: bool) -> u64 {
        let by_slots = if by_slots {
            self.most_by_slots.unwrap_or(u64::MAX).max(self.usual)
        } else {
            self.usual
        };
        if by_archive {
            written
        } else {
            written.min(by_slots)
        }
    }
}
