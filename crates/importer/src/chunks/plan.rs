//! What an import in chunks needs to know beforehand.

use bytes::Bytes;
use cutover_core::{Digest, Ident, Sql};

use super::key_order::KeyedRead;
use super::row_format::{RowFormat, unescaped};
use crate::facts::Facts;
use crate::mapping::Mapping;
use crate::target::Target;
use crate::{Import, Source, Transport};

/// How the rows of a COPY pipe are cut into chunks.
#[derive(Debug, Clone)]
pub(crate) struct ChunkPlan {
    pub(crate) format: RowFormat,
    /// The key's columns, as positions among the columns filled.
    pub(crate) key: Vec<usize>,
    /// Why all chunks are one transaction; `None` where each commits with its checkpoint.
    pub(crate) whole_because: Option<String>,
    /// Reads it by key, where each chunk commits.
    pub(super) read: Option<KeyedRead>,
    /// What stands behind `FROM`.
    pub(super) from: Sql,
    /// Whether the source says of rows why they are to be set aside, in a field behind those of the columns.
    pub(crate) has_verdicts: bool,
    /// Prints each column's value: of parameters in the binary format.
    printed: Vec<Sql>,
    /// Over what decides which rows come in which order, but for where the reading begins.
    pub(crate) digest: String,
}

impl ChunkPlan {
    pub(crate) fn new(
        import: &Import,
        target: &Target,
        mapping: &Mapping,
        way: Transport,
        whole_because: Option<String>,
        (from, read): (&Sql, Option<KeyedRead>),
        digest: &Digest,
    ) -> Self {
        let format = match way {
            Transport::BinaryPipe => RowFormat::Binary,
            _ => RowFormat::Text,
        };
        let types = mapping
            .pairs
            .iter()
            .map(|pair| &target.columns[pair.target].base_type);
        Self {
            format,
            key: key_positions(import, target, mapping),
            whole_because,
            read,
            from: from.clone(),
            has_verdicts: import.may_set_aside(),
            printed: types
                .map(|base| Sql::text("::").name(base).then("::pg_catalog.text"))
                .collect(),
            digest: digest.as_str().to_owned(),
        }
    }

    /// That of a file, which is taken up at a place and not behind a key; `None` where it is not to be in chunks.
    pub(crate) fn of_file(import: &Import, facts: &Facts, columns: &Digest) -> Option<Self> {
        let Source::Csv(csv) = import.source() else {
            return None;
        };
        let digest = Digest::of([columns.as_str().as_bytes(), csv.reading().as_bytes()]);
        import.is_chunked().then(|| Self {
            format: RowFormat::Text,
            key: key_positions(import, &facts.target, &facts.mapping),
            whole_because: facts.whole_because.clone(),
            read: None,
            from: Sql::text(""),
            has_verdicts: false,
            printed: Vec::new(),
            digest: digest.as_str().to_owned(),
        })
    }

    /// Why the source wants a row set aside.
    pub(crate) fn verdict(&self, row: &[u8]) -> Option<String> {
        if !self.has_verdicts || self.format.ends_in_null(row) {
            return None;
        }
        let fields = self.format.fields(row);
        let verdict = fields.last().copied().flatten()?;
        Some(match self.format {
            RowFormat::Text => unescaped(verdict),
            RowFormat::Binary => String::from_utf8_lossy(verdict).into_owned(),
        })
    }

    /// What the table is sent of a row, in two pieces.
    pub(crate) fn for_table(&self, row: &Bytes) -> [Bytes; 2] {
        if self.has_verdicts {
            self.format.without_last_null(row)
        } else {
            [row.clone(), Bytes::new()]
        }
    }

    /// A query that prints the values of these columns, given as parameters in the binary format, as one array.
    pub(crate) fn printing(&self, columns: &[usize]) -> Sql {
        let values = (1..).zip(columns).map(|(n, column)| {
            let printed = self.printed.get(*column).cloned();
            Sql::text("$")
                .number(n)
                .append(&printed.unwrap_or_else(|| Sql::text("::text")))
        });
        Sql::text("SELECT ARRAY[")
            .append(&Sql::join(values, ", "))
            .then("]::pg_catalog.text[]")
    }

    /// A line for people.
    pub(crate) fn note(&self, import: &Import, bytes: usize) -> String {
        let rejects = match import.reject_limits() {
            limits if limits.tolerate_any() => format!("; refused rows set aside: {limits}"),
            _ => String::new(),
        };
        if let Some(why) = &self.whole_because {
            return format!("one transaction: {why}{rejects}");
        }
        let by_key = match &self.read {
            Some(_) => {
                let key: Vec<String> = import.key_columns().iter().map(Ident::to_string).collect();
                format!(" by {}", key.join(", "))
            }
            None => String::new(),
        };
        format!(
            "in chunks of {} MiB{by_key}, each committed with its checkpoint{rejects}",
            bytes >> 20
        )
    }
}

/// The key's columns among the columns filled. The mapping has been checked to fill them all.
fn key_positions(import: &Import, target: &Target, mapping: &Mapping) -> Vec<usize> {
    let position = |key: &Ident| {
        mapping
            .pairs
            .iter()
            .position(|pair| target.columns[pair.target].name == *key)
    };
    import.key_columns().iter().filter_map(position).collect()
}

/// What the source sends for the columns of the key, out of what it sends for each column filled.
pub(crate) fn key_sent(import: &Import, target: &Target, mapping: &Mapping, sent: &[Sql]) -> Vec<Sql> {
    key_positions(import, target, mapping)
        .into_iter()
        .filter_map(|position| sent.get(position).cloned())
        .collect()
}
