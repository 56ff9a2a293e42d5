//! The ways rows can travel, and which one an import takes.

use std::fmt;

use serde::Serialize;

use crate::error::ImportError;
use crate::facts::{Facts, SourceFacts};
use crate::import::Straight;
use crate::mapping::Mapping;
use crate::source::{Conversion, Fit};
use crate::target::Target;
use crate::{Import, Way};

/// How the rows will travel, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WayChosen {
    /// The way.
    pub way: Transport,
    /// Why this one, for people.
    pub reason: String,
}

/// The ways rows can travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Transport {
    /// `INSERT … SELECT` within the target's database.
    ServerSide,
    /// A COPY pipe through the client, in binary format.
    BinaryPipe,
    /// A COPY pipe through the client, in text format.
    TextPipe,
    /// A file read by the client, sent as COPY data.
    Csv,
    /// What a program makes, sent as COPY data.
    Program,
}

impl fmt::Display for WayChosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Transport::ServerSide => "server-side INSERT … SELECT",
            Transport::BinaryPipe => "binary COPY pipe",
            Transport::TextPipe => "text COPY pipe",
            Transport::Csv => "CSV file through COPY",
            Transport::Program => "rows of a program through COPY",
        };
        write!(f, "{way}: {}", self.reason)
    }
}

impl WayChosen {
    /// The way for what was found.
    pub(crate) fn choose(import: &Import, facts: &Facts) -> Self {
        match &facts.source {
            SourceFacts::Here(_, _) => {
                let here = "the source is in the target's database, so no row has to leave the server";
                Self::new(
                    Transport::ServerSide,
                    match import.straightness() {
                        Straight::No(why) => format!("{here}; not straight from the foreign server: {why}"),
                        Straight::NotAsked | Straight::From(_) => here.to_owned(),
                    },
                )
            }
            SourceFacts::Elsewhere(_, fits, _) => {
                let from = match import.straightness() {
                    Straight::From(server) => format!(
                        "straight from foreign server {server}: all that the source reads is there, and means the same"
                    ),
                    Straight::NotAsked | Straight::No(_) if !import.checks().is_empty() => {
                        "the source has a connection of its own, since its rows are to be checked as they pass".to_owned()
                    }
                    Straight::NotAsked | Straight::No(_) => {
                        "the source has a connection of its own".to_owned()
                    }
                };
                pipe_way(import, &from, &facts.mapping, fits, &facts.target)
            }
            SourceFacts::File(_) => Self::new(
                Transport::Csv,
                "the file is on the machine that runs the import; the server parses the values",
            ),
            SourceFacts::Program(_, _) => Self::new(
                Transport::Program,
                "the program that runs the import makes them; the server parses the values",
            ),
        }
    }

    fn new(way: Transport, reason: impl Into<String>) -> Self {
        Self {
            way,
            reason: reason.into(),
        }
    }
}

/// Refuses a way that contradicts where the source is.
pub(crate) fn refuse_impossible_way(import: &Import, source_given: bool) -> Result<(), ImportError> {
    if import.may_set_aside() && !(source_given && import.is_chunked()) {
        return Err(ImportError::way(
            import,
            "a lookup may set rows aside, for which they have to be read in chunks, on a connection of their own",
        ));
    }
    match (import.way_asked(), source_given) {
        (Way::ServerSide, true) => Err(ImportError::way(
            import,
            "server-side was asked for, but the source was given a connection of its own",
        )),
        (Way::CopyPipe, false) => Err(ImportError::way(
            import,
            "the COPY pipe was asked for, and it needs a second connection to read the source",
        )),
        _ => Ok(()),
    }
}

/// Binary where every column's type is the same on both sides and means the same in both databases.
fn pipe_way(import: &Import, from: &str, mapping: &Mapping, fits: &[Fit], target: &Target) -> WayChosen {
    let obstacle = mapping.pairs.iter().zip(fits).find(|(pair, fit)| {
        let sent_is_portable = match fit.conversion {
            Conversion::None => fit.portable,
            // The source casts it to the target's type before it is sent.
            Conversion::Assign(_) => true,
            Conversion::TextForm | Conversion::Impossible => false,
        };
        !sent_is_portable || !target.columns[pair.target].portable
    });
    match obstacle {
        None => WayChosen {
            way: Transport::BinaryPipe,
            reason: format!("{from}, and every column's binary form is the same on both sides"),
        },
        Some((pair, _)) => {
            let column = &target.columns[pair.target].name;
            let why = if import.casts(column) {
                format!("the table reads the text of column {column}")
            } else {
                format!("the binary form of column {column} differs between databases")
            };
            WayChosen {
                way: Transport::TextPipe,
                reason: format!("{from}, and {why}"),
            }
        }
    }
}
