//! The server, its version, and what stands between.

use cutover_core::{Session, refuse_unsafe_session};

use super::{Concern, Findings};
use crate::Cutover;

/// The versions that are meant, as `server_version_num` counts them.
const SUPPORTED: std::ops::RangeInclusive<i32> = 14..=18;

impl Cutover {
    /// Whether releases can be run on this session at all.
    pub(super) async fn check_connection(&self, session: &Session, findings: &mut Findings) -> bool {
        let concern = Concern::Connection;
        if let Err(error) = refuse_unsafe_session(session).await {
            findings.error(concern, error.to_string(), error.remedy());
            return false;
        }
        let asked = session
            .query_one(
                "SELECT pg_catalog.current_setting('server_version_num')::int4 / 10000, \
                        pg_catalog.current_setting('server_version'), current_user::text, \
                        pg_catalog.current_database()::text",
                &[],
            )
            .await;
        let Ok(row) = asked else {
            // Whatever comes next says why.
            return true;
        };
        let (major, version): (i32, &str) = (row.get(0), row.get(1));
        let (role, database): (&str, &str) = (row.get(2), row.get(3));
        let what = format!(
            "PostgreSQL {version}, database {database:?} as role {role:?}, not through a pooling proxy"
        );
        if SUPPORTED.contains(&major) {
            findings.ok(concern, what);
        } else {
            let remedy = "PostgreSQL 14 to 18 are supported; try it on a copy first";
            findings.warning(concern, what, remedy);
        }
        true
    }
}
