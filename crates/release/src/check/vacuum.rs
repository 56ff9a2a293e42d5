//! Vacuums that prevent wraparound: they give way to nobody, so a swap has to wait for them.

use cutover_core::{Ident, Session};

use super::{Concern, Findings};
use crate::run::session_error;
use crate::{Cutover, ReleaseError};

impl Cutover {
    pub(super) async fn check_vacuum(
        &self,
        session: &Session,
        members: &[Ident],
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let names: Vec<&str> = members.iter().map(Ident::as_str).collect();
        let rows = session
            .query(
                include_str!("sql/wraparound.sql"),
                &[&self.schema().as_str(), &names],
            )
            .await
            .map_err(|error| session_error("ask for the age of tables in", error))?;
        for row in rows {
            let (table, percent): (&str, i32) = (row.get(0), row.get(1));
            findings.warning(
                Concern::Vacuum,
                format!(
                    "{table} is at {percent} % of the age at which a vacuum begins that gives way to nobody"
                ),
                "VACUUM (FREEZE) it well before the release: the swap would wait for that vacuum",
            );
        }
        findings.ok_unless_found(Concern::Vacuum, "none is due that would make the swap wait");
        Ok(())
    }
}
