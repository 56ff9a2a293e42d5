//! What the catalogs and the source say, read before anything is planned.

use cutover_core::{Digest, Ident, Sql};
use tokio_postgres::Transaction;

use crate::chunks::{key_sent, obstacle};
use crate::error::ImportError;
use crate::import::{Ranges, Straight};
use crate::mapping::{ColumnProblem, Mapping, map};
use crate::preflight::postgis_schema;
use crate::session::KnownSettings;
use crate::source::{Conversion, Fit, Rows, read_fits, sub_select};
use crate::statements::sent;
use crate::target::Target;
use crate::transform::{Reader, transformed};
use crate::way::refuse_impossible_way;
use crate::{Addition, CsvSource, Import, LoadSettings, Source};

/// What the catalogs and the source said; computing a plan from it needs no connection.
pub(crate) struct Facts {
    pub(crate) target: Target,
    /// Sets up the session that loads.
    pub(crate) target_setup: Sql,
    pub(crate) source: SourceFacts,
    pub(crate) mapping: Mapping,
    /// Why chunks of it cannot commit one by one; only for an import in chunks.
    pub(crate) whole_because: Option<String>,
    /// Why it is not loaded by several ranges at once; only where that was asked for.
    pub(crate) one_range_because: Option<String>,
    /// PostGIS's schema in the target's database; only asked for where rows are to be checked.
    pub(crate) postgis: Option<Ident>,
    /// What lookups add before.
    pub(crate) additions: Vec<Addition>,
}

/// Where the source is, and its columns.
pub(crate) enum SourceFacts {
    /// In the target's database.
    Here(Rows, Vec<Fit>),
    /// On a session of its own, with what sets that up.
    Elsewhere(Rows, Vec<Fit>, Sql),
    /// In a CSV file with these columns.
    File(Vec<String>),
    /// Made by a program, with these columns; and what sets up the session that it may read with.
    Program(Vec<String>, Option<Sql>),
}

impl Facts {
    /// Reads everything, and refuses a source whose columns do not fit.
    pub(crate) async fn read(
        import: &Import,
        settings: &LoadSettings,
        target: &Transaction<'_>,
        source: Option<&Transaction<'_>>,
    ) -> Result<Self, ImportError> {
        let failed = |purpose| ImportError::failed(import, purpose);
        let known = KnownSettings::read(target)
            .await
            .map_err(failed("ask for the settings to fill"))?;
        let target_setup = settings.for_target(known);
        target
            .batch_execute(target_setup.as_str())
            .await
            .map_err(failed("set up the session to fill"))?;
        let found = Target::read(target, import.into_table())
            .await
            .map_err(failed("look up the columns of"))?;
        let Some(table) = found else {
            return Err(ImportError::target_missing(import));
        };
        if let Some(publication) = &table.published_by {
            return Err(ImportError::target_published(import, publication.clone()));
        }
        let from = match import.source() {
            Source::Relation(name) => Sql::text("").name(name),
            Source::Query(query) => sub_select(query),
            Source::Csv(csv) => return Self::read_csv(import, table, target_setup, csv, target).await,
            Source::Program(program) => {
                let setup = set_up_source(import, settings, source).await?;
                return Self::of_program(import, table, target_setup, program.columns(), setup);
            }
        };
        refuse_impossible_way(import, source.is_some())?;
        let source_setup = set_up_source(import, settings, source).await?;
        let session = source.unwrap_or(target);
        let rows = Rows::read(session, from)
            .await
            .map_err(|error| ImportError::source(import, error))?;
        let (rows, named, additions) = if import.is_transformed() {
            let reader = match source {
                Some(_) => Reader::Client,
                None => Reader::Table,
            };
            read_transformed(import, &table, &rows, session, (reader, &target_setup)).await?
        } else {
            (rows, import.mapped_columns().map(<[_]>::to_vec), Vec::new())
        };
        let (mapping, mut problems) = map(import, named.as_deref(), &table, &rows.labels());
        let mut fits = read_fits(session, &mapping, &table, &rows)
            .await
            .map_err(failed("compare the types of the source of"))?;
        read_as_text(import, &mapping, &table, &mut fits);
        problems.extend(misfits(&mapping, &fits, &table, &rows));
        let source = match source_setup {
            Some(setup) => SourceFacts::Elsewhere(rows, fits, setup),
            None => SourceFacts::Here(rows, fits),
        };
        refuse_problems(import, &mapping, problems)?;
        let whole_because = match &source {
            SourceFacts::Elsewhere(rows, fits, _) if import.is_chunked() => {
                let key = key_sent(import, &table, &mapping, &sent(&mapping, rows, fits));
                whole_because(import, target, session, &rows.from, &key).await?
            }
            _ => None,
        };
        let one_range_because = match &source {
            _ if import.ranges() == Ranges::Wanted(1) => None,
            SourceFacts::Elsewhere(rows, _, _) if import.is_chunked() => {
                one_range(import, rows, whole_because.as_deref(), target)
                    .await
                    .map_err(failed("look up what stands against ranges of"))?
            }
            _ => Some("it is not loaded in chunks".to_owned()),
        };
        let postgis = if import.checks().is_empty() {
            None
        } else {
            postgis_schema(target)
                .await
                .map_err(failed("look for PostGIS to check the rows of"))?
        };
        Ok(Self {
            target: table,
            target_setup,
            source,
            mapping,
            whole_because,
            one_range_because,
            postgis,
            additions,
        })
    }

    async fn read_csv(
        import: &Import,
        target: Target,
        target_setup: Sql,
        csv: &CsvSource,
        session: &Transaction<'_>,
    ) -> Result<Self, ImportError> {
        if import.is_transformed() {
            return Err(ImportError::way(import, "a CSV file's columns are only renamed"));
        }
        let one_range_because = match import.ranges() {
            Ranges::Wanted(1) => None,
            _ => Some("a file is read as one stream".to_owned()),
        };
        let whole_because = if import.is_chunked() {
            whole_because_of_target(import, session).await?
        } else {
            None
        };
        let header = csv
            .header()
            .await
            .map_err(|error| ImportError::csv(import, error))?;
        let labels: Vec<&str> = header.iter().map(String::as_str).collect();
        let (mapping, problems) = map(import, import.mapped_columns(), &target, &labels);
        refuse_problems(import, &mapping, problems)?;
        Ok(Self {
            target,
            target_setup,
            source: SourceFacts::File(header),
            mapping,
            whole_because,
            one_range_because,
            postgis: None,
            additions: Vec::new(),
        })
    }

    fn of_program(
        import: &Import,
        target: Target,
        target_setup: Sql,
        columns: Vec<String>,
        source_setup: Option<Sql>,
    ) -> Result<Self, ImportError> {
        if import.is_transformed() {
            return Err(ImportError::way(import, "a program's columns are only renamed"));
        }
        let labels: Vec<&str> = columns.iter().map(String::as_str).collect();
        let (mapping, problems) = map(import, import.mapped_columns(), &target, &labels);
        refuse_problems(import, &mapping, problems)?;
        Ok(Self {
            target,
            target_setup,
            source: SourceFacts::Program(columns, source_setup),
            mapping,
            whole_because: None,
            one_range_because: None,
            postgis: None,
            additions: Vec::new(),
        })
    }

    /// Rows that the source's planner expects.
    pub(crate) fn expected_rows(&self, sample: Option<u64>) -> Option<u64> {
        let estimate = match &self.source {
            SourceFacts::Here(rows, _) | SourceFacts::Elsewhere(rows, _, _) => rows.expected,
            SourceFacts::File(_) | SourceFacts::Program(_, _) => None,
        };
        match (estimate, sample) {
            (Some(rows), Some(limit)) => Some(rows.min(limit)),
            (estimate, _) => estimate,
        }
    }

    /// Whether its rows come in several ranges.
    pub(crate) fn is_parted(&self, import: &Import) -> bool {
        match import.ranges() {
            Ranges::Wanted(ranges) => ranges > 1 && self.one_range_because.is_none(),
            Ranges::Kept(ranges) => ranges > 1,
        }
    }

    /// Over what decides the statements; estimates are left out.
    pub(crate) fn digest(&self) -> Digest {
        let target = self.target.columns.iter().map(|column| format!("{column:?}"));
        let source = match &self.source {
            SourceFacts::Here(rows, fits) | SourceFacts::Elsewhere(rows, fits, _) => {
                let names = rows.columns.iter().map(|column| column.name.as_str().to_owned());
                names.chain(fits.iter().map(|fit| format!("{fit:?}"))).collect()
            }
            SourceFacts::File(header) | SourceFacts::Program(header, _) => header.clone(),
        };
        let pairs = self.mapping.pairs.iter().map(|pair| format!("{pair:?}"));
        let parts: Vec<String> = target.chain(source).chain(pairs).collect();
        Digest::of(parts.iter().map(String::as_bytes))
    }
}

/// Sets up the session that reads, where there is one of its own; with what.
async fn set_up_source(
    import: &Import,
    settings: &LoadSettings,
    source: Option<&Transaction<'_>>,
) -> Result<Option<Sql>, ImportError> {
    let failed = |purpose| ImportError::failed(import, purpose);
    let Some(session) = source else {
        return Ok(None);
    };
    let known = KnownSettings::read(session)
        .await
        .map_err(failed("ask for the settings to read the source of"))?;
    let setup = settings.for_source(known);
    session
        .batch_execute(setup.as_str())
        .await
        .map_err(failed("set up the session to read the source of"))?;
    Ok(Some(setup))
}

/// Why several sessions cannot load it, each a range of its key.
async fn one_range(
    import: &Import,
    rows: &Rows,
    whole_because: Option<&str>,
    target: &Transaction<'_>,
) -> Result<Option<String>, tokio_postgres::Error> {
    if let Some(why) = whole_because {
        return Ok(Some(why.to_owned()));
    }
    if rows.is_foreign {
        let whose = match import.straightness() {
            Straight::No(why) => format!("; not straight from the foreign server: {why}"),
            Straight::NotAsked | Straight::From(_) => String::new(),
        };
        return Ok(Some(format!(
            "through a foreign data wrapper each session reads a state of its own{whose}"
        )));
    }
    match import.key_columns().first() {
        Some(first) => obstacle::of_ranges(target, import.into_table(), first).await,
        None => Ok(None),
    }
}

fn refuse_problems(
    import: &Import,
    mapping: &Mapping,
    mut problems: Vec<ColumnProblem>,
) -> Result<(), ImportError> {
    if problems.is_empty() && mapping.pairs.is_empty() {
        problems.push(ColumnProblem::NothingFilled);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ImportError::columns(import, problems))
    }
}

/// Why chunks cannot commit one by one; `key` is what the source sends for the key.
async fn whole_because(
    import: &Import,
    target: &Transaction<'_>,
    session: &Transaction<'_>,
    from: &Sql,
    key: &[Sql],
) -> Result<Option<String>, ImportError> {
    let found = whole_because_of_target(import, target).await?;
    if found.is_some() {
        return Ok(found);
    }
    obstacle::of_key(session, from, key)
        .await
        .map_err(ImportError::failed(import, "look up the types of the key of"))
}

/// The same of a source whose order is given.
async fn whole_because_of_target(
    import: &Import,
    target: &Transaction<'_>,
) -> Result<Option<String>, ImportError> {
    if let Some(known) = obstacle::known(import) {
        return Ok(Some(known));
    }
    obstacle::of_target(target, import.into_table())
        .await
        .map_err(ImportError::failed(import, "look up the constraints of"))
}

/// The source with its transforms, and which of its columns fill which of the table.
async fn read_transformed(
    import: &Import,
    target: &Target,
    source: &Rows,
    session: &Transaction<'_>,
    reader: (Reader, &Sql),
) -> Result<(Rows, Option<Vec<(Ident, String)>>, Vec<Addition>), ImportError> {
    let failed = |purpose| ImportError::failed(import, purpose);
    let transformed = transformed(import, target, source, session, reader)
        .await
        .map_err(failed("look up what the transforms need of"))?
        .map_err(|problems| ImportError::columns(import, problems))?;
    let mut rows = Rows::read(session, transformed.from)
        .await
        .map_err(failed("read the transformed source of"))?;
    rows.has_verdicts = import.may_set_aside();
    Ok((rows, Some(transformed.columns), transformed.additions))
}

/// Where a cast is asked for, the table reads the text that the source sends.
fn read_as_text(import: &Import, mapping: &Mapping, target: &Target, fits: &mut [Fit]) {
    for (pair, fit) in mapping.pairs.iter().zip(fits) {
        if fit.conversion == Conversion::Impossible && import.casts(&target.columns[pair.target].name) {
            fit.conversion = Conversion::TextForm;
        }
    }
}

fn misfits<'a>(
    mapping: &'a Mapping,
    fits: &'a [Fit],
    target: &'a Target,
    source: &'a Rows,
) -> impl Iterator<Item = ColumnProblem> + 'a {
    mapping
        .pairs
        .iter()
        .zip(fits)
        .filter(|(_, fit)| fit.conversion == Conversion::Impossible)
        .map(|(pair, fit)| ColumnProblem::Incompatible {
            column: target.columns[pair.target].name.clone(),
            source: source.columns[pair.source].name.as_str().to_owned(),
            source_type: fit.source_type.clone(),
            target_type: target.columns[pair.target].type_text.clone(),
        })
}
