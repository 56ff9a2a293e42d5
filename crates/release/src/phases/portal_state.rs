//! One state of the portal for all importers that read straight from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cutover_core::{ConnectSettings, Ident, Session};
use cutover_importer::{LoadSettings, SourceSnapshot};
use tokio::sync::Mutex;
use tokio_postgres::{IsolationLevel, Transaction};

use crate::ReleaseError;
use crate::release::with_causes;
use crate::run::{Run, session_error};

/// The states of foreign servers that the importers of a release read, each kept by a session of its own.
///
/// From the first importer to the last of both import phases: what they bring refers to each other. A release that is taken
/// up later reads a later state.
#[derive(Debug, Default)]
pub(crate) struct PortalStates(Mutex<BTreeMap<Ident, Arc<SourceSnapshot>>>);

impl PortalStates {
    /// Lets the portal forget them.
    pub(crate) async fn end(&self) {
        self.0.lock().await.clear();
    }
}

impl Run<'_> {
    /// Begins to read on a session with the foreign server, in the state that all importers of this release read, and all ranges of
    /// one. Where that cannot be had it is a state of its own, and a warning says why. The second value tells whether it is the
    /// state of all.
    pub(super) async fn begin_to_read<'s>(
        &self,
        portal: &'s mut Session,
        server: &Ident,
        login: &ConnectSettings,
        settings: &LoadSettings,
    ) -> Result<(Transaction<'s>, bool), ReleaseError> {
        let imports = self.cutover.file.imports();
        let has_ranges = |import| self.cutover.file.ranges_of(import) > 1;
        let state = if imports.len() < 2 && !imports.iter().any(has_ranges) {
            None
        } else {
            Some(self.state_of(server, login, settings).await)
        };
        let reading = portal
            .build_transaction()
            .read_only(true)
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()
            .await
            .map_err(|error| session_error("begin to read straight from the portal in", error))?;
        let why = match state {
            None => return Ok((reading, false)),
            Some(Err(why)) => why,
            Some(Ok(state)) => match state.adopt(&reading).await {
                Ok(()) => return Ok((reading, true)),
                Err(error) => {
                    // The same again, as if nothing had been asked.
                    reading
                        .batch_execute("ROLLBACK AND CHAIN")
                        .await
                        .map_err(|error| session_error("begin to read straight from the portal in", error))?;
                    error.to_string()
                }
            },
        };
        self.warn(format!(
            "an importer reads a state of foreign server {server} of its own, not that of the others: {why}"
        ));
        Ok((reading, false))
    }

    /// The state that is read of a server; a new one where there is none, or none any more.
    async fn state_of(
        &self,
        server: &Ident,
        login: &ConnectSettings,
        settings: &LoadSettings,
    ) -> Result<Arc<SourceSnapshot>, String> {
        let mut states = self.portal_states.0.lock().await;
        if let Some(state) = states.get(server) {
            if state.is_there() {
                return Ok(Arc::clone(state));
            }
            self.warn(format!(
                "the session that kept the state of foreign server {server} is gone: importers that begin now read a later one"
            ));
        }
        let session = login
            .connect(&self.purpose())
            .await
            .map_err(|error| with_causes(&error))?;
        let state = SourceSnapshot::export(session, settings)
            .await
            .map_err(|error| error.to_string())?;
        let state = Arc::new(state);
        states.insert(server.clone(), Arc::clone(&state));
        Ok(state)
    }
}
