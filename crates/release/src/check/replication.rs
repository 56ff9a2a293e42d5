//! Standbys, which replay the swap's locks, and replication slots, which keep the log of a release.

use cutover_core::Session;
use cutover_swap::StandbyReport;

use super::finding::Concern;
use super::{Findings, disk::size};
use crate::run::session_error;
use crate::{Cutover, ReleaseError};

/// How much log an inactive slot may hold back before somebody should know, in bytes.
const HELD_BACK: i64 = 1 << 30;

impl Cutover {
    pub(super) async fn check_replication(
        &self,
        session: &Session,
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let concern = Concern::Replication;
        let standbys = StandbyReport::read(&**session, self.schema()).await?;
        for warning in standbys.warnings() {
            findings.warning(
                concern,
                warning,
                "none is needed for the swap; [swap] max_standby_lag bounds how far behind one may be",
            );
        }
        let rows = session
            .query(include_str!("sql/slots.sql"), &[])
            .await
            .map_err(|error| session_error("look for replication slots in", error))?;
        for row in rows {
            let (slot, active, kept): (&str, bool, i64) = (row.get(0), row.get(1), row.get(2));
            if !active && kept >= HELD_BACK {
                findings.warning(
                    concern,
                    format!(
                        "replication slot {slot:?} is not in use and keeps {} of write-ahead log; a release adds to that",
                        size(kept.unsigned_abs())
                    ),
                    "bring its receiver back, or drop it: SELECT pg_drop_replication_slot(…)",
                );
            }
        }
        let level: &str = &session
            .query_one("SELECT pg_catalog.current_setting('wal_level')", &[])
            .await
            .map_err(|error| session_error("ask for settings of", error))?
            .get::<_, String>(0);
        findings.ok_unless_found(
            concern,
            format!("wal_level is {level}; no standby, and no slot that keeps much log"),
        );
        Ok(())
    }
}
