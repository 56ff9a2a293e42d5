//! From facts to an [`ImportPlan`].

use std::fmt;

use cutover_core::records::ImportSoFar;
use cutover_core::{Digest, Ident, LockMode, ObjectKind, ObjectName, Plan, Sql, Step, write_comment};
use tokio_postgres::Transaction;

use crate::chunks::{ChunkPlan, KeyRange, key_sent};
use crate::error::ImportError;
use crate::facts::{Facts, SourceFacts};
use crate::import::Ranges;
use crate::mapping::Mapping;
use crate::preflight::Check;
use crate::preflight::in_passing::InPassing;
use crate::source::Rows;
use crate::statements::{copy_by_key, copy_from, copy_to, filled, insert, sent};
use crate::target::Target;
use crate::{Addition, Import, LoadSettings, WayChosen};

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
    /// Where it may be run in chunks.
    pub(crate) chunks: Option<ChunkPlan>,
    one_range_because: Option<String>,
    /// The checks of its rows.
    pub(crate) in_passing: InPassing,
    additions: Vec<Addition>,
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
    Program { write: Sql, fields: ProgramFields },
}

/// What a program sends, and what of it is wanted.
#[derive(Debug, Clone)]
pub(crate) struct ProgramFields {
    /// How many values a row has.
    pub(crate) sent: usize,
    /// The positions of those that are wanted, in the order of the COPY column list.
    pub(crate) wanted: Vec<usize>,
}

impl ProgramFields {
    fn of(mapping: &Mapping, columns: &[String]) -> Self {
        Self {
            sent: columns.len(),
            wanted: mapping.pairs.iter().map(|pair| pair.source).collect(),
        }
    }
}

/// A field of a CSV record that is wanted, in the order of the COPY column list.
#[derive(Debug, Clone)]
pub(crate) struct CsvField {
    pub(crate) position: usize,
    pub(crate) label: String,
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
        let facts = Facts::read(import, settings, target, source).await?;
        Ok(Self::compute(import, settings, &facts))
    }

    /// Needs no connection: everything it depends on is in `facts`.
    fn compute(import: &Import, settings: &LoadSettings, facts: &Facts) -> Self {
        let into = import.into_table();
        let object = ObjectName::qualified(ObjectKind::Table, into);
        let step = |purpose, sql: &Sql| Step::new(purpose, object.clone(), sql.clone());
        let reading = |step: Step, rows: &Rows| {
            rows.reads.iter().fold(step, |step, relation| {
                step.locking(LockMode::AccessShare, relation)
            })
        };
        let Facts { target, mapping, .. } = facts;
        let way = way_in_ranges(import, facts);
        let fill = |sql: &Sql| step("fill", sql).locking(LockMode::RowExclusive, into);
        let mut script = Plan::new(format!("import {}", import.name()), facts.digest());
        script
            .steps
            .push(step("set up the session to fill", &facts.target_setup));
        let mut chunks = None;
        let transfer = match &facts.source {
            SourceFacts::Here(rows, _) => {
                let sql = insert(import, target, mapping, rows);
                script.steps.push(reading(fill(&sql), rows));
                Transfer::Insert(sql)
            }
            SourceFacts::Elsewhere(rows, fits, setup) => {
                let by_key = (import.is_chunked() && facts.whole_because.is_none()).then(|| {
                    let key = key_sent(import, target, mapping, &sent(mapping, rows, fits));
                    copy_by_key(mapping, rows, fits, way.way, key)
                });
                let read = match &by_key {
                    Some(keyed) => keyed.statement(&KeyRange::all(), import.key_before()),
                    None => copy_to(import, target, mapping, rows, fits, way.way),
                };
                if import.is_chunked() {
                    let all = by_key
                        .as_ref()
                        .map_or_else(|| read.clone(), |keyed| keyed.statement(&KeyRange::all(), None));
                    let digest = Digest::of([script.digest.as_str().as_bytes(), all.as_str().as_bytes()]);
                    let whole_because = facts.whole_because.clone();
                    chunks = Some(ChunkPlan::new(
                        import,
                        target,
                        mapping,
                        way.way,
                        whole_because,
                        (&rows.from, by_key),
                        &digest,
                    ));
                }
                let write = copy_from(into, target, mapping, way.way);
                script
                    .steps
                    .push(step("set up the session to read the source of", setup));
                script
                    .steps
                    .push(reading(step("read the source of", &read), rows));
                script.steps.push(fill(&write));
                Transfer::Pipe { read, write }
            }
            SourceFacts::File(header) => {
                let write = copy_from(into, target, mapping, way.way);
                script.steps.push(fill(&write));
                chunks = ChunkPlan::of_file(import, facts, &script.digest);
                let fields = csv_fields(mapping, header);
                Transfer::Csv { write, fields }
            }
            SourceFacts::Program(columns, setup) => {
                let write = copy_from(into, target, mapping, way.way);
                let setup = setup
                    .iter()
                    .map(|setup| step("set up the session to read the source of", setup));
                script.steps.extend(setup);
                script.steps.push(fill(&write));
                let fields = ProgramFields::of(mapping, columns);
                Transfer::Program { write, fields }
            }
        };
        let in_passing = InPassing::compute(import, facts, way.way);
        Self {
            import: import.clone(),
            settings: settings.clone(),
            way,
            transfer,
            columns: filled(target, mapping).cloned().collect(),
            expected_rows: facts.expected_rows(import.sample_rows()),
            notes: chunks
                .iter()
                .map(|chunks| chunks.note(import, settings.chunk_limit()))
                .chain(note_of_ranges(import, facts))
                .chain(in_passing.notes())
                .chain(notes(mapping, target))
                .collect(),
            in_passing,
            chunks,
            one_range_because: facts.one_range_because.clone(),
            additions: facts.additions.clone(),
            script,
        }
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

    /// The checks of [`Import::checked`] that are not made on the rows which pass, each with a note that says why: the rows do
    /// not pass in binary, the column is converted, or chunks that are in (`so_far`; the default for none) were not checked.
    /// They are to be run before the import.
    #[must_use]
    pub fn checks_apart(&self, so_far: &ImportSoFar) -> Vec<Check> {
        self.in_passing.apart_behind(&self.import, so_far)
    }

    /// What lookups add to their tables ([`UnknownValue::Add`](cutover_core::release_file::UnknownValue::Add)). To be done before
    /// the import, each in a transaction of its own, and before the transaction on the source begins: rows with values that were not
    /// there by then are set aside. So that nothing is added for an import that cannot be, plan it first, with sessions that are not
    /// those that import.
    #[must_use]
    pub fn additions(&self) -> &[Addition] {
        &self.additions
    }

    /// Why it is not loaded by several ranges at once, where [`Import::in_ranges`] asked for that.
    #[must_use]
    pub fn one_range_because(&self) -> Option<&str> {
        self.one_range_because.as_deref()
    }

    /// Rows that the source's planner expects; an estimate.
    #[must_use]
    pub fn expected_rows(&self) -> Option<u64> {
        self.expected_rows
    }
}

impl fmt::Display for ImportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_comment(
            f,
            format_args!("import {} into {}", self.import.name(), self.import.into_table()),
        )?;
        write_comment(f, format_args!("way: {}", self.way))?;
        for note in &self.notes {
            write_comment(f, format_args!("note: {note}"))?;
        }
        for addition in &self.additions {
            write_comment(f, format_args!("before, in a transaction of its own:"))?;
            writeln!(f, "{}", addition.step())?;
        }
        for step in &self.script.steps {
            writeln!(f, "{step}")?;
        }
        Ok(())
    }
}

/// The way, and why there are no ranges where some were asked for.
fn way_in_ranges(import: &Import, facts: &Facts) -> WayChosen {
    let mut way = WayChosen::choose(import, facts);
    if let Some(why) = &facts.one_range_because {
        way.reason = match import.ranges() {
            Ranges::Wanted(_) => format!("{}; in one range: {why}", way.reason),
            Ranges::Kept(_) => format!("{}; its ranges one after the other: {why}", way.reason),
        };
    }
    way
}

fn csv_fields(mapping: &Mapping, header: &[String]) -> Vec<CsvField> {
    let fields = mapping.pairs.iter().map(|pair| CsvField {
        position: pair.source,
        label: header[pair.source].clone(),
    });
    fields.collect()
}

/// What becomes of the ranges that were asked for, or that there are already; where they are not, the way says why.
fn note_of_ranges(import: &Import, facts: &Facts) -> Option<String> {
    let key = import.key_columns().first()?;
    match import.ranges() {
        Ranges::Wanted(n) | Ranges::Kept(n) if n > 1 && facts.one_range_because.is_none() => Some(format!(
            "in {n} ranges of {key} at once, or as many as its values allow; each takes two sessions, all read one state"
        )),
        Ranges::Wanted(_) | Ranges::Kept(_) => None,
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
