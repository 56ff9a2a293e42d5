//! Importers that read their source straight from the portal, past the foreign data wrapper.

use cutover_core::ConnectSettings;
use cutover_core::records::ImportSoFar;
use cutover_importer::{Direct, Import, ImportOutcome, ImportPlan, LoadSettings, NotDirect};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::import::begin;
use crate::release::with_causes;
use crate::run::Run;
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
        let login = match self.portal_settings(&direct, login, &tx).await? {
            Ok(login) => login,
            Err(why) => return Ok(Err(why)),
        };
        let mut portal = match login.connect(&self.purpose()).await {
            Ok(session) => session,
            Err(error) => return Ok(Err(NotDirect::because(with_causes(&error)))),
        };
        let reading = self
            .begin_to_read(&mut portal, direct.server(), &login, direct.settings())
            .await?;
        if let Err(why) = direct.verify(&tx, &reading).await? {
            return Ok(Err(why));
        }
        let plan = match ImportPlan::read(direct.import(), direct.settings(), &tx, Some(&reading)).await {
            Ok(plan) => plan,
            // An older server that does not know a function, say. What is wrong with the table, the local way tells.
            Err(error) => return Ok(Err(NotDirect::because(with_causes(&error)))),
        };
        let apart = self.check_apart(&plan, &ImportSoFar::default()).await?;
        let mut outcome = plan.run_in(&tx, Some(&reading), &self.events).await?;
        outcome.checks.extend(apart);
        self.commit_importer(tx, planned.name(), &outcome).await?;
        drop(reading);
        portal.close().await;
        Ok(Ok(outcome))
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
