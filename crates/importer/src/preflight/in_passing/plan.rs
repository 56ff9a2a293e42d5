//! Which checks can be made on the rows of an import.

use cutover_core::records::ImportSoFar;
use cutover_core::{Digest, Ident, QualifiedName, Sql};

use super::kept;
use crate::facts::{Facts, SourceFacts};
use crate::preflight::Engine;
use crate::preflight::check::{Check, Subject};
use crate::preflight::geometry::native::{Fields, Looked};
use crate::preflight::geometry::server;
use crate::source::Conversion;
use crate::{Import, Transport};

/// The checks that were asked of an import.
#[derive(Debug, Clone, Default)]
pub(crate) struct InPassing {
    made: Vec<Made>,
    /// Those that cannot be made on its rows; their notes say why.
    apart: Vec<Check>,
}

/// A check made on the rows of an import.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) check: Check,
    pub(super) looked: Looked,
    /// Prints a key, given in the binary format, as one array of texts.
    pub(super) print_key: Sql,
    /// Returns the rows that cannot be read here, for the server to judge.
    pub(super) unread: Sql,
    /// Over what is looked for, and how much of it is kept.
    pub(super) digest: String,
}

impl InPassing {
    /// Needs no connection: everything it depends on is in `facts`.
    pub(crate) fn compute(import: &Import, facts: &Facts, way: Transport) -> Self {
        let mut all = Self::default();
        for check in import.checks() {
            match made(check, import, facts, way) {
                Ok(made) => all.made.push(made),
                Err(why) => all.apart.push(apart(check, import, &why)),
            }
        }
        all
    }

    /// Those to be made on the rows behind the chunks that are in.
    pub(super) fn made_behind(&self, so_far: &ImportSoFar) -> impl Iterator<Item = &Made> {
        self.made
            .iter()
            .filter(|made| kept::knows_all(so_far, &made.digest))
    }

    /// Those to be made apart.
    pub(crate) fn apart_behind(&self, import: &Import, so_far: &ImportSoFar) -> Vec<Check> {
        let unknown = self
            .made
            .iter()
            .filter(|made| !kept::knows_all(so_far, &made.digest))
            .map(|made| {
                apart(
                    &made.check,
                    import,
                    "chunks of it were imported without this check",
                )
            });
        self.apart.iter().cloned().chain(unknown).collect()
    }

    /// Lines for people.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        let made = self
            .made
            .iter()
            .map(|made| format!("its rows are checked as they pass: {}", made.check));
        let apart = self.apart.iter();
        made.chain(apart.map(|check| format!("{check}: {}", check.note.as_deref().unwrap_or_default())))
    }
}

fn apart(check: &Check, import: &Import, why: &str) -> Check {
    check
        .clone()
        .note(format!("read apart from importer {}: {why}", import.name()))
}

fn made(check: &Check, import: &Import, facts: &Facts, way: Transport) -> Result<Made, String> {
    let Subject::Geometry(geometry) = &check.subject else {
        return Err("it is not about geometries".to_owned());
    };
    if geometry.engine != Engine::Native {
        return Err("the server is to judge them".to_owned());
    }
    if import.relation() != Some(&geometry.view) {
        return Err(format!("it does not import {}", geometry.view));
    }
    if facts.is_parted(import) {
        return Err("ranges of its key are loaded side by side".to_owned());
    }
    if import.is_transformed() {
        return Err("it changes its rows on their way".to_owned());
    }
    if import.sample_rows().is_some() {
        return Err("a sample is not all rows".to_owned());
    }
    let (SourceFacts::Elsewhere(rows, fits, _), true) = (&facts.source, way == Transport::BinaryPipe) else {
        return Err("its rows do not pass through the client in binary".to_owned());
    };
    let pairs = || facts.mapping.pairs.iter().zip(fits).enumerate();
    let field = |column: &Ident| {
        pairs()
            .find(|(_, (pair, _))| rows.columns[pair.source].name == *column)
            .map(|(at, _)| at)
            .ok_or_else(|| format!("it does not import column {column}"))
    };
    let type_of = |at: usize| &facts.target.columns[facts.mapping.pairs[at].target].base_type;
    let (fields, postgis) = (facts.mapping.pairs.len(), facts.postgis.as_ref());
    let postgis = postgis.ok_or("PostGIS is not installed")?;
    let geometry_type = Ident::new("geometry").map(|name| QualifiedName::new(postgis.clone(), name));
    let geometry_type = geometry_type.map_err(|error| error.to_string())?;
    let at = field(&geometry.column)?;
    let is_as_it_was = fits[at].conversion == Conversion::None && *type_of(at) == geometry_type;
    if !is_as_it_was {
        return Err(format!(
            "it does not bring column {} as a geometry",
            geometry.column
        ));
    }
    let key: Vec<usize> = geometry.key.iter().map(field).collect::<Result<_, _>>()?;
    let printed = (1..).zip(&key).map(|(n, at)| {
        Sql::text("$")
            .number(n)
            .then("::")
            .name(type_of(*at))
            .then("::pg_catalog.text")
    });
    let digest = Digest::of([format!("{geometry:?} {}", check.max_keys).as_bytes()]);
    Ok(Made {
        print_key: Sql::text("SELECT ARRAY[")
            .append(&Sql::join(printed, ", "))
            .then("]::pg_catalog.text[]"),
        unread: server::scan_of_unread(geometry, postgis),
        digest: digest.as_str().to_owned(),
        looked: Looked {
            check: geometry.clone(),
            fields: Fields::Among {
                fields,
                key,
                geometry: at,
            },
        },
        check: check
            .clone()
            .note(format!("made on the rows of importer {}", import.name())),
    })
}
