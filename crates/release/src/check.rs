//! Everything that could stand against the next release, looked at before anything is built.

mod clock; // the server's and this machine's
mod connection; // the server, its version, what stands between
mod disk; // what a release takes, and what is free
mod finding; // what was found
mod foreign; // foreign servers and what is installed there
mod names; // names that are cut
mod plans; // what the plans refuse and warn of
mod portal; // whether it is reached past the foreign data wrapper
mod refreshed; // materialized views that are refreshed first
mod replication; // standbys, slots, the archive
mod rights; // beside those that the plans ask for
mod schemas; // who may look into those of staging and backups
mod sources; // what importers read
mod vacuum; // vacuums that give way to nobody

use cutover_core::Session;
pub use disk::{DiskPrediction, DiskSpace, FreeFrom, Growth, GrowthFrom};
pub use finding::{CheckReport, CheckSeverity, Concern, Finding};

use crate::boxed::BoxFuture;
use crate::release::with_causes;
use crate::{Cutover, ReleaseError};

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    all: Vec<Finding>,
    disk: Option<DiskPrediction>,
}

impl Findings {
    fn ok(&mut self, concern: Concern, what: impl Into<String>) {
        self.all
            .push(Finding::new(concern, CheckSeverity::Ok, what, None));
    }

    fn warning(&mut self, concern: Concern, what: impl Into<String>, remedy: impl Into<String>) {
        let remedy = Some(remedy.into());
        self.all
            .push(Finding::new(concern, CheckSeverity::Warning, what, remedy));
    }

    fn error(&mut self, concern: Concern, what: impl Into<String>, remedy: impl Into<String>) {
        let remedy = Some(remedy.into());
        self.all
            .push(Finding::new(concern, CheckSeverity::Error, what, remedy));
    }

    /// A finding of what could not be looked at.
    fn unless_looked(&mut self, concern: Concern, looked: &Result<(), ReleaseError>) {
        if let Err(error) = looked {
            self.failed(concern, error);
        }
    }

    /// What could not be looked at is a finding too, and keeps nobody from the rest.
    fn failed(&mut self, concern: Concern, error: &ReleaseError) {
        self.error(concern, with_causes(error), error.remedy());
    }

    /// That nothing was found of a concern, where that is so.
    fn ok_unless_found(&mut self, concern: Concern, what: impl Into<String>) {
        if !self.all.iter().any(|finding| finding.concern == concern) {
            self.ok(concern, what);
        }
    }
}

impl Cutover {
    /// Looks at everything that could stand against the next release: all findings at once, each with its remedy. What is
    /// made for it is undone; live, records and the release lock are not touched.
    ///
    /// It finds what planning finds (the structure, dependents, rights, locks) and what only shows from outside: whether
    /// foreign servers and the portal answer and how fast, clocks, standbys, replication slots, free disk, vacuums. What a source *holds* is the
    /// preflight's to say.
    ///
    /// # Locks
    /// `ACCESS SHARE` on system catalogs, on views that are deparsed, and for a moment on each member.
    ///
    /// # Errors
    /// None for what is found, an unreachable database included: [`CheckReport::has_errors`] tells. Only when the release set's
    /// own name is none.
    pub async fn check(&self) -> Result<CheckReport, ReleaseError> {
        let run: BoxFuture<'_, _> = Box::pin(self.run_check());
        run.await
    }

    async fn run_check(&self) -> Result<CheckReport, ReleaseError> {
        self.release_set()?;
        let mut findings = Findings::default();
        self.check_file(&mut findings);
        match self.target.connect("check").await {
            Ok(mut session) => {
                self.check_database(&mut session, &mut findings).await;
                session.close().await;
            }
            Err(error) => findings.failed(Concern::Connection, &error.into()),
        }
        self.check_portal(&mut findings).await;
        Ok(CheckReport::new(findings.all, findings.disk))
    }

    async fn check_database(&self, session: &mut Session, findings: &mut Findings) {
        let stands = self.check_connection(session, findings).await;
        let looked = self.check_clock(session, findings).await;
        findings.unless_looked(Concern::Clock, &looked);
        let looked = self.check_rights(session, findings).await;
        findings.unless_looked(Concern::Rights, &looked);
        let live = self.read_live(session).await;
        match &live {
            Ok(live) => {
                let looked = self.check_plans(session, live, findings).await;
                findings.unless_looked(Concern::Structure, &looked);
            }
            Err(error) => findings.failed(Concern::Structure, error),
        }
        let looked = self.check_refreshed(session, findings).await;
        findings.unless_looked(Concern::Sources, &looked);
        let looked = self.check_sources(session, findings).await;
        findings.unless_looked(Concern::Sources, &looked);
        let looked = self.check_replication(session, findings).await;
        findings.unless_looked(Concern::Replication, &looked);
        match self.members_of(live) {
            Ok(members) => {
                let looked = self.check_disk(session, &members, findings).await;
                findings.unless_looked(Concern::Disk, &looked);
                let looked = self.check_vacuum(session, &members, findings).await;
                findings.unless_looked(Concern::Vacuum, &looked);
            }
            Err(error) => {
                findings.failed(Concern::Disk, &error);
                findings.failed(Concern::Vacuum, &error);
            }
        }
        // Nothing temporary can be made on a standby.
        if stands {
            let looked = self.check_foreign_servers(session, findings).await;
            findings.unless_looked(Concern::ForeignServer, &looked);
        }
    }

    /// What can be told without a database.
    fn check_file(&self, findings: &mut Findings) {
        match self.hooks() {
            Ok(_) => {
                let hooks = self.file.hooks().len();
                if hooks > 0 {
                    findings.ok(
                        Concern::Hooks,
                        format!("{hooks} in the release file, their secrets are set"),
                    );
                }
            }
            Err(error) => findings.failed(Concern::Hooks, &error),
        }
    }
}
