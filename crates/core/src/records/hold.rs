//! The hold before the swap: what a release waits for, since when, and who said go.
//!
//! All times are the server's: the machines that hold, say go and ask for the status need not agree.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::{GenericClient, Row};

use super::Records;
use crate::StatementError;

/// The migration that brought the table.
const SINCE_VERSION: i32 = 2;

/// A release that is ready and waits before its swap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Hold {
    /// When it began to wait.
    pub held_since: Timestamp,
    /// Whether somebody has to say go.
    pub waits_for_go: bool,
    /// The moment before which it does not go live, whoever says go.
    pub not_before: Option<Timestamp>,
    /// Who said go.
    pub go: Option<Go>,
}

/// That somebody said go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Go {
    /// When.
    pub at: Timestamp,
    /// The database role.
    pub by: String,
    /// The machine; empty where it has no name.
    pub host: String,
}

/// What a release that holds finds when it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HoldLook {
    /// The hold.
    pub hold: Hold,
    /// How long it has lasted.
    pub held_for: Duration,
    /// How long it has to last because of [`Hold::not_before`]; zero once that moment has come.
    pub left: Duration,
    /// Whether somebody asked the release to stop.
    pub abort_requested: bool,
}

impl HoldLook {
    /// Whether nothing is waited for any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.left.is_zero() && (self.hold.go.is_some() || !self.hold.waits_for_go)
    }
}

fn hold(row: &Row) -> Hold {
    let go = |at| Go {
        at,
        by: row.get("go_by"),
        host: row.get("go_host"),
    };
    Hold {
        held_since: row.get("held_since"),
        waits_for_go: row.get("waits_for_go"),
        not_before: row.get("not_before"),
        go: row.get::<_, Option<Timestamp>>("go_at").map(go),
    }
}

impl Records {
    /// Notes that a release holds from now on. At least one of the two must be given to be waited for.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn begin_hold(
        &self,
        client: &impl GenericClient,
        release: i64,
        waits_for_go: bool,
        not_before: Option<Timestamp>,
    ) -> Result<(), StatementError> {
        client
            .execute(
                "INSERT INTO cutover.hold (release, waits_for_go, not_before) VALUES ($1, $2, $3) \
                 ON CONFLICT (release) DO UPDATE \
                    SET held_since = pg_catalog.clock_timestamp(), waits_for_go = excluded.waits_for_go, \
                        not_before = excluded.not_before, go_at = NULL, go_by = NULL, go_host = NULL, ended_at = NULL",
                &[&release, &waits_for_go, &not_before],
            )
            .await
            .map_err(self.failed("note the hold of"))?;
        Ok(())
    }

    /// What a release that holds has to know: whether it may go on, or has to stop.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read, or hold no such hold.
    pub async fn look_at_hold(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<HoldLook, StatementError> {
        let row = client
            .query_one(
                "SELECT h.*, r.abort_requested IS NOT NULL AS abort_requested, \
                        (extract(epoch FROM pg_catalog.clock_timestamp() - h.held_since) * 1000)::bigint AS held_ms, \
                        coalesce(ceil(extract(epoch FROM h.not_before - pg_catalog.clock_timestamp()) * 1000), 0)::bigint \
                            AS left_ms \
                   FROM cutover.hold h JOIN cutover.release r ON r.id = h.release WHERE h.release = $1",
                &[&release],
            )
            .await
            .map_err(self.failed("look at the hold of"))?;
        let millis = |column| Duration::from_millis(u64::try_from(row.get::<_, i64>(column)).unwrap_or(0));
        Ok(HoldLook {
            hold: hold(&row),
            held_for: millis("held_ms"),
            left: millis("left_ms"),
            abort_requested: row.get("abort_requested"),
        })
    }

    /// Notes that a release does not hold any more, for whatever reason.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn end_hold(&self, client: &impl GenericClient, release: i64) -> Result<(), StatementError> {
        client
            .execute(
                "UPDATE cutover.hold SET ended_at = pg_catalog.clock_timestamp() WHERE release = $1",
                &[&release],
            )
            .await
            .map_err(self.failed("note the end of the hold of"))?;
        Ok(())
    }

    /// The hold that a release is in; `None` when it is in none. Whether the release is alive, its lock tells.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be read.
    pub async fn hold(
        &self,
        client: &impl GenericClient,
        release: i64,
    ) -> Result<Option<Hold>, StatementError> {
        // Reading commands do not bring the records up to date.
        if Self::version(client)
            .await?
            .is_none_or(|version| version < SINCE_VERSION)
        {
            return Ok(None);
        }
        let row = client
            .query_opt(
                "SELECT * FROM cutover.hold WHERE release = $1 AND ended_at IS NULL",
                &[&release],
            )
            .await
            .map_err(self.failed("read the hold of"))?;
        Ok(row.as_ref().map(hold))
    }

    /// Says go to a release that waits for it, and returns its hold; `None` when it does not, or no longer. Whoever said
    /// it first stays recorded.
    ///
    /// # Errors
    /// [`StatementError`] when the records cannot be written.
    pub async fn say_go(
        &self,
        client: &impl GenericClient,
        release: i64,
        host: &str,
    ) -> Result<Option<Hold>, StatementError> {
        let row = client
            .query_opt(
                "UPDATE cutover.hold \
                    SET go_at = coalesce(go_at, pg_catalog.clock_timestamp()), \
                        go_by = coalesce(go_by, session_user), go_host = coalesce(go_host, $2) \
                  WHERE release = $1 AND waits_for_go AND ended_at IS NULL RETURNING *",
                &[&release, &host],
            )
            .await
            .map_err(self.failed("say go to"))?;
        Ok(row.as_ref().map(hold))
    }
}
