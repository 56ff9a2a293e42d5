//! Where the rows of a chunk come from.

use bytes::Bytes;
use cutover_core::records::FilePlace;

use super::whole_rows::{Broken, WholeRows};
use crate::csv_file::{CsvError, FileRows};
use crate::frames::Frames;

/// Rows on their way into a table.
pub(super) enum Incoming {
    /// Out of another session, in the order of the key.
    Stream(Box<WholeRows>),
    /// Out of a file, in its order.
    File(Box<FileRows>),
}

/// Why there are no more rows although the source has not ended.
#[derive(Debug)]
pub(super) enum Ended {
    Stream(Broken),
    File(CsvError),
}

impl Incoming {
    /// The next row; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Ended> {
        match self {
            Self::Stream(rows) => rows.next().await.map_err(Ended::Stream),
            Self::File(rows) => rows.next().await.map_err(Ended::File),
        }
    }

    /// Gives the row that was given last again next time.
    pub(super) fn put_back(&mut self, row: Bytes) {
        match self {
            Self::Stream(rows) => rows.put_back(row),
            Self::File(rows) => rows.put_back(),
        }
    }

    /// What a COPY of its rows begins and ends with.
    pub(super) fn frame(&self) -> (&'static [u8], &'static [u8]) {
        let text = Frames::text();
        let frames = match self {
            Self::Stream(rows) => rows.frames(),
            Self::File(_) => &text,
        };
        (frames.header(), frames.trailer())
    }

    /// In which line of its file the row begins that was given last.
    pub(super) fn line(&self) -> Option<u64> {
        match self {
            Self::Stream(_) => None,
            Self::File(rows) => rows.line(),
        }
    }

    /// Where in its file the row begins that was given last, put back or not, if it can be taken up there.
    pub(super) fn place(&self) -> Option<&FilePlace> {
        match self {
            Self::Stream(_) => None,
            Self::File(rows) => rows.place(),
        }
    }
}
