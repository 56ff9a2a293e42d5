//! By how many ranges importers are loaded, and how many connections that takes, as far as the release file tells.

use std::fmt;

use cutover_core::Ident;
use cutover_core::release_file::{Import, ImportSource, ImportWay};
use serde::Serialize;

use crate::Cutover;

/// How many connections the importers of a release take at once, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedImports {
    /// Importers at once (`load.jobs`).
    pub jobs: u32,
    /// The importers, in the order of the release file.
    pub importers: Vec<PlannedImport>,
    /// Connections to the target that they take at once, at most: two for each range of each importer.
    pub target_connections: u32,
    /// How many there may be (`target.pool_size`, or what is taken where that is not set).
    pub target_pool_size: u32,
    /// Connections to a foreign server that they take at once, at most, where they read foreign tables: each session with the target may
    /// have one there. With `[portal]` one more keeps the state that all read.
    pub portal_connections: u32,
}

/// By how many ranges an importer is to be loaded at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedImport {
    /// The importer.
    pub importer: String,
    /// Ranges at once. There are fewer where key, table or source stand against it, which is seen when the importer begins: its way
    /// tells.
    pub ranges: u32,
    /// The column that they are ranges of: the key's first.
    pub of: Option<Ident>,
    /// Why it is one where more are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<&'static str>,
}

impl PlannedImport {
    /// Whether there is more to tell than that its rows come as one stream, as nobody asked for more.
    pub(crate) fn is_worth_telling(&self) -> bool {
        self.ranges > 1 || self.because.is_some()
    }
}

impl fmt::Display for PlannedImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "importer {}: ", self.importer)?;
        match (&self.of, self.because) {
            (Some(of), _) => write!(
                f,
                "in {} ranges of {of} at once, if nothing stands against it",
                self.ranges
            ),
            (None, Some(because)) => write!(f, "in one range: {because}"),
            (None, None) => f.write_str("in one range"),
        }
    }
}

impl fmt::Display for PlannedImports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "importers: {} at once; up to {} connections to the target, of {} that there may be, and up to {} to a foreign \
             server that they read from",
            self.jobs, self.target_connections, self.target_pool_size, self.portal_connections
        )
    }
}

impl Cutover {
    /// What the release file says of how importers are loaded side by side.
    pub(crate) fn planned_imports(&self) -> PlannedImports {
        let file = &self.file;
        let asked_for = |import: &Import| import.ranges.unwrap_or(file.load().ranges);
        let importers = file.imports().iter().map(|import| {
            let ranges = file.ranges_of(import);
            PlannedImport {
                importer: import.name.clone(),
                ranges,
                of: import.key.first().filter(|_| ranges > 1).cloned(),
                because: (ranges <= 1 && asked_for(import) > 1).then(|| one_range_because(import)),
            }
        });
        let target_connections = file.import_connections();
        PlannedImports {
            jobs: file.load().jobs.max(1),
            importers: importers.collect(),
            target_connections,
            target_pool_size: self.pool_size(),
            portal_connections: target_connections.saturating_add(u32::from(file.portal().is_some())),
        }
    }
}

/// Why an importer has no ranges though they are asked for.
fn one_range_because(import: &Import) -> &'static str {
    match import.source {
        ImportSource::Csv(_) => "a file is read as one stream",
        ImportSource::Rust { .. } => "code sends its rows as one stream",
        _ if import.way == ImportWay::Server => "it goes inside the server (`way`)",
        _ => "it has no `key`",
    }
}
