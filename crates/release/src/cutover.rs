//! The one-call API: a release set on its target.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cutover_core::records::Records;
use cutover_core::release_file::{Label, LabelError, ReleaseFile, TemplateFacts};
use cutover_core::{
    ConnectSettings, Environment, Ident, NamingPolicy, QualifiedName, ReleaseLock, Session,
    refuse_unsafe_session,
};
use deadpool_postgres::Pool;
use jiff::Timestamp;

use crate::{Importer, ReleaseError};

/// Importers and checks that run at once, where the release file does not say.
const DEFAULT_POOL_SIZE: u32 = 4;

/// A release set on its target: what `cutover release`, `status`, `rollback` and the others call.
///
/// Cheap to make: nothing is connected before a method is called. Every method opens its own sessions and closes them.
///
/// ```no_run
/// use cutover::{Cutover, ReleaseOptions, StopSignal};
/// use cutover_core::{ConnectSettings, Environment, Events, release_file::ReleaseFile};
///
/// # async fn example(text: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let file = ReleaseFile::parse(text, "release.toml")?;
/// let target = ConnectSettings::resolve("service=wdpa", &Environment::empty())?;
/// let cutover = Cutover::new(file, target);
/// let report = cutover.release(&ReleaseOptions::default(), StopSignal::never(), &Events::none()).await?;
/// println!("{} is {}", report.label, report.state);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Cutover {
    pub(crate) file: ReleaseFile,
    pub(crate) target: ConnectSettings,
    pub(crate) folder: PathBuf,
    pub(crate) host: String,
    // On the heap: this struct is in every future here.
    pub(crate) naming: Box<NamingPolicy>,
    pub(crate) portal: Option<PortalLogin>,
    pub(crate) environment: Environment,
    /// By the names that the release file calls them by.
    pub(crate) importers: BTreeMap<String, Arc<dyn Importer>>,
}

/// How the upstream database is reached for what is read from it directly (`[portal]` of the release file).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PortalLogin {
    /// With these settings, as this machine knows the host.
    Settings(Box<ConnectSettings>),
    /// As the foreign server's options and the user mapping say.
    UserMapping,
}

impl Cutover {
    /// The release set of `file` in the database that `target` connects to.
    #[must_use]
    pub fn new(file: ReleaseFile, target: ConnectSettings) -> Self {
        Self {
            naming: Box::new(file.target().naming()),
            file,
            target,
            folder: PathBuf::from("."),
            host: String::new(),
            portal: None,
            environment: Environment::empty(),
            importers: BTreeMap::new(),
        }
    }

    /// Reads sources that need nothing else straight from the upstream database; none are unless set.
    ///
    /// The release file's `[portal]` says so in words; its secret is for the caller to resolve, like the target's.
    #[must_use]
    pub fn portal(mut self, login: PortalLogin) -> Self {
        self.portal = Some(login);
        self
    }

    /// The variables that secrets of hooks are looked up in, and that their commands are started with; none unless set.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// What `rust = "name"` of an `[[import]]` means; one of that name that there was before is replaced. A release whose file names
    /// one that is not here is refused before anything is done: [`ReleaseError::UnknownRust`].
    #[must_use]
    pub fn importer(mut self, name: impl Into<String>, importer: impl Importer + 'static) -> Self {
        self.importers.insert(name.into(), Arc::new(importer));
        self
    }

    /// The folder that relative paths in the release file start from; the current one unless set.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// The name of this machine, for the record that tells others who runs a release; empty unless set.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The release file.
    #[must_use]
    pub fn file(&self) -> &ReleaseFile {
        &self.file
    }

    pub(crate) fn in_folder(&self, path: &str) -> PathBuf {
        let path = Path::new(path);
        if path.is_absolute() {
            path.to_owned()
        } else {
            self.folder.join(path)
        }
    }

    pub(crate) fn release_set(&self) -> Result<Ident, ReleaseError> {
        Ident::new(self.file.release().name.clone()).map_err(ReleaseError::Name)
    }

    pub(crate) fn records(&self) -> Result<Records, ReleaseError> {
        Ok(Records::of(&self.release_set()?))
    }

    pub(crate) fn lock(&self) -> Result<ReleaseLock, ReleaseError> {
        Ok(ReleaseLock::of(&self.release_set()?))
    }

    pub(crate) fn schema(&self) -> &Ident {
        &self.file.target().schema
    }

    pub(crate) fn live(&self, member: &Ident) -> QualifiedName {
        self.file.live_name(member)
    }

    pub(crate) fn staging(&self, member: &Ident) -> QualifiedName {
        self.naming.staging(&self.live(member))
    }

    pub(crate) fn matviews(&self) -> &[Ident] {
        &self.file.release().matviews
    }

    pub(crate) fn members(&self) -> Vec<Ident> {
        self.file.release().members().cloned().collect()
    }

    /// A session on the target that a release lock may be taken on: no pooling proxy, no standby.
    pub(crate) async fn connect_safely(&self, purpose: &str) -> Result<Session, ReleaseError> {
        let session = self.target.connect(purpose).await?;
        refuse_unsafe_session(&session).await?;
        Ok(session)
    }

    pub(crate) async fn pool(&self, purpose: &str) -> Result<Pool, ReleaseError> {
        let size = usize::try_from(self.pool_size()).unwrap_or(1);
        Ok(self.target.pool(purpose, size).await?)
    }

    /// How many sessions a release may have beside its own.
    pub(crate) fn pool_size(&self) -> u32 {
        let default = DEFAULT_POOL_SIZE.max(self.file.import_connections());
        self.file.target().pool_size.unwrap_or(default).max(1)
    }

    /// The label asked for, checked, or the default one.
    pub(crate) fn choose_label(&self, asked: Option<&Label>) -> Result<Label, LabelError> {
        let labels = &self.file.release().labels;
        match asked {
            Some(label) => labels.check(label.as_str()),
            None => labels.default_label(Timestamp::now()),
        }
    }

    /// What placeholders stand for: every member's staging twin, the label.
    pub(crate) fn template_facts(&self, label: &Label) -> TemplateFacts {
        self.members()
            .iter()
            .fold(TemplateFacts::new(label.clone()), |facts, member| {
                facts.staging(member, &self.staging(member))
            })
    }
}

#[cfg(test)]
mod tests {
    use cutover_core::release_file::Secret;
    use cutover_core::{Events, Stamp};

    use super::*;
    use crate::{ReleaseOptions, RollbackOptions, StopSignal};

    /// A service spawns what it calls; nothing but the compiler can tell whether it may.
    #[test]
    fn every_call_can_be_spawned() {
        fn spawnable<T: Send + 'static>(_: T) {}
        let file = ReleaseFile::builder("set", Secret::literal("postgresql://127.0.0.1:1"))
            .tables([Ident::new("t").unwrap()])
            .build()
            .unwrap();
        let target = ConnectSettings::resolve("postgresql://me@127.0.0.1:1", &Environment::empty()).unwrap();
        let made = || {
            (
                Cutover::new(file.clone(), target.clone()),
                StopSignal::never(),
                Events::none(),
            )
        };

        let (cutover, stop, events) = made();
        spawnable(async move { cutover.release(&ReleaseOptions::default(), stop, &events).await });
        let (cutover, stop, events) = made();
        spawnable(async move {
            cutover
                .rollback(
                    &Stamp::at(Timestamp::now()),
                    &RollbackOptions::default(),
                    stop,
                    &events,
                )
                .await
        });
        let (cutover, stop, events) = made();
        spawnable(async move { cutover.preflight(None, stop, &events).await });
        let (cutover, _, events) = made();
        spawnable(async move { cutover.abort(&events).await });
        let (cutover, _, _) = made();
        spawnable(async move {
            (
                cutover.status().await,
                cutover.plan().await,
                cutover.backups().await,
            )
        });
    }
}
