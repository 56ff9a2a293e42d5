//! Importers that read their source straight from the portal, past the foreign data wrapper.

use cutover_core::Session;
use cutover_importer::{Direct, Import, ImportOutcome, ImportPlan, LoadSettings, NotDirect};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::import::begin;
use crate::release::with_causes;
use crate::run::{Run, session_error};
use crate::{PortalLogin, ReleaseError};

impl Run<'_> {
    /// Imports straight from the portal; or does nothing, and says why it has to be the local way.
    ///
    /// The reason is never an error of its own: a portal that does not answer is told by the local way, if that needs
    /// it. Once rows move, there is no way back to the other way: an error is the importer's.
    pub(super) async fn import_straight(
        &self,
        planned: &Import,
        settings: &LoadSettings,
        login: &PortalLogin,
        client: &mut Client,
    ) -> Result<Result<ImportOutcome, NotDirect>, ReleaseError> {
        let tx = begin(client, IsolationLevel::ReadCommitted).await?;
        let direct = match Direct::find(planned, settings, &tx).await? {
            Ok(direct) => direct,
            Err(why) => return Ok(Err(why)),
        };
        let mut portal = match self.portal_session(&direct, login, &tx).await? {
            Ok(session) => session,
            Err(why) => return Ok(Err(why)),
        };
        let reading = portal
            .build_transaction()
            .read_only(true)
            .isolation_level(IsolationLevel::RepeatableRead)
            .start()
            .await
            .map_err(|error| session_error("begin to read straight from the portal in", error))?;
        if let Err(why) = direct.verify(&tx, &reading).await? {
            return Ok(Err(why));
        }
        let plan = match ImportPlan::read(direct.import(), direct.settings(), &tx, Some(&reading)).await {
            Ok(plan) => plan,
            // An older server that does not know a function, say. What is wrong with the table, the local way tells.
            Err(error) => return Ok(Err(NotDirect::because(with_causes(&error)))),
        };
        let outcome = plan.run_in(&tx, Some(&reading), &self.events).await?;
        self.commit_importer(tx, planned.name(), &outcome).await?;
        drop(reading);
        portal.close().await;
        Ok(Ok(outcome))
    }

    async fn portal_session(
        &self,
        direct: &Direct,
        login: &PortalLogin,
        tx: &Transaction<'_>,
    ) -> Result<Result<Session, NotDirect>, ReleaseError> {
        let settings = match login {
            PortalLogin::Settings(settings) => (**settings).clone(),
            PortalLogin::UserMapping => match direct.login(tx).await? {
                Ok(settings) => settings,
                Err(why) => return Ok(Err(why)),
            },
        };
        let session = settings.connect(&self.purpose()).await;
        Ok(session.map_err(|error| NotDirect::because(with_causes(&error))))
    }
}
