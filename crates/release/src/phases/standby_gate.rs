//! Importers wait while standbys are too far behind.

use std::convert::Infallible;
use std::time::Duration;

use cutover_core::release_file::StandbyLag;
use cutover_core::{EventKind, Session};
use cutover_importer::Gate;
use cutover_swap::{LagWatch, SwapError};
use tokio_postgres::error::SqlState;

use crate::ReleaseError;
use crate::release::with_causes;
use crate::run::{Run, session_error};

/// Between two looks.
const LOOK: &str = "SELECT pg_catalog.pg_sleep(0.5)";
/// How long it takes until the watch is taken up again after it was lost.
const AGAIN: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Begins to watch the standbys: the gate is shut where one is too far behind already. On a session of its own, whose
    /// statements are cancelled with the release's.
    ///
    /// Whether the role may see how far they are is known now, before anything is loaded.
    pub(super) async fn begin_to_watch_standbys(
        &self,
        bound: StandbyLag,
        gate: Gate,
    ) -> Result<StandbyGate<'_>, ReleaseError> {
        let mut watch = StandbyGate {
            run: self,
            gate,
            bound,
            lag: LagWatch::new(bound),
            session: Some(self.cutover.target.connect(&self.purpose()).await?),
            told: false,
        };
        watch.look().await?;
        Ok(watch)
    }
}

/// Shuts a gate while standbys are too far behind, and opens it again.
pub(super) struct StandbyGate<'a> {
    run: &'a Run<'a>,
    gate: Gate,
    bound: StandbyLag,
    lag: LagWatch,
    session: Option<Session>,
    /// Whether it was told that importers wait.
    told: bool,
}

impl StandbyGate<'_> {
    /// Never returns; to be dropped when the importers are done.
    ///
    /// A watch that is lost opens the gate, with a warning, and is taken up again: importers that can load should.
    pub(super) async fn keep(mut self) -> Infallible {
        loop {
            let Err(error) = self.look_again_and_again().await;
            // Also where the release is asked to stop: importers that wait here would not notice that they are cancelled.
            self.gate.open();
            if !is_cancelled(&error) {
                self.run.warn(format!(
                    "how far standbys are behind is not known for {} s, and importers do not wait for them: {}",
                    AGAIN.as_secs(),
                    with_causes(&error)
                ));
            }
            self.session = None;
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn look_again_and_again(&mut self) -> Result<Infallible, ReleaseError> {
        loop {
            self.look().await?;
            if let Some(session) = &self.session {
                // On the server: a sleep of this process would not notice that the release is asked to stop.
                session
                    .batch_execute(LOOK)
                    .await
                    .map_err(|error| session_error("wait for the standbys of", error))?;
            }
        }
    }

    async fn look(&mut self) -> Result<(), ReleaseError> {
        let session = if let Some(session) = &self.session {
            session
        } else {
            let purpose = self.run.purpose();
            self.lag = LagWatch::new(self.bound);
            self.session
                .insert(self.run.cutover.target.connect(&purpose).await?)
        };
        let behind = self.lag.behind(&**session, self.run.cutover.schema()).await?;
        if behind.is_empty() {
            self.gate.open();
            self.told = false;
            return Ok(());
        }
        self.gate.shut();
        if !self.told {
            self.told = true;
            self.run
                .events
                .emit(EventKind::WaitingForStandbys { standbys: behind });
        }
        Ok(())
    }
}

fn is_cancelled(error: &ReleaseError) -> bool {
    let (ReleaseError::Statement(failed) | ReleaseError::Swap(SwapError::Statement(failed))) = error else {
        return false;
    };
    failed.sqlstate() == Some(&SqlState::QUERY_CANCELED)
}
