//! Records of a CSV file, read beside whoever takes them.

use bytes::{Bytes, BytesMut};
use cutover_core::records::FilePlace;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::proven::ProvenFile;
use super::{CsvError, CsvSource};
use crate::plan::CsvField;
use crate::text_rows;

/// Records handed over at once: enough to make the hand-over cheap, little enough to be nothing.
pub(super) const BATCH_BYTES: usize = 64 << 10;
/// Batches read ahead of the server.
const READ_AHEAD: usize = 4;

/// Some records as rows of COPY text.
pub(super) struct Batch {
    pub(super) data: Bytes,
    pub(super) records: Vec<Record>,
    /// Where in the file the first of them begins.
    pub(super) begins: FilePlace,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    /// Where in the batch its row ends.
    pub(super) end: usize,
    /// In which line of the file it begins.
    pub(super) line: u64,
}

/// What is read of a file.
#[derive(Debug, Clone)]
pub(super) struct Portion {
    /// From here on; from its first record where it is `None`.
    pub(super) from: Option<FilePlace>,
    /// So many records.
    pub(super) limit: u64,
    /// How large a batch is.
    pub(super) batch_bytes: usize,
}

/// The records of a file, read on a blocking thread. That stops when this is dropped, so a dropped future leaves nothing
/// behind but the batch it was reading.
pub(super) struct Records {
    csv: CsvSource,
    batches: mpsc::Receiver<Batch>,
    reader: JoinSet<Result<(), CsvError>>,
}

impl Records {
    pub(super) fn read(csv: &CsvSource, fields: &[CsvField], portion: Portion) -> Self {
        let (sender, batches) = mpsc::channel(READ_AHEAD);
        let mut reader = JoinSet::new();
        let source = csv.clone();
        let wanted = fields.to_vec();
        reader.spawn_blocking(move || read(&source, &wanted, &portion, &sender));
        Self {
            csv: csv.clone(),
            batches,
            reader,
        }
    }

    /// The next records; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Batch>, CsvError> {
        if let Some(batch) = self.batches.recv().await {
            return Ok(Some(batch));
        }
        if let Some(ended) = self.reader.join_next().await {
            let ended = ended.map_err(|source| CsvError::Reader {
                path: self.csv.path().to_owned(),
                source,
            });
            ended.and_then(|read| read)?;
        }
        Ok(None)
    }
}

/// Reads to the end of the portion, or until nobody listens.
fn read(
    csv: &CsvSource,
    fields: &[CsvField],
    portion: &Portion,
    to: &mpsc::Sender<Batch>,
) -> Result<(), CsvError> {
    let broken = |source| CsvError::Record {
        path: csv.path().to_owned(),
        source,
    };
    let Some(mut reader) = csv.open_at(portion.from.as_ref(), || !to.is_closed())? else {
        return Ok(());
    };
    let mut record = csv::ByteRecord::new();
    let mut data = BytesMut::with_capacity(portion.batch_bytes);
    let mut records = Vec::new();
    let mut left = portion.limit;
    let mut begins = place_of(&mut reader);
    loop {
        let more = left > 0 && reader.read_byte_record(&mut record).map_err(broken)?;
        if more {
            left -= 1;
            let line = line_of(&record, &reader);
            let values = fields
                .iter()
                .map(|field| value(csv, &record, line, field))
                .collect::<Result<Vec<_>, _>>()?;
            text_rows::append(&mut data, values);
            records.push(Record {
                end: data.len(),
                line,
            });
        }
        if !records.is_empty() && (!more || data.len() >= portion.batch_bytes) {
            let batch = Batch {
                data: data.split().freeze(),
                records: std::mem::take(&mut records),
                begins,
            };
            if to.blocking_send(batch).is_err() {
                return Ok(());
            }
            begins = place_of(&mut reader);
        }
        if !more {
            return Ok(());
        }
    }
}

/// Where the next record begins.
fn place_of(reader: &mut csv::Reader<ProvenFile>) -> FilePlace {
    let (byte, line) = (reader.position().byte(), reader.position().line());
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    FilePlace {
        byte: whole(byte),
        line: whole(line),
        digest: reader.get_mut().digest_before(byte),
    }
}

/// In which line a record begins that was just read. Its position is right behind the record before, which is before the
/// `\n` of that one's `\r\n`, and before empty lines.
fn line_of(record: &csv::ByteRecord, reader: &csv::Reader<ProvenFile>) -> u64 {
    record.position().map_or(0, |position| {
        position.line() + reader.get_ref().empty_lines_at(position.byte())
    })
}

/// One field of a record; `None` for NULL.
fn value<'a>(
    csv: &CsvSource,
    record: &'a csv::ByteRecord,
    line: u64,
    field: &CsvField,
) -> Result<Option<&'a str>, CsvError> {
    let bytes = record.get(field.position).unwrap_or_default();
    let text = std::str::from_utf8(bytes).map_err(|source| CsvError::Encoding {
        path: csv.path().to_owned(),
        line,
        column: field.label.clone(),
        source,
    })?;
    Ok((!csv.is_null(text)).then_some(text))
}
