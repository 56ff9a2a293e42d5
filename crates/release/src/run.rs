//! A release in progress: its sessions, its record, what it has built so far.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cutover_core::records::{Records, ReleaseState};
use cutover_core::release_file::{Label, TemplateFacts};
use cutover_core::{
    DatabaseError, EventKind, Events, Ident, MAX_IDENT_BYTES, ObjectKind, ObjectName, Phase, QualifiedName,
    ReleaseLock, Session, Sql, Stamp, Step, millis,
};
use cutover_importer::preflight::PreflightReport;
use cutover_staging::DeclaredChanges;
use deadpool_postgres::Pool;
use tokio_postgres::{Client, GenericClient};

use crate::hooks::Hooks;
use crate::phases::PortalStates;
use crate::recorder::Recorder;
use crate::release::with_causes;
use crate::report::{PhaseReport, SwapFigures};
use crate::staged::Staged;
use crate::{Cutover, HookReport, Manifest, ReleaseError, ReleaseOptions, ReleaseReport, StopSignal};

/// What the names of our sessions begin with.
const APPLICATION: &str = "cutover: ";

/// A release in progress. Dropping it closes its sessions; the server then frees the lock and rolls back.
pub(crate) struct Run<'a> {
    pub(crate) cutover: &'a Cutover,
    pub(crate) options: &'a ReleaseOptions,
    pub(crate) events: Events,
    pub(crate) recorder: Recorder,
    /// Holds the release lock. Only records and the swap itself run on it.
    pub(crate) session: Session,
    pub(crate) lock: ReleaseLock,
    pub(crate) records: Records,
    /// Everything else runs on these.
    pub(crate) pool: Pool,
    /// The application name of all these sessions.
    pub(crate) application: String,
    pub(crate) release: i64,
    pub(crate) label: Label,
    pub(crate) template: TemplateFacts,
    pub(crate) staged: Staged,
    /// What the preflight found, once it has run.
    pub(crate) preflight: Option<PreflightReport>,
    /// Violations of checks that only warn.
    pub(crate) warnings: BTreeMap<String, u64>,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) swap: Option<SwapFigures>,
    /// Whether an earlier run has swapped it in.
    pub(crate) already_live: bool,
    /// The backup set that holds what it took the place of, where an earlier run has swapped it in.
    pub(crate) backup: Option<Stamp>,
    pub(crate) hooks: Hooks,
    /// The hooks of this run so far.
    pub(crate) hook_reports: Vec<HookReport>,
    /// Importers of this run that are done.
    pub(crate) imported: BTreeSet<String>,
    /// What importers read of the portal.
    pub(crate) portal_states: PortalStates,
    /// Tells within a phase that the release is asked to stop, to whom does not only wait for statements.
    pub(crate) stopping: StopSignal,
    phase: Option<Phase>,
    phases: Vec<PhaseReport>,
}

impl<'a> Run<'a> {
    #[expect(
        clippy::too_many_arguments,
        reason = "the one caller has just made each of them"
    )]
    pub(crate) async fn start(
        cutover: &'a Cutover,
        options: &'a ReleaseOptions,
        session: Session,
        release: i64,
        label: Label,
        staged: Staged,
        events: Events,
        recorder: Recorder,
    ) -> Result<Self, ReleaseError> {
        let purpose = purpose(cutover, release);
        let pool = match cutover.pool(&purpose).await {
            Ok(pool) => pool,
            Err(error) => {
                // The record is open already. That it cannot be closed is no news beside this.
                let why = with_causes(&error);
                let records = cutover.records()?;
                let closed = records.close(&*session, release, ReleaseState::Failed, Some(&why));
                if let Err(error) = closed.await {
                    tracing::warn!(release, %error, "could not close the record");
                }
                return Err(error);
            }
        };
        let application = cutover.name_session(&session, &purpose).await?;
        Ok(Self {
            cutover,
            options,
            events,
            recorder,
            session,
            lock: cutover.lock()?,
            records: cutover.records()?,
            pool,
            application,
            release,
            template: cutover.template_facts(&label),
            label,
            staged,
            preflight: None,
            warnings: BTreeMap::new(),
            manifest: None,
            swap: None,
            already_live: false,
            backup: None,
            hooks: Hooks::default(),
            hook_reports: Vec::new(),
            imported: BTreeSet::new(),
            portal_states: PortalStates::default(),
            stopping: StopSignal::never(),
            phase: None,
            phases: Vec::new(),
        })
    }

    /// What every session of this release is for, and named after.
    pub(crate) fn purpose(&self) -> String {
        purpose(self.cutover, self.release)
    }

    /// A session from the pool.
    pub(crate) async fn client(&self) -> Result<deadpool_postgres::Client, ReleaseError> {
        session_of(self.cutover, &self.pool, &self.application).await
    }

    /// The session that looks whether the release was asked to stop. It bears another name than the release's own,
    /// so that it is not among those whose statements are cancelled.
    pub(crate) async fn watcher(&self, phase: Phase) -> Result<Session, (Phase, ReleaseError)> {
        self.cutover
            .target
            .connect("watcher")
            .await
            .map_err(|error| (phase, error.into()))
    }

    pub(crate) fn is_selected(&self, phase: Phase) -> bool {
        let beyond_a_dry_run = phase > Phase::ValidateAndManifest;
        self.options.selection.contains(phase) && !(self.options.dry_run && beyond_a_dry_run)
    }

    /// Whether readers see this release: nothing that fails from now on makes it a failed one.
    pub(crate) fn is_live(&self) -> bool {
        self.swap.is_some() || self.already_live
    }

    /// Notes the phase, after making sure that the lock is still ours.
    pub(crate) async fn enter(&mut self, phase: Phase) -> Result<(), ReleaseError> {
        if !self.lock.is_held(&*self.session).await? {
            return Err(ReleaseError::LockLost { phase });
        }
        self.phase = Some(phase);
        self.records
            .enter_phase(&*self.session, self.release, phase)
            .await?;
        self.events.emit(EventKind::PhaseStarted { phase });
        Ok(())
    }

    /// Notes that a phase is done, and writes its events to the record.
    pub(crate) async fn left(&mut self, phase: Phase, summary: String, took_ms: u64) {
        self.events.emit(EventKind::PhaseFinished {
            phase,
            summary: summary.clone(),
            took_ms,
        });
        self.phases.push(PhaseReport::new(phase, summary, took_ms));
        self.write_events().await;
    }

    /// The log of events is for people: a release does not fail over it.
    pub(crate) async fn write_events(&self) {
        let events = self.recorder.take();
        if let Err(error) = self
            .records
            .add_events(&*self.session, self.release, self.phase, &events)
            .await
        {
            tracing::warn!(release = self.release, %error, "could not write the events to the record");
        }
        let finished = self
            .recorder
            .progress
            .finish(&self.session, &self.records, self.release)
            .await;
        if let Err(error) = finished {
            tracing::warn!(release = self.release, %error, "could not write the progress to the record");
        }
    }

    /// Keeps what is known of staging in the record.
    pub(crate) async fn keep_staged(&self) -> Result<(), ReleaseError> {
        self.keep_staged_in(&*self.session).await
    }

    /// Keeps what is known of staging in the record, in the transaction that builds it.
    pub(crate) async fn keep_staged_in(&self, client: &impl GenericClient) -> Result<(), ReleaseError> {
        let value = self
            .staged
            .to_value()
            .map_err(|source| ReleaseError::StagedFacts {
                release: self.release,
                source,
            })?;
        Ok(self
            .records
            .set_staged(client, self.release, Some(&value))
            .await?)
    }

    /// Drops what this release has built.
    pub(crate) async fn remove_staging(&mut self) -> Result<usize, ReleaseError> {
        let mut client = self.client().await?;
        let removed = self
            .cutover
            .drop_staged(&mut client, &self.staged, &self.events)
            .await?;
        self.staged = Staged::default();
        self.records
            .set_staged(&*self.session, self.release, None)
            .await?;
        Ok(removed)
    }

    /// Ends the pooled sessions and waits until they are gone. What a session has written is counted when it ends, or up
    /// to ten seconds later: after the swap, a rollback would take what was loaded for writes to live.
    pub(crate) async fn end_loading_sessions(&self) -> Result<(), ReleaseError> {
        self.pool.retain(|_, _| false);
        let began = Instant::now();
        // One that does not go is no reason not to swap.
        while began.elapsed() < Duration::from_secs(5) {
            let left = self
                .session
                .query_one(
                    "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE application_name = $1 \
                        AND datname = pg_catalog.current_database() AND usename = current_user \
                        AND pid <> pg_catalog.pg_backend_pid()",
                    &[&self.application],
                )
                .await
                .map_err(|error| session_error("wait for the loading sessions in", error))?;
            if left.get::<_, i64>(0) == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    pub(crate) fn warn(&self, message: String) {
        self.events.emit(EventKind::Warning { message });
    }

    /// Where unqualified names of the operator's queries are looked up: the set's schema, then PostGIS's.
    pub(crate) async fn search_path(&self) -> Result<Vec<Ident>, ReleaseError> {
        self.cutover.search_path(&self.session).await
    }

    /// What the release file declares to change, with the statements that make it so.
    pub(crate) async fn changes_to_make(&self) -> Result<DeclaredChanges, ReleaseError> {
        self.cutover
            .changes_to_make(&self.template, self.search_path().await?)
    }

    /// Gathers the statistics of a staging table, for the importers that join it next.
    pub(crate) async fn analyse(&self, staging: &QualifiedName) -> Result<(), ReleaseError> {
        let object = ObjectName::qualified(ObjectKind::Table, staging);
        let step = Step::new("analyse", object, Sql::text("ANALYZE ").name(staging));
        Ok(step.run(&**self.client().await?, 0).await?)
    }

    /// Closes the record and gives the lock back.
    ///
    /// Where the lock's session is lost, the record is closed over a new one, unless somebody else took it over.
    pub(crate) async fn close(
        mut self,
        state: ReleaseState,
        error: Option<String>,
    ) -> Result<ReleaseReport, ReleaseError> {
        let began = Instant::now();
        self.events.emit(EventKind::PhaseStarted {
            phase: Phase::ReleaseLock,
        });
        self.write_events().await;
        let closed = self
            .records
            .close(&*self.session, self.release, state, error.as_deref())
            .await;
        match closed {
            Ok(()) => {
                // The lock goes with the session in any case.
                if let Err(error) = self.lock.release(&*self.session).await {
                    tracing::warn!(release = self.release, %error, "could not give the lock back");
                }
            }
            Err(lost) => {
                let closed = if lost.database_error().is_connection_lost() {
                    self.close_elsewhere(state, error.as_deref()).await
                } else {
                    Err(lost.into())
                };
                if let Err(error) = closed {
                    // Whoever follows the events is told that it is over, whatever the record says.
                    let phase = Phase::ReleaseLock;
                    let (why, remedy) = (with_causes(&error), error.remedy());
                    self.events.emit(EventKind::PhaseFailed {
                        phase,
                        error: why,
                        remedy,
                    });
                    self.tell_the_end(state);
                    return Err(error);
                }
            }
        }
        let summary = "record closed, lock given back".to_owned();
        self.left(Phase::ReleaseLock, summary, millis(began.elapsed()))
            .await;
        self.tell_the_end(state);
        self.write_events().await;
        let added = self.records.added_values(&*self.session, self.release).await;
        let added = added.unwrap_or_else(|error| {
            tracing::warn!(release = self.release, %error, "could not read what was added");
            Vec::new()
        });
        let Self { session, pool, .. } = self;
        pool.close();
        session.close().await;
        Ok(ReleaseReport {
            release: self.release,
            label: self.label,
            state,
            phases: self.phases,
            swap: self.swap,
            manifest: self.manifest,
            hooks: self.hook_reports,
            added,
        })
    }

    fn tell_the_end(&self, state: ReleaseState) {
        self.events.emit(EventKind::ReleaseFinished {
            release: self.release,
            state: state.to_string(),
        });
    }

    async fn close_elsewhere(&self, state: ReleaseState, error: Option<&str>) -> Result<(), ReleaseError> {
        let session = self.cutover.target.connect("release").await?;
        let record = self.records.release(&*session, self.release).await?;
        let still_ours = record.is_some_and(|record| {
            record.state == ReleaseState::Running && record.backend_pid == Some(self.session.backend_pid())
        });
        if still_ours {
            self.records.close(&*session, self.release, state, error).await?;
        }
        session.close().await;
        Ok(())
    }
}

fn purpose(cutover: &Cutover, release: i64) -> String {
    session_purpose(&cutover.file.release().name, "release", release)
}

/// What the sessions of a release or rollback are named after. A long name of the set is cut rather than the number, which
/// the server would cut off: no other release of the database bears it, and statements are cancelled by this name.
pub(crate) fn session_purpose(release_set: &str, kind: &str, release: i64) -> String {
    let end = format!(" {kind} {release}");
    let room = MAX_IDENT_BYTES.saturating_sub(APPLICATION.len() + end.len());
    let name = release_set.get(..release_set.floor_char_boundary(room));
    format!("{}{end}", name.unwrap_or_default())
}

async fn session_of(
    cutover: &Cutover,
    pool: &Pool,
    purpose: &str,
) -> Result<deadpool_postgres::Client, ReleaseError> {
    pool.get()
        .await
        .map_err(|error| ReleaseError::Pool(Box::new(cutover.target.pool_error(purpose, error))))
}

impl Cutover {
    /// Gives a session the name that pooled sessions of this purpose bear, and returns it.
    pub(crate) async fn name_session(&self, session: &Client, purpose: &str) -> Result<String, ReleaseError> {
        let application = format!("{APPLICATION}{purpose}");
        session
            .execute(
                "SELECT pg_catalog.set_config('application_name', $1, false)",
                &[&application],
            )
            .await
            .map_err(|error| session_error("name a session of", error))?;
        // The server may have shortened it.
        let row = session
            .query_one("SELECT pg_catalog.current_setting('application_name')", &[])
            .await
            .map_err(|error| session_error("name a session of", error))?;
        Ok(row.get(0))
    }
}

/// A statement about no object in particular that failed.
pub(crate) fn session_error(purpose: &'static str, error: impl Into<DatabaseError>) -> ReleaseError {
    ReleaseError::statement(
        purpose,
        ObjectName::global(ObjectKind::Database, &target()),
        error,
    )
}

#[expect(clippy::expect_used, reason = "the literal is a valid identifier")]
fn target() -> Ident {
    Ident::new("target").expect("a valid identifier")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sets_of_one_beginning_do_not_share_the_name_of_a_session() {
        let name = "x".repeat(63);
        let purpose = session_purpose(&name, "rollback", i64::MAX);
        assert_eq!(APPLICATION.len() + purpose.len(), MAX_IDENT_BYTES);
        assert!(purpose.ends_with(&format!("x rollback {}", i64::MAX)));
        assert_eq!(session_purpose("wdpa", "release", 7), "wdpa release 7");
        assert_eq!(session_purpose(&"ü".repeat(40), "release", 77).len(), 53);
    }
}
