//! Importers that read their source straight from the portal, past the foreign data wrapper.

use cutover_core::records::ImportSoFar;
use cutover_core::release_file::Import as FileImport;
use cutover_core::{ConnectSettings, Session};
use cutover_importer::{Direct, Import, ImportOutcome, ImportPlan, LoadSettings, NotDirect};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::import::begin;
use super::import_ranges::Beginning;
use crate::release::with_causes;
use crate::run::{Run, session_error};
use crate::{PortalLogin, ReleaseError};

impl Run<'_> {
    /// Imports straight from the portal; or does nothing, and says why it has to be the local way.
    ///
    /// The reason is never an error of its own: a portal that does not answer is told by the local way, if that needs
    /// it. Once rows move, there is no way back to the other way: an error is the importer's. Nor is there a way over for an
    /// importer of which chunks are in that were read the local way.
    pub(super) async fn import_straight(
        &self,
        import: &FileImport,
        planned: &Import,
        settings: &LoadSettings,
        login: &PortalLogin,
        client: &mut Client,
    ) -> Result<Result<ImportOutcome, NotDirect>, ReleaseError> {
        let beginning = if self.is_chunked(import) {
            Some(self.beginning_of(import, client).await?)
        } else {
            None
        };
        let settings = match beginning {
            Some(_) => self.settings_of_chunks(import, settings),
            None => settings.clone(),
        };
        let tx = begin(client, IsolationLevel::ReadCommitted).await?;
        let direct = match Direct::find(planned, &settings, &tx).await? {
            Ok(direct) => direct,
            Err(why) => return Ok(Err(why)),
        };
        let login = match self.portal_settings(&direct, login, &tx).await? {
            Ok(login) => login,
            Err(why) => return Ok(Err(why)),
        };
        let mut portal = match login.connect(&self.purpose()).await {
            Ok(session) => session,
            Err(error) => return Ok(Err(NotDirect::unreachable(with_causes(&error)))),
        };
        let (reading, is_shared) = self
            .begin_to_read(&mut portal, direct.server(), &login, direct.settings())
            .await?;
        if let Err(why) = direct.verify(&tx, &reading).await? {
            return Ok(Err(why));
        }
        let planned = match &beginning {
            Some(beginning) => beginning.of(direct.import().clone()),
            None => direct.import().clone(),
        };
        let plan = match ImportPlan::read(&planned, direct.settings(), &tx, Some(&reading)).await {
            Ok(plan) => plan,
            // An older server that does not know a function, say. What is wrong with the table, the local way tells.
            Err(error) => return Ok(Err(NotDirect::because(with_causes(&error)))),
        };
        let outcome = if let Some(beginning) = beginning {
            tx.rollback()
                .await
                .map_err(|error| session_error("end planning in", error))?;
            if !plan.goes_on_from(&beginning.so_far, beginning.kept.as_ref()) {
                return Ok(Err(NotDirect::because(
                    "chunks of it are in that were read the local way",
                )));
            }
            let portal = Portal {
                direct: &direct,
                login: &login,
                reading: &reading,
                is_shared,
            };
            self.load_straight(&beginning, &plan, client, portal).await?
        } else {
            let apart = self.check_apart(&plan, &ImportSoFar::default()).await?;
            let mut outcome = plan.run_in(&tx, Some(&reading), &self.events).await?;
            outcome.checks.extend(apart);
            self.commit_importer(tx, planned.name(), &outcome).await?;
            outcome
        };
        drop(reading);
        portal.close().await;
        Ok(Ok(outcome))
    }

    /// Loads chunks by as many sessions with the portal as there are ranges at once.
    async fn load_straight(
        &self,
        beginning: &Beginning<'_>,
        plan: &ImportPlan,
        target: &mut Client,
        portal: Portal<'_>,
    ) -> Result<ImportOutcome, ReleaseError> {
        let Portal {
            direct,
            login,
            reading,
            is_shared,
        } = portal;
        let (ranges, at_once) = beginning.ranges(plan, reading, is_shared).await?;
        let (mut sessions, mut targets): (Vec<Session>, Vec<_>) = (Vec::new(), Vec::new());
        for begun in 1..at_once {
            match login.connect(&self.purpose()).await {
                Ok(session) => sessions.push(session),
                // The portal lets a role have so many sessions.
                Err(error) => {
                    self.warn(format!(
                        "importer {}: {begun} of its ranges are loaded at once, not {at_once}: {}",
                        plan.importer(),
                        with_causes(&error)
                    ));
                    break;
                }
            }
            targets.push(self.client().await?);
        }
        let mut readings = Vec::new();
        for session in &mut sessions {
            let begun = self.begin_to_read(session, direct.server(), login, direct.settings());
            match begun.await? {
                (reading, true) => readings.push(reading),
                // A warning says why.
                (_, false) => break,
            }
        }
        let first = (target, reading);
        let outcome = self
            .load_chunks(beginning, plan, &ranges, first, (&mut targets, &readings))
            .await?;
        drop(readings);
        for session in sessions {
            session.close().await;
        }
        Ok(outcome)
    }

    async fn portal_settings(
        &self,
        direct: &Direct,
        login: &PortalLogin,
        tx: &Transaction<'_>,
    ) -> Result<Result<ConnectSettings, NotDirect>, ReleaseError> {
        match login {
            PortalLogin::Settings(settings) => Ok(Ok((**settings).clone())),
            PortalLogin::UserMapping => Ok(direct.login(tx).await?),
        }
    }
}

/// Where an importer reads straight from, and the transaction that it was planned with.
struct Portal<'a> {
    direct: &'a Direct,
    login: &'a ConnectSettings,
    reading: &'a Transaction<'a>,
    is_shared: bool,
}
