//! Importers written in Rust: `[[import]] rust = "name"`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use cutover_core::release_file::{self as file, ImportSource, Label, TemplateFacts};
use cutover_core::{Ident, QualifiedName};
use cutover_importer::{RowSink, RowSource, RowsSent};
use tokio_postgres::Transaction;

use crate::{Cutover, ReleaseError};

/// An importer that is Rust code of the program which runs the release, registered with [`Cutover::importer`].
///
/// It is an importer like all others: the release file says which table it fills, in which phase and after which others; its rows
/// are streamed by COPY and are in together with its checkpoint, or not at all. After a failure it runs again from its
/// beginning; once it is done it does not run again.
///
/// ```
/// use cutover::{Cutover, Importer, ImporterContext, RowSink, RowsSent};
/// use cutover_core::release_file::ReleaseFile;
/// use cutover_core::{ConnectSettings, Environment};
///
/// /// One row, with the release's label.
/// #[derive(Debug)]
/// struct About;
///
/// impl Importer for About {
///     fn columns(&self) -> Vec<String> {
///         vec!["label".to_owned(), "sites".to_owned()]
///     }
///
///     fn send_rows<'a>(&'a self, release: ImporterContext<'a>, rows: &'a mut RowSink<'_>) -> RowsSent<'a> {
///         Box::pin(async move {
///             let sites = release.staging("sites").ok_or("`sites` is no member")?;
///             let count = format!("SELECT count(*) FROM {sites}"); // a `QualifiedName` prints itself quoted
///             let count: i64 = release.session().query_one(&count, &[]).await?.get(0);
///             Ok(rows.send(&[&release.label().as_str(), &count]).await?)
///         })
///     }
/// }
///
/// let file = ReleaseFile::parse(
///     r#"
///     [release]
///     name = "parks"
///     tables = ["sites", "about"]
///
///     [target]
///     url = "env:DATABASE_URL"
///
///     [[import]]
///     name = "sites"
///     into = "sites"
///     from = "portal_sites"
///
///     [[import]]
///     name = "about"
///     into = "about"
///     rust = "about"
///     after = ["sites"]
///     "#,
///     "release.toml",
/// )?;
/// let target = ConnectSettings::resolve("service=wdpa", &Environment::empty());
/// # let target = ConnectSettings::resolve("postgresql://me@localhost/db", &Environment::empty());
/// let cutover = Cutover::new(file, target?).importer("about", About);
/// # drop(cutover);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Importer: fmt::Debug + Send + Sync {
    /// The names of the columns that it fills, in the order in which rows have their values. They are compared with the table's when
    /// the importer begins, and whatever does not fit is told at once.
    fn columns(&self) -> Vec<String>;

    /// Sends all rows. An error ends the importer, and none of its rows are in.
    ///
    /// When the release is asked to stop, the future is dropped. What blocks its thread keeps the whole release from going on, that
    /// stop included: such work belongs into a task of its own (`tokio::task::spawn_blocking`).
    fn send_rows<'a>(&'a self, release: ImporterContext<'a>, rows: &'a mut RowSink<'_>) -> RowsSent<'a>;
}

/// What an [`Importer`] is told of the release that it runs in.
#[derive(Clone, Copy)]
pub struct ImporterContext<'a> {
    facts: &'a Facts,
    session: &'a Transaction<'a>,
}

impl fmt::Debug for ImporterContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImporterContext")
            .field("facts", self.facts)
            .finish_non_exhaustive()
    }
}

impl<'a> ImporterContext<'a> {
    /// The release's label, as `{{ label }}` has it.
    #[must_use]
    pub fn label(&self) -> &'a Label {
        &self.facts.label
    }

    /// The folder that relative paths in the release file start from.
    #[must_use]
    pub fn folder(&self) -> &'a Path {
        &self.facts.folder
    }

    /// The staging table of a member of the release set, as `{{ staging('…') }}` has it; `None` where it is no member. The rows of
    /// the importers named in `after` are in it.
    #[must_use]
    pub fn staging(&self, member: &str) -> Option<&'a QualifiedName> {
        self.facts
            .staging
            .iter()
            .find_map(|(name, staging)| (name.as_str() == member).then_some(staging))
    }

    /// A session on the target to read with, in a `READ ONLY`, `REPEATABLE READ` transaction that began with the importer. Names
    /// are found as an importer's query finds them: those of materialized views of the set mean their staging twins.
    #[must_use]
    pub fn session(&self) -> &'a Transaction<'a> {
        self.session
    }
}

#[derive(Debug)]
struct Facts {
    label: Label,
    folder: std::path::PathBuf,
    staging: BTreeMap<Ident, QualifiedName>,
}

/// An importer in a release.
#[derive(Debug)]
struct InRelease {
    importer: Arc<dyn Importer>,
    facts: Facts,
}

impl RowSource for InRelease {
    fn columns(&self) -> Vec<String> {
        self.importer.columns()
    }

    fn send_rows<'a>(
        &'a self,
        reading: Option<&'a Transaction<'_>>,
        rows: &'a mut RowSink<'_>,
    ) -> RowsSent<'a> {
        let Some(session) = reading else {
            return Box::pin(async { Err("it was given no session to read with".into()) });
        };
        let facts = &self.facts;
        self.importer.send_rows(ImporterContext { facts, session }, rows)
    }
}

impl Cutover {
    /// The rows of the code that an importer names.
    pub(crate) fn rows_of(
        &self,
        import: &str,
        rust: &str,
        facts: &TemplateFacts,
    ) -> Result<Arc<dyn RowSource>, ReleaseError> {
        let importer = self.registered(import, rust)?;
        let staging = |member: Ident| {
            let twin = self.staging(&member);
            (member, twin)
        };
        let facts = Facts {
            label: facts.label().clone(),
            folder: self.folder.clone(),
            staging: self.members().into_iter().map(staging).collect(),
        };
        Ok(Arc::new(InRelease {
            importer: Arc::clone(importer),
            facts,
        }))
    }

    /// # Errors
    /// [`ReleaseError::UnknownRust`] for the first importer whose code this program does not have.
    pub(crate) fn refuse_unknown_rust<'a>(
        &self,
        imports: impl IntoIterator<Item = &'a file::Import>,
    ) -> Result<(), ReleaseError> {
        for import in imports {
            if let ImportSource::Rust { rust } = &import.source {
                self.registered(&import.name, rust)?;
            }
        }
        Ok(())
    }

    fn registered(&self, import: &str, rust: &str) -> Result<&Arc<dyn Importer>, ReleaseError> {
        self.importers.get(rust).ok_or_else(|| ReleaseError::UnknownRust {
            importer: import.to_owned(),
            rust: rust.to_owned(),
            known: self.importers.keys().cloned().collect(),
        })
    }
}
