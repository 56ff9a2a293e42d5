//! What to import, from where, and how.

use std::sync::Arc;

use cutover_core::release_file::{FirstBy, Transform, UnknownValue};
use cutover_core::{Ident, QualifiedName};

use crate::preflight::Check;
use crate::{CsvSource, Key, KeyRanges, NotDirect, RejectLimits, RowSource};

/// One import: the rows of one source into one table.
///
/// ```
/// use cutover_core::{Ident, QualifiedName};
/// use cutover_importer::{Import, Source};
///
/// let public = Ident::new("public")?;
/// let view = QualifiedName::new(public.clone(), Ident::new("portal_standard_sources")?);
/// let staging = QualifiedName::new(public, Ident::new("staging_sources")?);
/// let import = Import::new("sources", staging, Source::Relation(view))
///     .columns([(Ident::new("year")?, "update_yr".to_owned())])
///     .sample(1000);
/// assert_eq!(import.name(), "sources");
/// # Ok::<(), cutover_core::IdentError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Import {
    name: String,
    into: QualifiedName,
    source: Source,
    columns: Option<Vec<(Ident, String)>>,
    transforms: Vec<(Ident, Transform)>,
    others_by_name: bool,
    additions: Additions,
    first_by: Option<FirstBy>,
    key: Vec<Ident>,
    way: Way,
    sample: Option<u64>,
    straight: Straight,
    chunked: bool,
    together: bool,
    rejects: RejectLimits,
    after: Option<Key>,
    ranges: Ranges,
    /// The relation that was to be imported, by whatever way its rows are read.
    relation: Option<QualifiedName>,
    checks: Vec<Check>,
}

/// Whether the source is read past a foreign data wrapper.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Straight {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// From this server.
    From(Ident),
    /// It cannot be.
    No(NotDirect),
}

/// What becomes of the values that lookups add to their tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Additions {
    /// They are there when the import begins.
    Made,
    /// It does without them.
    LeftOut,
}

/// By how many ranges of its key it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// By so many where nothing stands against it.
    Wanted(u32),
    /// It was cut into so many before.
    Kept(u32),
}

/// Where the rows come from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Source {
    /// A table, view, materialized view or foreign table.
    Relation(QualifiedName),
    /// A query of the operator's, run as it stands; a trailing semicolon is taken off.
    Query(String),
    /// A CSV file on the machine that runs the import.
    Csv(CsvSource),
    /// What a program sends.
    Program(Arc<dyn RowSource>),
}

/// The way the rows travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Way {
    /// Server-side where the source is in the target's database, else the COPY pipe.
    #[default]
    Auto,
    /// `INSERT … SELECT`: the rows never leave the server.
    ServerSide,
    /// `COPY … TO STDOUT` on a source session of its own, passed on to `COPY … FROM STDIN` on the target.
    CopyPipe,
}

impl Import {
    /// Imports `source` into the table `into`, which is the physical name of the (staging) table.
    ///
    /// Columns are matched by name unless [`Import::columns`] says otherwise.
    #[must_use]
    pub fn new(name: impl Into<String>, into: QualifiedName, source: Source) -> Self {
        Self {
            name: name.into(),
            into,
            relation: match &source {
                Source::Relation(relation) => Some(relation.clone()),
                Source::Query(_) | Source::Csv(_) | Source::Program(_) => None,
            },
            checks: Vec::new(),
            source,
            columns: None,
            transforms: Vec::new(),
            others_by_name: false,
            additions: Additions::Made,
            first_by: None,
            key: Vec::new(),
            way: Way::Auto,
            sample: None,
            straight: Straight::NotAsked,
            chunked: false,
            together: false,
            rejects: RejectLimits::none(),
            after: None,
            ranges: Ranges::Wanted(1),
        }
    }

    /// Fills exactly these columns: pairs of a column of the target and a column of the source (or of the CSV
    /// header). Other columns of the source are not read.
    #[must_use]
    pub fn columns(mut self, columns: impl IntoIterator<Item = (Ident, String)>) -> Self {
        self.columns = Some(columns.into_iter().collect());
        self
    }

    /// Fills these columns from columns of the source that are changed on their way: by the servers, in one query around the
    /// source. A lookup's table is in the schema of the table filled unless it names one. The columns of a CSV file or a program
    /// are only renamed.
    ///
    /// Where a lookup may set rows aside ([`UnknownValue::Reject`], and [`UnknownValue::Add`] of what is not there after all),
    /// the import is to be planned [`in_chunks`](Self::in_chunks). What is to be added is not by the import itself: see
    /// [`ImportPlan::additions`](crate::ImportPlan::additions).
    #[must_use]
    pub fn transforms(mut self, transforms: impl IntoIterator<Item = (Ident, Transform)>) -> Self {
        self.transforms = transforms.into_iter().collect();
        self
    }

    /// Does without what lookups would add: a column that waits for it is NULL or, where it may not be, its row is not imported.
    /// For imports that nothing comes of.
    #[must_use]
    pub fn adding_nothing(mut self) -> Self {
        self.additions = Additions::LeftOut;
        self
    }

    /// Columns of the source that neither [`Import::columns`] nor [`Import::transforms`] name fill the columns of their
    /// names. Those that were named need no counterpart.
    #[must_use]
    pub fn others_by_name(mut self) -> Self {
        self.others_by_name = true;
        self
    }

    /// Takes of all rows of the source with the same key the first; all rows unless set.
    #[must_use]
    pub fn first_by(mut self, first: FirstBy) -> Self {
        self.first_by = Some(first);
        self
    }

    /// The columns of the target that tell its rows apart; none unless set. A sample is taken in their order.
    #[must_use]
    pub fn key(mut self, key: impl IntoIterator<Item = Ident>) -> Self {
        self.key = key.into_iter().collect();
        self
    }

    /// Asks for a way; [`Way::Auto`] unless set. A CSV file and a program have but one way, and ignore this.
    #[must_use]
    pub fn way(mut self, way: Way) -> Self {
        self.way = way;
        self
    }

    /// Imports at most this many rows: the first in key order where there is a key (so that two samples are the
    /// same rows), else whichever come first. A CSV file is read from its start, and of a program its first rows are taken.
    #[must_use]
    pub fn sample(mut self, rows: u64) -> Self {
        self.sample = Some(rows);
        self
    }

    /// Notes why the source is not read straight from a foreign server, for the plan and the report to say.
    #[must_use]
    pub fn not_direct(self, why: NotDirect) -> Self {
        self.straight(Straight::No(why))
    }

    pub(crate) fn straight(mut self, straight: Straight) -> Self {
        self.straight = straight;
        self
    }

    pub(crate) fn reading(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// Plans it for [`ImportPlan::run_in_chunks`](crate::ImportPlan::run_in_chunks): the source is read on a connection
    /// of its own, by key, so that the import can be taken up; a CSV file from beginning to end.
    #[must_use]
    pub fn in_chunks(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Commits all chunks together: without checkpoints there is nothing to take up.
    #[must_use]
    pub fn in_one_transaction(mut self) -> Self {
        self.together = true;
        self
    }

    /// How many rows the table may refuse, in an import in chunks; none unless set.
    #[must_use]
    pub fn rejects(mut self, limits: RejectLimits) -> Self {
        self.rejects = limits;
        self
    }

    /// Goes on behind the row of this key, as an earlier import's last checkpoint has it. For a CSV file it is not needed.
    #[must_use]
    pub fn after(mut self, key: Option<Key>) -> Self {
        self.after = key;
        self
    }

    /// Asks for so many ranges of the first column of its key to be loaded at once, in an import in chunks: each by a session that
    /// reads and one that writes, with chunks and checkpoints of its own. 1 unless set.
    ///
    /// It pays where the server that is loaded has cores to spare and the client's session keeps one busy, above all where values
    /// are compressed with pglz. Where the source has no index on the key it is read, joined and aggregated once for each range.
    ///
    /// Where several sessions cannot do it soundly there is one range, and
    /// [`one_range_because`](crate::ImportPlan::one_range_because) says why. Checks of its rows are made apart.
    #[must_use]
    pub fn in_ranges(mut self, ranges: u32) -> Self {
        self.ranges = Ranges::Wanted(ranges.max(1));
        self
    }

    /// Goes on with the ranges that an earlier run was cut into, as its journal has kept them.
    #[must_use]
    pub fn in_kept_ranges(mut self, ranges: &KeyRanges) -> Self {
        self.ranges = Ranges::Kept(u32::try_from(ranges.count()).unwrap_or(u32::MAX));
        self
    }

    /// Makes checks of geometries on the rows while they pass through the client, which spares the check a read of its own:
    /// they find what they would find then, and where that is more than a check tolerates the import fails.
    ///
    /// A check that cannot be made so is left out: [`ImportPlan::checks_apart`](crate::ImportPlan::checks_apart) says which, to
    /// be run before the import.
    #[must_use]
    pub fn checked(mut self, checks: impl IntoIterator<Item = Check>) -> Self {
        self.checks.extend(checks);
        self
    }

    /// The importer's name, as events and errors use it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table that is filled.
    #[must_use]
    pub fn into_table(&self) -> &QualifiedName {
        &self.into
    }

    /// The checks asked of its rows.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Where the rows come from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn relation(&self) -> Option<&QualifiedName> {
        self.relation.as_ref()
    }

    pub(crate) fn mapped_columns(&self) -> Option<&[(Ident, String)]> {
        self.columns.as_deref()
    }

    pub(crate) fn transformed_columns(&self) -> &[(Ident, Transform)] {
        &self.transforms
    }

    pub(crate) fn takes_first_by(&self) -> Option<&FirstBy> {
        self.first_by.as_ref()
    }

    /// Whether what is not named goes by name.
    pub(crate) fn fills_others_by_name(&self) -> bool {
        self.others_by_name || self.columns.is_none()
    }

    /// Whether more than names changes between source and target.
    pub(crate) fn is_transformed(&self) -> bool {
        !self.transforms.is_empty() || self.first_by.is_some() || self.others_by_name
    }

    /// Whether rows may be set aside for what a lookup does not find.
    pub(crate) fn may_set_aside(&self) -> bool {
        let lookups = self
            .transforms
            .iter()
            .filter_map(|(_, transform)| transform.looked_up());
        lookups.into_iter().any(|lookup| match lookup.unknown {
            UnknownValue::Null => false,
            UnknownValue::Add => self.additions == Additions::Made,
            _ => true,
        })
    }

    pub(crate) fn adds_nothing(&self) -> bool {
        self.additions == Additions::LeftOut
    }

    /// Whether the text of this column's value is for the table to read.
    pub(crate) fn casts(&self, column: &Ident) -> bool {
        self.transforms
            .iter()
            .any(|(target, transform)| target == column && transform.cast)
    }

    pub(crate) fn key_columns(&self) -> &[Ident] {
        &self.key
    }

    pub(crate) fn way_asked(&self) -> Way {
        self.way
    }

    pub(crate) fn straightness(&self) -> &Straight {
        &self.straight
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.chunked
    }

    pub(crate) fn is_one_transaction(&self) -> bool {
        self.together
    }

    pub(crate) fn reject_limits(&self) -> RejectLimits {
        self.rejects
    }

    pub(crate) fn key_before(&self) -> Option<&Key> {
        self.after.as_ref()
    }

    pub(crate) fn ranges(&self) -> Ranges {
        self.ranges
    }

    pub(crate) fn sample_rows(&self) -> Option<u64> {
        self.sample
    }
}
