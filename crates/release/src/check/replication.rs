//! Standbys, which replay the swap's locks, and who keeps the log of a release: replication slots and the archive.

use cutover_core::Session;
use cutover_swap::StandbyReport;

use super::disk::{Archive, LogKept, size};
use super::{Concern, Findings};
use crate::run::session_error;
use crate::{Cutover, ReleaseError};

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
        // More than stays without slots is what somebody should know.
        let log = LogKept::read(session).await?;
        let rows = session
            .query(include_str!("sql/slots.sql"), &[])
            .await
            .map_err(|error| session_error("look for replication slots in", error))?;
        for row in rows {
            let (slot, active, kept): (&str, bool, i64) = (row.get(0), row.get(1), row.get(2));
            if !active && kept.unsigned_abs() >= log.usual {
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
        if log.archive == Archive::Fails {
            findings.warning(
                concern,
                "the archive did not take the write-ahead log that it was last given: all of it stays here, and a release adds to that",
                "mend archive_command (see last_failed_wal of pg_stat_archiver, and the server's log)",
            );
        }
        let level: &str = &session
            .query_one("SELECT pg_catalog.current_setting('wal_level')", &[])
            .await
            .map_err(|error| session_error("ask for settings of", error))?
            .get::<_, String>(0);
        findings.ok_unless_found(
            concern,
            format!("wal_level is {level}; no standby, no slot that keeps much log, no archive that fails"),
        );
        Ok(())
    }
}
