//! Where rows begin and end in a stream of COPY data, without looking at their values.

use bytes::{Bytes, BytesMut};

/// What a piece of COPY data holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The rows' bytes: without the header and the trailer of the binary format.
    pub(crate) data: Bytes,
    /// Rows that end within it.
    pub(crate) rows: u64,
    /// How many of its bytes belong to rows that end within it.
    pub(crate) whole: usize,
}

/// Finds row boundaries; fed piece by piece, split anywhere.
#[derive(Debug)]
pub(crate) enum Frames {
    /// The text format: a line is a row, for line breaks in values are escaped.
    Text,
    /// The binary format.
    Binary(Binary),
}

/// Position in a binary COPY stream ([COPY], "Binary Format").
///
/// [COPY]: https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.4
#[derive(Debug, Default)]
pub(crate) struct Binary {
    at: At,
    /// The start of a number whose end is in the next piece.
    carry: BytesMut,
}

#[derive(Debug, Clone, Copy, Default)]
enum At {
    #[default]
    Header,
    /// This many bytes of the header's extension.
    Extension(usize),
    /// The number of fields of the next row, or the trailer.
    Row,
    /// The length of a field; this many fields are left in the row.
    Field(u16),
    /// This many bytes of a value, then this many fields.
    Value(usize, u16),
    Trailer,
}

/// Signature, flags, length of the extension.
pub(crate) const BINARY_HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
pub(crate) const BINARY_TRAILER: &[u8; 2] = b"\xff\xff";

impl Frames {
    pub(crate) fn text() -> Self {
        Self::Text
    }

    pub(crate) fn binary() -> Self {
        Self::Binary(Binary::default())
    }

    /// What a segment of this format begins with.
    pub(crate) fn header(&self) -> &'static [u8] {
        match self {
            Self::Text => b"",
            Self::Binary(_) => BINARY_HEADER,
        }
    }

    /// What a segment of this format ends with.
    pub(crate) fn trailer(&self) -> &'static [u8] {
        match self {
            Self::Text => b"",
            Self::Binary(_) => BINARY_TRAILER,
        }
    }

    pub(crate) fn feed(&mut self, chunk: Bytes) -> Piece {
        match self {
            Self::Text => {
                let mut rows = 0;
                let mut whole = 0;
                for (position, _) in chunk.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                    rows += 1;
                    whole = position + 1;
                }
                Piece {
                    data: chunk,
                    rows,
                    whole,
                }
            }
            Self::Binary(binary) => binary.feed(chunk),
        }
    }
}

impl Binary {
    fn feed(&mut self, chunk: Bytes) -> Piece {
        // The server sends a row per message, so there is next to never anything carried.
        let mut data = if self.carry.is_empty() {
            chunk
        } else {
            let mut joined = self.carry.split();
            joined.extend_from_slice(&chunk);
            joined.freeze()
        };
        let mut position = 0;
        let mut start = 0;
        let mut rows = 0;
        let mut row_end = None;
        loop {
            let left = &data[position..];
            match self.at {
                At::Header => {
                    let Some(extension) = number::<4>(left, 15) else {
                        break;
                    };
                    self.at = At::Extension(u32::from_be_bytes(extension) as usize);
                    position += BINARY_HEADER.len();
                    start = position;
                }
                At::Extension(bytes) => {
                    let skipped = bytes.min(left.len());
                    position += skipped;
                    start = position;
                    self.at = if skipped == bytes {
                        At::Row
                    } else {
                        At::Extension(bytes - skipped)
                    };
                    if skipped < bytes {
                        break;
                    }
                }
                At::Row => {
                    let Some(fields) = number::<2>(left, 0) else { break };
                    self.at = match i16::from_be_bytes(fields) {
                        ..0 => At::Trailer,
                        0 => {
                            rows += 1;
                            row_end = Some(position + 2);
                            At::Row
                        }
                        fields => At::Field(fields.unsigned_abs()),
                    };
                    if matches!(self.at, At::Trailer) {
                        break;
                    }
                    position += 2;
                }
                At::Field(fields) => {
                    let Some(length) = number::<4>(left, 0) else { break };
                    // -1 is a NULL, which has no bytes.
                    let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(0);
                    position += 4;
                    self.at = At::Value(length, fields - 1);
                }
                At::Value(bytes, fields) => {
                    let skipped = bytes.min(left.len());
                    position += skipped;
                    if skipped < bytes {
                        self.at = At::Value(bytes - skipped, fields);
                        break;
                    }
                    self.at = if fields == 0 { At::Row } else { At::Field(fields) };
                    if fields == 0 {
                        rows += 1;
                        row_end = Some(position);
                    }
                }
                At::Trailer => break,
            }
        }
        if !matches!(self.at, At::Trailer) {
            self.carry.extend_from_slice(&data[position..]);
        }
        data.truncate(position);
        Piece {
            whole: row_end.map_or(0, |end| end - start),
            data: data.split_off(start),
            rows,
        }
    }
}

/// `N` bytes from `offset` on, when they are all there.
fn number<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows: (`ab`, NULL) and (``).
    fn stream() -> (Vec<u8>, Vec<u8>) {
        let rows: Vec<u8> = [&b"\0\x02\0\0\0\x02ab\xff\xff\xff\xff"[..], &b"\0\x01\0\0\0\0"[..]].concat();
        (
            [&BINARY_HEADER[..], &rows[..], &BINARY_TRAILER[..]].concat(),
            rows,
        )
    }

    #[test]
    fn binary_rows_are_found_wherever_the_stream_is_cut() {
        let (stream, rows) = stream();
        for cut in 0..stream.len() {
            let mut frames = Frames::binary();
            let pieces = [
                frames.feed(Bytes::copy_from_slice(&stream[..cut])),
                frames.feed(Bytes::copy_from_slice(&stream[cut..])),
            ];
            let data: Vec<u8> = pieces.iter().flat_map(|piece| piece.data.to_vec()).collect();
            assert_eq!(data, rows, "cut at {cut}");
            assert_eq!(pieces[0].rows + pieces[1].rows, 2, "cut at {cut}");
        }
    }

    #[test]
    fn binary_rows_are_found_byte_by_byte() {
        let (stream, rows) = stream();
        let mut frames = Frames::binary();
        let mut data = Vec::new();
        let mut ends = Vec::new();
        for byte in stream {
            let piece = frames.feed(Bytes::copy_from_slice(&[byte]));
            if piece.rows > 0 {
                ends.push(data.len() + piece.whole);
            }
            data.extend_from_slice(&piece.data);
        }
        assert_eq!(data, rows);
        assert_eq!(ends, [12, 18]);
    }

    #[test]
    fn a_piece_says_how_much_of_it_is_whole_rows() {
        let mut frames = Frames::text();
        let piece = frames.feed(Bytes::from_static(b"1\ta\\nb\n2\tc"));
        assert_eq!((piece.rows, piece.whole), (1, 7));
        let piece = frames.feed(Bytes::from_static(b"d"));
        assert_eq!((piece.rows, piece.whole), (0, 0));
    }
}
