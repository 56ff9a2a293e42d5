//! What was put off until the rows were there, by as many sessions as the release file says.

use cutover_core::{EventKind, Session};
use cutover_staging::{PostDataOptions, StagedSet, Workers};

use crate::ReleaseError;
use crate::run::Run;

impl Run<'_> {
    /// Builds indexes, keys and foreign keys of `set` and lets its triggers fire.
    ///
    /// The sessions are opened for it and bear the release's name, so that who stops the release cancels them too. Where
    /// the server has none left, fewer do. Locks: those of [`StagedSet::run_post_data`].
    pub(super) async fn run_post_data(&self, set: &StagedSet) -> Result<(), ReleaseError> {
        if set.post_data.is_empty() {
            return Ok(());
        }
        let staging = self.cutover.file().staging();
        let mut options = PostDataOptions::default();
        if let Some(memory) = staging.memory {
            options = options.memory(memory.bytes());
        }
        let mut first = self.session_for_work().await?;
        // The one that looks on is wanted more than another that works.
        let observer = self.one_session_more().await;
        let mut more = Vec::new();
        for _ in 1..staging.workers {
            let Some(session) = self.one_session_more().await else {
                break;
            };
            more.push(session);
        }
        let mut workers = more
            .iter_mut()
            .fold(Workers::new(&mut first), |workers, session| workers.and(session));
        if let Some(observer) = &observer {
            workers = workers.watched_by(observer);
        }
        let done = set.run_post_data(workers, &options, &self.events).await;
        for session in [Some(first), observer].into_iter().flatten().chain(more) {
            session.close().await;
        }
        Ok(done?)
    }

    async fn one_session_more(&self) -> Option<Session> {
        match self.session_for_work().await {
            Ok(session) => Some(session),
            Err(error) => {
                self.events.emit(EventKind::Warning {
                    message: format!("one session less builds indexes: {error}"),
                });
                None
            }
        }
    }

    async fn session_for_work(&self) -> Result<Session, ReleaseError> {
        let purpose = self.purpose();
        let session = self.cutover.target.connect(&purpose).await?;
        self.cutover.name_session(&session, &purpose).await?;
        Ok(session)
    }
}
