//! The portal, where importers read it straight.

use std::time::Instant;

use super::{Concern, Findings};
use crate::release::with_causes;
use crate::{Cutover, PortalLogin};

impl Cutover {
    /// A login by user mapping is found by each importer, when it knows its foreign server.
    pub(super) async fn check_portal(&self, findings: &mut Findings) {
        let concern = Concern::Portal;
        let Some(PortalLogin::Settings(settings)) = &self.portal else {
            return;
        };
        let began = Instant::now();
        match settings.connect("check").await {
            Ok(session) => {
                let connected = began.elapsed();
                let version = session
                    .query_one("SELECT pg_catalog.current_setting('server_version')", &[])
                    .await;
                if let Ok(row) = version {
                    let (version, ms): (&str, _) = (row.get(0), connected.as_millis());
                    findings.ok(
                        concern,
                        format!("{settings}: PostgreSQL {version}, connected from here in {ms} ms"),
                    );
                }
                session.close().await;
            }
            Err(error) => findings.warning(
                concern,
                format!(
                    "it is not reached from here, so importers read through the foreign data wrapper: {}",
                    with_causes(&error)
                ),
                format!("{}; or take [portal] out of the release file", error.remedy()),
            ),
        }
    }
}
