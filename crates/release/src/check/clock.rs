//! The server's clock and this machine's.

use cutover_core::Session;
use jiff::{SignedDuration, Timestamp};

use super::{Concern, Findings};
use crate::run::session_error;
use crate::{Cutover, ReleaseError};

/// How far the clocks may be apart before somebody should know.
const ALLOWED: SignedDuration = SignedDuration::from_secs(2);

impl Cutover {
    pub(super) async fn check_clock(
        &self,
        session: &Session,
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let asked = Timestamp::now();
        let row = session
            .query_one("SELECT pg_catalog.clock_timestamp()", &[])
            .await
            .map_err(|error| session_error("ask for the time of", error))?;
        let (server, answered): (Timestamp, Timestamp) = (row.get(0), Timestamp::now());
        // The server looked at its clock some time between the two.
        let (behind, ahead) = (asked.duration_since(server), server.duration_since(answered));
        let apart = behind.max(ahead).max(SignedDuration::ZERO);
        if apart > ALLOWED {
            let which = if ahead > behind { "ahead of" } else { "behind" };
            findings.warning(
                Concern::Clock,
                format!(
                    "the server's clock is {:.1} s {which} this machine's",
                    apart.as_secs_f64()
                ),
                "set both by NTP; --not-before and stamps are by the server's, default labels by this machine's",
            );
        } else {
            findings.ok(Concern::Clock, "the server's and this machine's agree");
        }
        Ok(())
    }
}
