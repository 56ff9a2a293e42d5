//! What the role may do besides building and swapping, which the plans ask for: the records, other sessions, prewarming.

use cutover_core::Session;

use super::{Concern, Findings};
use crate::run::session_error;
use crate::{Cutover, ReleaseError};

impl Cutover {
    pub(super) async fn check_rights(
        &self,
        session: &Session,
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let concern = Concern::Rights;
        let row = session
            .query_one(include_str!("sql/rights.sql"), &[])
            .await
            .map_err(|error| session_error("ask for the rights of the role in", error))?;
        if !row.get::<_, bool>("may_keep_records") {
            if row.get("has_records") {
                findings.error(
                    concern,
                    "the role may not write the records in schema cutover",
                    "connect as the role that owns them, or as a member of it",
                );
            } else {
                findings.error(
                    concern,
                    "there is no schema cutover for the records, and the role may not make one",
                    "GRANT CREATE ON DATABASE to the role, or CREATE SCHEMA cutover AUTHORIZATION with its name",
                );
            }
        }
        if !row.get::<_, bool>("sees_sessions") {
            findings.warning(
                concern,
                "of other roles' sessions only the number is seen: who is in the way of the swap is told without what it does, and a \
                 vacuum against wraparound is not told from a session",
                "GRANT pg_read_all_stats to the role",
            );
        }
        let swap = self.file.swap();
        if swap.cancel_blockers_after.is_some() && !row.get::<_, bool>("may_signal") {
            findings.warning(
                concern,
                "[swap] cancel_blockers_after cancels only the role's own sessions",
                "GRANT pg_signal_backend to the role, or leave it at that",
            );
        }
        if swap.prewarm && row.get::<_, Option<bool>>("may_prewarm") != Some(true) {
            findings.warning(
                concern,
                "[swap] prewarm is asked for, and there is no extension pg_prewarm that the role may use",
                "CREATE EXTENSION pg_prewarm, and let the role use its schema and EXECUTE its function",
            );
        }
        findings.ok_unless_found(
            concern,
            "the role may keep records, and sees whose sessions are in the way",
        );
        Ok(())
    }
}
