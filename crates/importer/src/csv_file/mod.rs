//! CSV files as sources.

mod error; // the file, the line, the column, why
mod load; // into a table, in one transaction
mod proven; // what was read, digested
mod records; // reading beside whoever takes the records
mod rows; // one by one, for chunks

use std::fs::File;
use std::path::{Path, PathBuf};

use cutover_core::records::FilePlace;
pub use error::CsvError;
pub(crate) use load::load;
use proven::ProvenFile;
pub(crate) use rows::FileRows;

/// A CSV file ([RFC 4180]) in UTF-8 whose first record names its columns, unless [`CsvSource::fields`] does.
///
/// PostgreSQL parses the values, so whatever a column's type accepts can stand in the file. Dates are read as `ISO, YMD`;
/// a time without an offset, in a column that wants one, counts in the session's `TimeZone`.
///
/// [RFC 4180]: https://www.rfc-editor.org/rfc/rfc4180
///
/// ```
/// use cutover_importer::CsvSource;
///
/// let csv = CsvSource::new("data/country_statistics_Sep2025.csv").nulls(["", "-"]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct CsvSource {
    path: PathBuf,
    delimiter: u8,
    nulls: Vec<String>,
    fields: Option<Vec<String>>,
}

impl CsvSource {
    /// A file separated by commas, whose empty fields are NULL.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            delimiter: b',',
            nulls: vec![String::new()],
            fields: None,
        }
    }

    /// The ASCII character between fields; a comma unless set.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// The fields that mean NULL, quoted or not; only the empty one unless set.
    pub fn nulls<T: Into<String>>(mut self, nulls: impl IntoIterator<Item = T>) -> Self {
        self.nulls = nulls.into_iter().map(Into::into).collect();
        self
    }

    /// The names of the columns, in order, of a file whose first record is data already; one for each field.
    pub fn fields<T: Into<String>>(mut self, fields: impl IntoIterator<Item = T>) -> Self {
        self.fields = Some(fields.into_iter().map(Into::into).collect());
        self
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's name, without where it is.
    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    fn open(&self) -> Result<ProvenFile, CsvError> {
        let file = File::open(&self.path).map_err(|source| CsvError::Open {
            path: self.path.clone(),
            source,
        })?;
        Ok(ProvenFile::new(file))
    }

    fn reader(&self, file: ProvenFile) -> csv::Reader<ProvenFile> {
        csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(self.fields.is_none())
            .buffer_capacity(256 << 10)
            .from_reader(file)
    }

    /// Opens the file to read records from a place on, if it is the same up to there; `None` when they are not wanted any more.
    fn open_at(
        &self,
        from: Option<&FilePlace>,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Option<csv::Reader<ProvenFile>>, CsvError> {
        let mut file = self.open()?;
        let Some(place) = from else {
            return Ok(Some(self.reader(file)));
        };
        let broken = |source| CsvError::Record {
            path: self.path.clone(),
            source,
        };
        let is_same = file.is_same_up_to(place, is_wanted);
        match is_same.map_err(|source| broken(source.into()))? {
            None => return Ok(None),
            Some(true) => {}
            Some(false) => {
                return Err(CsvError::Changed {
                    path: self.path.clone(),
                    line: place.line.unsigned_abs(),
                    bytes: place.byte.unsigned_abs(),
                });
            }
        }
        let mut reader = self.reader(file);
        let mut position = csv::Position::new();
        position.set_byte(place.byte.unsigned_abs());
        position.set_line(place.line.unsigned_abs());
        // Reads the header first.
        reader.seek(position).map_err(broken)?;
        Ok(Some(reader))
    }

    /// What of it decides which rows its records are.
    pub(crate) fn reading(&self) -> String {
        format!("{:?} {:?} {:?}", self.delimiter, self.nulls, self.fields)
    }

    /// The names of the columns, read on a blocking thread.
    pub(crate) async fn header(&self) -> Result<Vec<String>, CsvError> {
        let csv = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut reader = csv.reader(csv.open()?);
            if let Some(fields) = csv.fields {
                // All records have as many fields as the first, or reading ends there. A wrong list of names would put
                // NULL, or the value of another field, into the columns without a word.
                let mut first = csv::ByteRecord::new();
                let found = reader
                    .read_byte_record(&mut first)
                    .map_err(|source| CsvError::Record {
                        path: csv.path.clone(),
                        source,
                    })?;
                if found && first.len() != fields.len() {
                    return Err(CsvError::Fields {
                        path: csv.path,
                        found: first.len(),
                        named: fields.len(),
                    });
                }
                return Ok(fields);
            }
            let header = reader.headers().map_err(|source| CsvError::Record {
                path: csv.path.clone(),
                source,
            })?;
            Ok(header.iter().map(str::to_owned).collect())
        });
        read.await.map_err(|source| CsvError::Reader {
            path: self.path.clone(),
            source,
        })?
    }

    fn is_null(&self, field: &str) -> bool {
        self.nulls.iter().any(|null| null == field)
    }
}
