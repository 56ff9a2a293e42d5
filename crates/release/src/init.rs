//! A release file for a database that has none yet: proposed from its catalog, to be looked at and completed.

mod document; // as TOML, with comments
mod landscape; // tables and sources
mod likeness; // which column is meant for which
mod proposal; // what fits what

use cutover_core::{ConnectError, ConnectSettings, Ident, StatementError};
use tokio_postgres::Client;

pub use proposal::{Proposal, ProposedImport};

use landscape::Landscape;

/// What to propose a release file for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct InitOptions {
    name: Option<String>,
    schema: Ident,
    portal_schemas: Vec<Ident>,
    tables: Vec<Ident>,
}

/// Nothing can be proposed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The database cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Its catalog cannot be read.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A table that was asked for does not exist.
    #[error("there is no table {} in schema {schema}", table.as_str())]
    NoSuchTable {
        /// The table.
        table: Ident,
        /// The schema.
        schema: Ident,
    },
    /// No source fits any table.
    #[error("no source fits any of {tables} tables of schema {schema}; {sources} sources were looked at")]
    NothingFits {
        /// The schema.
        schema: Ident,
        /// How many tables it has.
        tables: usize,
        /// How many sources there are.
        sources: usize,
    },
}

impl InitError {
    /// What the operator can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Connect(error) => error.remedy().to_string(),
            Self::Statement(error) => error.remedy().to_owned(),
            Self::NoSuchTable { .. } => "name tables of the schema that --schema names".to_owned(),
            Self::NothingFits { .. } => {
                "name the schema that holds the views over the portal with --portal-schema, and that of the tables with \
                 --schema; a table is taken where two columns and a key, or its name, go with a source"
                    .to_owned()
            }
        }
    }
}

impl InitOptions {
    /// The tables of a schema; what reads foreign tables is where they may be imported from.
    pub fn new(schema: Ident) -> Self {
        Self {
            name: None,
            schema,
            portal_schemas: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// The release set's name; that of the database unless set.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sources are the tables, views and foreign tables of these schemas only; whatever reads foreign tables unless set.
    pub fn portal_schemas(mut self, schemas: impl IntoIterator<Item = Ident>) -> Self {
        self.portal_schemas = schemas.into_iter().collect();
        self
    }

    /// Looks at these tables only; all of the schema unless set.
    pub fn tables(mut self, tables: impl IntoIterator<Item = Ident>) -> Self {
        self.tables = tables.into_iter().collect();
        self
    }
}

impl Proposal {
    /// Reads the catalog of the database and proposes a release file. It reads no rows and changes nothing.
    ///
    /// # Errors
    /// [`InitError`] when the database cannot be read, or nothing in it can be imported.
    pub async fn read(target: &ConnectSettings, options: &InitOptions) -> Result<Self, InitError> {
        let session = target.connect("init").await?;
        let proposal = Self::propose(&session, options).await;
        session.close().await;
        proposal
    }

    async fn propose(client: &Client, options: &InitOptions) -> Result<Self, InitError> {
        let schema = &options.schema;
        let landscape = Landscape::read(client, schema, &options.portal_schemas).await?;
        let known = |table: &Ident| landscape.tables.iter().any(|known| known.name.name == *table);
        if let Some(table) = options.tables.iter().find(|table| !known(table)) {
            return Err(InitError::NoSuchTable {
                table: table.clone(),
                schema: schema.clone(),
            });
        }
        let name = match &options.name {
            Some(name) => name.clone(),
            None => safe_name(&landscape.database),
        };
        let proposal = Self::compute(name, schema.clone(), &landscape, &options.tables);
        if proposal.imports.is_empty() {
            return Err(InitError::NothingFits {
                schema: schema.clone(),
                tables: landscape.tables.len(),
                sources: landscape.sources.len(),
            });
        }
        Ok(proposal)
    }

    /// The release file, as TOML with comments; `url` is what `[target] url` says.
    #[must_use]
    pub fn release_file(&self, url: &str) -> String {
        document::release_file(self, url)
    }
}

/// A name of the database as one of the release file, which has letters, digits, `.`, `_` and `-` only.
fn safe_name(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = name.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches(['.', '_', '-']);
    if name.is_empty() {
        "unnamed".to_owned()
    } else {
        name.chars().take(MAX_NAME).collect()
    }
}

/// As long as a label may be.
const MAX_NAME: usize = 63;
