//! From catalog facts to an [`ImportPlan`].

use std::fmt;

use cutover_core::{Digest, Ident, LockMode, ObjectKind, ObjectName, Plan, QualifiedName, Sql, Step};
use serde::Serialize;
use tokio_postgres::Transaction;

use crate::error::ImportError;
use crate::mapping::{ColumnProblem, Mapping, map};
use crate::session::KnownSettings;
use crate::source::{Conversion, Fit, Rows, read_fits, sub_select};
use crate::target::{Target, WithoutValue};
use crate::{CsvSource, Import, LoadSettings, Source, Way};

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
}

impl fmt::Display for WayChosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Transport::ServerSide => "server-side INSERT … SELECT",
            Transport::BinaryPipe => "binary COPY pipe",
            Transport::TextPipe => "text COPY pipe",
            Transport::Csv => "CSV file through COPY",
        };
        write!(f, "{way}: {}", self.reason)
    }
}

/// Everything an import will do, computed before it does any of it.
///
/// `Display` prints it as a commented SQL script.
#[derive(Debug, Clone)]
pub struct ImportPlan {
    pub(crate) import: Import,
    pub(crate) settings: LoadSettings,
    pub(crate) way: WayChosen,
    pub(crate) transfer: Transfer,
    /// The columns filled, in the order of the statements' lists.
    pub(crate) columns: Vec<Ident>,
    pub(crate) expected_rows: Option<u64>,
    /// What people should know and no statement says.
    notes: Vec<String>,
    script: Plan,
}

/// The statements that move the rows.
#[derive(Debug, Clone)]
pub(crate) enum Transfer {
    Insert(Sql),
    Pipe { read: Sql, write: Sql },
    Csv { write: Sql, fields: Vec<CsvField> },
}

/// A field of a CSV record that is wanted, in the order of the COPY column list.
#[derive(Debug, Clone)]
pub(crate) struct CsvField {
    pub(crate) position: usize,
    pub(crate) label: String,
}

/// What the catalogs and the source said; computing a plan from it needs no connection.
struct Facts {
    target: Target,
    target_setup: Sql,
    source: SourceFacts,
}

enum SourceFacts {
    Here(Rows, Vec<Fit>),
    Elsewhere(Rows, Vec<Fit>, Sql),
    File(Vec<String>),
}

impl ImportPlan {
    /// Reads the catalog (and, for a CSV file, its header) and plans the import; moves no row.
    ///
    /// `source` is a transaction on the database that holds the source, where that is not the target's; without
    /// one the source is read in the target's database. Both transactions get the settings of `settings` as
    /// `SET LOCAL`, which hold until they end.
    ///
    /// # Locks
    /// `ACCESS SHARE` on the relations that the source reads.
    ///
    /// # Errors
    /// [`ImportError::Columns`] with everything that does not fit, at once; [`ImportError::TargetMissing`],
    /// [`ImportError::SourceMissing`]; [`ImportError::Way`] when the way asked for cannot be gone;
    /// [`ImportError::Csv`] when the file cannot be read; [`ImportError::Statement`] otherwise.
    pub async fn read(
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
        let from = match import.source() {
            Source::Relation(name) => Sql::text("").name(name),
            Source::Query(query) => sub_select(query),
            Source::Csv(csv) => return Self::read_csv(import, settings, table, target_setup, csv).await,
        };
        refuse_impossible_way(import, source.is_some())?;
        let source_setup = match source {
            Some(session) => {
                let known = KnownSettings::read(session)
                    .await
                    .map_err(failed("ask for the settings to read the source of"))?;
                let setup = settings.for_source(known);
                session
                    .batch_execute(setup.as_str())
                    .await
                    .map_err(failed("set up the session to read the source of"))?;
                Some(setup)
            }
            None => None,
        };
        let session = source.unwrap_or(target);
        let rows = Rows::read(session, from)
            .await
            .map_err(|error| ImportError::source(import, error))?;
        let (mapping, mut problems) = map(import, &table, &rows.labels());
        let fits = read_fits(session, &mapping, &table, &rows)
            .await
            .map_err(failed("compare the types of the source of"))?;
        problems.extend(misfits(&mapping, &fits, &table, &rows));
        let source = match source_setup {
            Some(setup) => SourceFacts::Elsewhere(rows, fits, setup),
            None => SourceFacts::Here(rows, fits),
        };
        let facts = Facts {
            target: table,
            target_setup,
            source,
        };
        Self::compute(import, settings, &facts, &mapping, problems)
    }

    async fn read_csv(
        import: &Import,
        settings: &LoadSettings,
        target: Target,
        target_setup: Sql,
        csv: &CsvSource,
    ) -> Result<Self, ImportError> {
        let header = csv
            .header()
            .await
            .map_err(|error| ImportError::csv(import, error))?;
        let labels: Vec<&str> = header.iter().map(String::as_str).collect();
        let (mapping, problems) = map(import, &target, &labels);
        let facts = Facts {
            target,
            target_setup,
            source: SourceFacts::File(header),
        };
        Self::compute(import, settings, &facts, &mapping, problems)
    }

    fn compute(
        import: &Import,
        settings: &LoadSettings,
        facts: &Facts,
        mapping: &Mapping,
        problems: Vec<ColumnProblem>,
    ) -> Result<Self, ImportError> {
        if !problems.is_empty() {
            return Err(ImportError::columns(import, problems));
        }
        let into = import.into_table();
        let table = ObjectName::qualified(ObjectKind::Table, into);
        let mut script = Plan::new(format!("import {}", import.name()), digest(facts, mapping));
        script.steps.push(Step::new(
            "set up the session to fill",
            table.clone(),
            facts.target_setup.clone(),
        ));
        let locked = |mut step: Step, rows: &Rows| {
            for relation in &rows.reads {
                step = step.locking(LockMode::AccessShare, relation);
            }
            step
        };
        let (way, transfer) = match &facts.source {
            SourceFacts::Here(rows, _) => {
                let sql = insert(import, &facts.target, mapping, rows);
                let fill = Step::new("fill", table, sql.clone()).locking(LockMode::RowExclusive, into);
                script.steps.push(locked(fill, rows));
                let way = WayChosen {
                    way: Transport::ServerSide,
                    reason: "the source is in the target's database, so no row has to leave the server"
                        .to_owned(),
                };
                (way, Transfer::Insert(sql))
            }
            SourceFacts::Elsewhere(rows, fits, setup) => {
                let way = pipe_way(mapping, fits, &facts.target);
                let read = Sql::text("COPY (")
                    .append(&select(import, &facts.target, mapping, rows, Some(fits)))
                    .then(") TO STDOUT")
                    .append(&format_clause(way.way));
                let write = copy_from(into, &facts.target, mapping).append(&format_clause(way.way));
                script.steps.push(Step::new(
                    "set up the session to read the source of",
                    table.clone(),
                    setup.clone(),
                ));
                script.steps.push(locked(
                    Step::new("read the source of", table.clone(), read.clone()),
                    rows,
                ));
                script
                    .steps
                    .push(Step::new("fill", table, write.clone()).locking(LockMode::RowExclusive, into));
                (way, Transfer::Pipe { read, write })
            }
            SourceFacts::File(header) => {
                let write = copy_from(into, &facts.target, mapping);
                script
                    .steps
                    .push(Step::new("fill", table, write.clone()).locking(LockMode::RowExclusive, into));
                let way = WayChosen {
                    way: Transport::Csv,
                    reason: "the file is on the machine that runs the import; the server parses the values"
                        .to_owned(),
                };
                let fields = mapping
                    .pairs
                    .iter()
                    .map(|pair| CsvField {
                        position: pair.source,
                        label: header[pair.source].clone(),
                    })
                    .collect();
                (way, Transfer::Csv { write, fields })
            }
        };
        Ok(Self {
            import: import.clone(),
            settings: settings.clone(),
            way,
            transfer,
            columns: filled(&facts.target, mapping).cloned().collect(),
            expected_rows: expected(import, &facts.source),
            notes: notes(mapping, &facts.target),
            script,
        })
    }

    /// The importer's name.
    #[must_use]
    pub fn importer(&self) -> &str {
        self.import.name()
    }

    /// The way the rows will travel, and why.
    #[must_use]
    pub fn way(&self) -> &WayChosen {
        &self.way
    }

    /// The statements, what each is for and what it locks.
    #[must_use]
    pub fn script(&self) -> &Plan {
        &self.script
    }

    /// Over the columns of target and source and what becomes of them.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.script.digest
    }

    /// Rows that the source's planner expects; an estimate.
    #[must_use]
    pub fn expected_rows(&self) -> Option<u64> {
        self.expected_rows
    }
}

impl fmt::Display for ImportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "-- import {} into {}",
            self.import.name(),
            self.import.into_table()
        )?;
        writeln!(f, "-- way: {}", self.way)?;
        for note in &self.notes {
            writeln!(f, "-- note: {note}")?;
        }
        for step in &self.script.steps {
            writeln!(f, "{step}")?;
        }
        Ok(())
    }
}

fn refuse_impossible_way(import: &Import, source_given: bool) -> Result<(), ImportError> {
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

/// Binary where every column's type is the same on both sides and means the same in both databases.
fn pipe_way(mapping: &Mapping, fits: &[Fit], target: &Target) -> WayChosen {
    let obstacle = mapping.pairs.iter().zip(fits).find(|(pair, fit)| {
        fit.conversion == Conversion::TextForm || !fit.portable || !target.columns[pair.target].portable
    });
    match obstacle {
        None => WayChosen {
            way: Transport::BinaryPipe,
            reason: "the source has a connection of its own, and every column's binary form is the same on both sides"
                .to_owned(),
        },
        Some((pair, _)) => WayChosen {
            way: Transport::TextPipe,
            reason: format!(
                "the source has a connection of its own, and the binary form of column {} differs between databases",
                target.columns[pair.target].name
            ),
        },
    }
}

fn insert(import: &Import, target: &Target, mapping: &Mapping, rows: &Rows) -> Sql {
    let overriding = mapping
        .pairs
        .iter()
        .any(|pair| target.columns[pair.target].without_value == WithoutValue::Identity);
    Sql::text("INSERT INTO ")
        .name(import.into_table())
        .then(" (")
        .append(&target_list(target, mapping))
        // Without it a GENERATED ALWAYS identity column refuses the values it is given.
        .then(if overriding {
            ")\nOVERRIDING SYSTEM VALUE\n"
        } else {
            ")\n"
        })
        .append(&select(import, target, mapping, rows, None))
}

fn copy_from(into: &QualifiedName, target: &Target, mapping: &Mapping) -> Sql {
    Sql::text("COPY ")
        .name(into)
        .then(" (")
        .append(&target_list(target, mapping))
        .then(") FROM STDIN")
}

fn format_clause(way: Transport) -> Sql {
    Sql::text(match way {
        Transport::BinaryPipe => " (FORMAT binary)",
        _ => "",
    })
}

fn target_list(target: &Target, mapping: &Mapping) -> Sql {
    Sql::text("").idents(filled(target, mapping))
}

fn filled<'a>(target: &'a Target, mapping: &'a Mapping) -> impl Iterator<Item = &'a Ident> {
    mapping.pairs.iter().map(|pair| &target.columns[pair.target].name)
}

/// The wanted columns of the source, in the target's order.
///
/// With `casts`, converts to the target's types. The casts carry no type modifier: an explicit cast to
/// `varchar(10)` would cut a longer value without a word, where COPY into the column refuses it, as INSERT does.
fn select(import: &Import, target: &Target, mapping: &Mapping, rows: &Rows, casts: Option<&[Fit]>) -> Sql {
    let columns = mapping.pairs.iter().enumerate().map(|(n, pair)| {
        let source = column_of(rows, pair.source);
        match casts.and_then(|fits| fits.get(n)).map(|fit| &fit.conversion) {
            Some(Conversion::Assign(to)) => {
                Sql::text("CAST(").append(&source).then(" AS ").name(to).then(")")
            }
            _ => source,
        }
    });
    let mut sql = Sql::text("SELECT ")
        .append(&Sql::join(columns, ", "))
        .then("\n  FROM ")
        .append(&rows.from)
        .then(" AS s");
    if let Some(limit) = import.sample_rows() {
        let keys: Vec<Sql> = import
            .key_columns()
            .iter()
            .filter_map(|key| {
                mapping
                    .pairs
                    .iter()
                    .find(|pair| target.columns[pair.target].name == *key)
            })
            .map(|pair| column_of(rows, pair.source))
            .collect();
        if !keys.is_empty() {
            sql = sql.then("\n ORDER BY ").append(&Sql::join(keys, ", "));
        }
        sql = sql
            .then("\n LIMIT ")
            .number(i64::try_from(limit).unwrap_or(i64::MAX));
    }
    sql
}

fn column_of(rows: &Rows, position: usize) -> Sql {
    Sql::text("s.").ident(&rows.columns[position].name)
}

fn expected(import: &Import, source: &SourceFacts) -> Option<u64> {
    let estimate = match source {
        SourceFacts::Here(rows, _) | SourceFacts::Elsewhere(rows, _, _) => rows.expected,
        SourceFacts::File(_) => None,
    };
    match (estimate, import.sample_rows()) {
        (Some(rows), Some(limit)) => Some(rows.min(limit)),
        (estimate, _) => estimate,
    }
}

fn notes(mapping: &Mapping, target: &Target) -> Vec<String> {
    let list = |columns: &[Ident]| {
        let names: Vec<String> = columns.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let mut notes = Vec::new();
    if !mapping.left_out.is_empty() {
        notes.push(format!(
            "left to their default or NULL: {}",
            list(&mapping.left_out)
        ));
    }
    if !mapping.generated.is_empty() {
        notes.push(format!("computed by the server: {}", list(&mapping.generated)));
    }
    if target.triggers > 0 {
        notes.push(format!(
            "{} trigger(s) fire during the load; create them after it where they need not",
            target.triggers
        ));
    }
    notes
}

/// Over what decides the statements; estimates are left out.
fn digest(facts: &Facts, mapping: &Mapping) -> Digest {
    let target = facts.target.columns.iter().map(|column| format!("{column:?}"));
    let source = match &facts.source {
        SourceFacts::Here(rows, fits) | SourceFacts::Elsewhere(rows, fits, _) => {
            let names = rows.columns.iter().map(|column| column.name.as_str().to_owned());
            names.chain(fits.iter().map(|fit| format!("{fit:?}"))).collect()
        }
        SourceFacts::File(header) => header.clone(),
    };
    let pairs = mapping.pairs.iter().map(|pair| format!("{pair:?}"));
    let parts: Vec<String> = target.chain(source).chain(pairs).collect();
    Digest::of(parts.iter().map(String::as_bytes))
}
