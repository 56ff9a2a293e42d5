//! `[[import]]`: the named steps that fill the staging tables.

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::table_reader::TableReader;
use super::{ColumnSource, FirstBy, Lookup, OtherColumns, QueryTemplate, RelationRef, Transform, duration};
use crate::Ident;

/// One named step that fills one staging table.
///
/// ```
/// use cutover_core::Ident;
/// use cutover_core::release_file::{Import, ImportPhase, ImportSource, QueryTemplate};
///
/// let junction = Import::new(
///     "sources_sites",
///     Ident::new("sources_sites")?,
///     ImportSource::query(QueryTemplate::parse("SELECT ... FROM {{ staging('sources') }}")?),
/// )
/// .phase(ImportPhase::Related)
/// .after(["sources"]);
/// assert_eq!(junction.after, ["sources"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Import {
    /// Names the importer in flags, events and records; letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The table of the release set whose staging table it fills.
    pub into: Ident,
    /// The phase it runs in.
    pub phase: ImportPhase,
    /// The importers that must be done before it, of its own phase or an earlier one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// Where the rows come from.
    #[serde(flatten)]
    pub source: ImportSource,
    /// What becomes of the source's columns that its `columns` do not name.
    #[serde(skip_serializing_if = "is_default")]
    pub others: OtherColumns,
    /// Which rows of the source are taken; all unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_by: Option<FirstBy>,
    /// Target columns that name a row, none unless set. With a key, rows go in by key in chunks that commit with their
    /// checkpoints, and a release that was broken off goes on behind the last one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<Ident>,
    /// How many rows the table may refuse: they are set aside in `cutover.reject`, and the rest goes in. No row unless
    /// this or `max_reject_share` is set; where both are, both hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rejects: Option<u64>,
    /// The share of all rows that the table may refuse, from 0.0 to 1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_reject_share: Option<f64>,
    /// How long the source may send nothing, its first row included; for ever unless set. Of importers in chunks only.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "duration::serialize_option"
    )]
    pub max_silence: Option<Duration>,
    /// How the rows travel.
    pub way: ImportWay,
    /// How many ranges of its key are loaded at once; as `load.ranges` says unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranges: Option<u32>,
}

/// The phases that importers run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportPhase {
    /// `import_core`: what others build on. The default.
    #[default]
    Core,
    /// `import_related`: what builds on the core tables.
    Related,
}

/// How rows travel into staging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImportWay {
    /// The importer picks the fastest sound way, and says which. The default.
    #[default]
    Auto,
    /// `INSERT … SELECT`, inside the server.
    Server,
    /// A binary `COPY` pipe through the client.
    Copy,
}

/// Where an importer's rows come from. Columns map target columns to source columns; without them, columns meet by
/// name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ImportSource {
    /// A view, a table or a foreign table.
    Relation {
        /// The relation.
        from: RelationRef,
        /// Target column → its column.
        #[serde(skip_serializing_if = "Option::is_none")]
        columns: Option<BTreeMap<Ident, ColumnSource>>,
    },
    /// A query.
    Query {
        /// The query.
        query: QueryTemplate,
        /// Target column → the query's column.
        #[serde(skip_serializing_if = "Option::is_none")]
        columns: Option<BTreeMap<Ident, ColumnSource>>,
    },
    /// A CSV file, read by the client.
    Csv(CsvSource),
    /// Rust code of the program that runs the release, whose columns meet the target's by name.
    Rust {
        /// The name that the program gives it.
        rust: String,
    },
}

impl ImportSource {
    /// A relation whose columns meet the target's by name.
    #[must_use]
    pub fn relation(from: RelationRef) -> Self {
        Self::Relation { from, columns: None }
    }

    /// A query whose columns meet the target's by name.
    #[must_use]
    pub fn query(query: QueryTemplate) -> Self {
        Self::Query { query, columns: None }
    }

    /// Rust code that the program which runs the release knows under this name.
    #[must_use]
    pub fn rust(name: impl Into<String>) -> Self {
        Self::Rust { rust: name.into() }
    }

    /// Fills exactly these columns of the table, each from a column of the source. Of a CSV file, whose columns are only
    /// renamed, see [`CsvSource::columns`]; Rust code names its columns itself.
    #[must_use]
    pub fn with_columns<C: Into<ColumnSource>>(
        mut self,
        pairs: impl IntoIterator<Item = (Ident, C)>,
    ) -> Self {
        if let Self::Relation { columns, .. } | Self::Query { columns, .. } = &mut self {
            *columns = Some(
                pairs
                    .into_iter()
                    .map(|(target, from)| (target, from.into()))
                    .collect(),
            );
        }
        self
    }

    /// What fills which column of the table, where that is said. Of a CSV file see [`CsvSource::columns`].
    #[must_use]
    pub fn columns(&self) -> Option<&BTreeMap<Ident, ColumnSource>> {
        match self {
            Self::Relation { columns, .. } | Self::Query { columns, .. } => columns.as_ref(),
            Self::Csv(_) | Self::Rust { .. } => None,
        }
    }

    /// The tables that values are looked up in.
    pub fn lookups(&self) -> impl Iterator<Item = (&Ident, &Lookup)> {
        let transforms = self.columns().into_iter().flatten();
        transforms.filter_map(|(target, source)| Some((target, source.transform()?.looked_up()?)))
    }

    /// The text with placeholders, where there is one: the query, or the path of the CSV file.
    #[must_use]
    pub fn template(&self) -> Option<&QueryTemplate> {
        match self {
            Self::Relation { .. } | Self::Rust { .. } => None,
            Self::Query { query, .. } => Some(query),
            Self::Csv(source) => Some(&source.csv),
        }
    }
}

/// A CSV file ([RFC 4180]; UTF-8).
///
/// [RFC 4180]: https://www.rfc-editor.org/rfc/rfc4180
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CsvSource {
    /// The file's path; relative to where the release is started.
    pub csv: QueryTemplate,
    /// Target column → the file's column, by its name in the header or in `fields`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<BTreeMap<Ident, String>>,
    /// Texts that stand for NULL; the empty one and `-` unless set.
    pub null: Vec<String>,
    /// The character between fields; a comma unless set.
    #[serde(serialize_with = "serialize_delimiter")]
    pub delimiter: NonZeroU8,
    /// Whether the first line names the columns; `true` unless set.
    pub header: bool,
    /// The names of the columns of a file without a header, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's `serialize_with` passes a reference"
)]
fn serialize_delimiter<S: serde::Serializer>(
    delimiter: &NonZeroU8,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_char(char::from(delimiter.get()))
}

/// The delimiter as the file writes it: one ASCII character that is neither a quote nor a line end.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Delimiter(NonZeroU8);

impl TryFrom<String> for Delimiter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_bytes() {
            [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => NonZeroU8::new(*byte).map(Self),
            _ => None,
        }
        .ok_or_else(|| format!("{text:?} is no delimiter; use one ASCII character, as `,`, `;` or `\\t`"))
    }
}

impl CsvSource {
    const COMMA: NonZeroU8 = NonZeroU8::new(b',').unwrap();

    /// A comma-separated file with a header, whose columns meet the target's by name.
    #[must_use]
    pub fn new(path: QueryTemplate) -> Self {
        Self {
            csv: path,
            columns: None,
            null: Self::default_null(),
            delimiter: Self::COMMA,
            header: true,
            fields: Vec::new(),
        }
    }

    fn default_null() -> Vec<String> {
        vec![String::new(), "-".to_owned()]
    }
}

impl Import {
    /// An importer of the core phase that waits for no other.
    #[must_use]
    pub fn new(name: impl Into<String>, into: Ident, source: ImportSource) -> Self {
        Self {
            name: name.into(),
            into,
            phase: ImportPhase::Core,
            after: Vec::new(),
            source,
            others: OtherColumns::default(),
            first_by: None,
            key: Vec::new(),
            max_rejects: None,
            max_reject_share: None,
            max_silence: None,
            way: ImportWay::Auto,
            ranges: None,
        }
    }

    /// The phase it runs in; core unless set.
    #[must_use]
    pub fn phase(mut self, phase: ImportPhase) -> Self {
        self.phase = phase;
        self
    }

    /// The importers that must be done before it; none unless set.
    #[must_use]
    pub fn after(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.after = names.into_iter().map(Into::into).collect();
        self
    }

    /// What becomes of columns that the source's `columns` do not name; they are left out unless set.
    #[must_use]
    pub fn others(mut self, others: OtherColumns) -> Self {
        self.others = others;
        self
    }

    /// Takes of all rows with the same key the first; all rows unless set.
    #[must_use]
    pub fn first_by(mut self, first: FirstBy) -> Self {
        self.first_by = Some(first);
        self
    }

    /// Whether anything but names changes between the source and the table.
    #[must_use]
    pub fn transforms(&self) -> bool {
        let changed = |source: &ColumnSource| source.transform().is_some();
        self.first_by.is_some()
            || self.others != OtherColumns::default()
            || self
                .source
                .columns()
                .is_some_and(|columns| columns.values().any(changed))
    }

    /// The target columns that name a row; none unless set.
    #[must_use]
    pub fn key(mut self, columns: impl IntoIterator<Item = Ident>) -> Self {
        self.key = columns.into_iter().collect();
        self
    }

    /// How many rows the table may refuse; none unless set.
    #[must_use]
    pub fn max_rejects(mut self, rows: u64) -> Self {
        self.max_rejects = Some(rows);
        self
    }

    /// The share of all rows that the table may refuse, from 0.0 to 1.0; none unless set.
    #[must_use]
    pub fn max_reject_share(mut self, share: f64) -> Self {
        self.max_reject_share = Some(share);
        self
    }

    /// How long the source may send nothing; for ever unless set.
    #[must_use]
    pub fn max_silence(mut self, longest: Duration) -> Self {
        self.max_silence = Some(longest);
        self
    }

    /// How the rows travel; the importer chooses unless set.
    #[must_use]
    pub fn way(mut self, way: ImportWay) -> Self {
        self.way = way;
        self
    }

    /// How many ranges of its key are loaded at once; as `load.ranges` says unless set.
    #[must_use]
    pub fn ranges(mut self, ranges: u32) -> Self {
        self.ranges = Some(ranges);
        self
    }

    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let name = table.required("name");
        let into = table.required("into");
        let phase = table.or("phase", ImportPhase::default());
        let after = table.list("after");
        let source = ImportSource::read(table);
        let others = table.or("others", OtherColumns::default());
        let first_by = table.table("first_by", FirstBy::read).flatten();
        if table.has("csv") {
            table.out_of_place(
                &["others", "first_by"],
                "a `csv` file's rows are taken as they are",
            );
        }
        if table.has("rust") {
            table.out_of_place(
                &["columns", "others", "first_by"],
                "Rust code sends the table's columns as they are to be",
            );
        }
        let key = table.list("key");
        let max_rejects = table.optional("max_rejects");
        let max_reject_share = table.optional("max_reject_share");
        let max_silence = table.duration("max_silence");
        let way = table.or("way", ImportWay::default());
        let ranges = table.optional("ranges");
        Some(Self {
            name: name?,
            into: into?,
            phase,
            after,
            source: source?,
            others,
            first_by,
            key,
            max_rejects,
            max_reject_share,
            max_silence,
            way,
            ranges,
        })
    }
}

impl ImportSource {
    /// Asks for the keys of every kind of source, so that each is a known key, then keeps the one kind that is there.
    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let present: Vec<&str> = ["from", "query", "csv", "rust"]
            .into_iter()
            .filter(|key| table.has(key))
            .collect();
        let from = table.optional("from");
        let query = table.optional("query");
        let csv = table.optional("csv");
        let rust = table.optional("rust");
        let is_csv = table.has("csv");
        // A CSV header may hold any text, a relation's columns are names: each is checked as what it is.
        let (columns, csv_columns) = if is_csv {
            (None, table.optional("columns"))
        } else {
            let columns = table.columns("columns", |table| {
                Transform::read(table).map(ColumnSource::Transformed)
            });
            (columns, None)
        };
        let null = table
            .optional_list("null")
            .unwrap_or_else(CsvSource::default_null);
        let delimiter = table
            .optional::<Delimiter>("delimiter")
            .map_or(CsvSource::COMMA, |read| read.0);
        let header = table.or("header", true);
        let fields = table.list("fields");
        match present.as_slice() {
            [_] => {}
            [] => table.wrong_table("needs a source: one of `from`, `query`, `csv` and `rust`"),
            several => table.wrong_table(&format!(
                "has several sources ({}); keep one",
                super::nearest::listed(several)
            )),
        }
        if !is_csv {
            table.out_of_place(
                &["null", "delimiter", "header", "fields"],
                "only a `csv` source has it",
            );
        }
        match (from, query, csv, rust) {
            (Some(from), None, None, None) => Some(Self::Relation { from, columns }),
            (None, Some(query), None, None) => Some(Self::Query { query, columns }),
            (None, None, Some(csv), None) => Some(Self::Csv(CsvSource {
                csv,
                columns: csv_columns,
                null,
                delimiter,
                header,
                fields,
            })),
            (None, None, None, Some(rust)) => Some(Self::Rust { rust }),
            _ => None,
        }
    }
}
