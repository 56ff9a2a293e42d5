//! Rows of COPY data one by one, and their fields.

use bytes::{Bytes, BytesMut};

/// The two formats that rows travel in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowFormat {
    Binary,
    Text,
}

impl RowFormat {
    /// Where the first of some whole rows ends.
    pub(crate) fn row_end(self, rows: &[u8]) -> usize {
        let end = match self {
            Self::Text => rows.iter().position(|byte| *byte == b'\n').map(|at| at + 1),
            Self::Binary => {
                let mut fields = BinaryFields::of(rows);
                while fields.next().is_some() {}
                Some(fields.at)
            }
        };
        end.unwrap_or(rows.len()).min(rows.len())
    }

    /// The fields of a row, as they stand in the stream: texts are still escaped. `None` for NULL.
    pub(crate) fn fields(self, row: &[u8]) -> Vec<Option<&[u8]>> {
        match self {
            Self::Binary => BinaryFields::of(row).collect(),
            Self::Text => {
                let row = row.strip_suffix(b"\n").unwrap_or(row);
                row.split(|byte| *byte == b'\t')
                    .map(|field| (field != b"\\N").then_some(field))
                    .collect()
            }
        }
    }
}

impl RowFormat {
    /// Whether a row's last field is NULL. In the binary format that is a length of -1; no UTF-8 text ends in such bytes.
    pub(crate) fn ends_in_null(self, row: &[u8]) -> bool {
        row.ends_with(self.null_at_the_end())
    }

    /// A row without its last field, which is NULL, in two pieces: so its large values need not be copied.
    pub(crate) fn without_last_null(self, row: &Bytes) -> [Bytes; 2] {
        let end = row.len().saturating_sub(self.null_at_the_end().len());
        match self {
            Self::Text => [row.slice(..end), Bytes::from_static(b"\n")],
            Self::Binary => {
                let fields = row.first_chunk().map_or(0, |count| u16::from_be_bytes(*count));
                let fields = Bytes::copy_from_slice(&fields.saturating_sub(1).to_be_bytes());
                [fields, row.slice(end.min(2)..end)]
            }
        }
    }

    fn null_at_the_end(self) -> &'static [u8] {
        match self {
            Self::Text => b"\t\\N\n",
            Self::Binary => &[0xff; 4],
        }
    }
}

/// The fields of a row of a binary COPY: how many, then each with its length.
struct BinaryFields<'a> {
    row: &'a [u8],
    at: usize,
    left: u16,
}

impl<'a> BinaryFields<'a> {
    fn of(row: &'a [u8]) -> Self {
        let left = row.first_chunk().map_or(0, |count| u16::from_be_bytes(*count));
        Self { row, at: 2, left }
    }
}

impl<'a> Iterator for BinaryFields<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let length = i32::from_be_bytes(*self.row.get(self.at..)?.first_chunk()?);
        self.at += 4;
        // -1 is a NULL, which has no bytes.
        let Ok(length) = usize::try_from(length) else {
            return Some(None);
        };
        let value = self.row.get(self.at..self.at + length)?;
        self.at += length;
        Some(Some(value))
    }
}

/// What a field of COPY text stands for ([COPY], "Text Format"); the server escapes only these.
///
/// [COPY]: https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.2
pub(crate) fn unescaped(field: &[u8]) -> String {
    let mut value = Vec::with_capacity(field.len());
    let mut bytes = field.iter();
    while let Some(byte) = bytes.next() {
        value.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'b') => 0x08,
                Some(b'f') => 0x0c,
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'v') => 0x0b,
                Some(other) => *other,
                None => b'\\',
            },
            other => *other,
        });
    }
    String::from_utf8_lossy(&value).into_owned()
}

/// Rows kept until the server has taken them.
#[derive(Debug, Default)]
pub(crate) struct HeldRows {
    data: BytesMut,
    /// Where each ends.
    ends: Vec<usize>,
    /// In which line of its file each begins, where they come out of one.
    lines: Vec<u64>,
}

/// Rows that were kept, to be sent again in parts.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) data: Bytes,
    /// Where each ends.
    pub(crate) ends: Vec<usize>,
    /// In which line of its file each begins, where they come out of one.
    pub(crate) lines: Vec<u64>,
}

impl HeldRows {
    /// Keeps a row that comes in pieces, and out of this line of a file.
    pub(crate) fn push<'a>(&mut self, pieces: impl IntoIterator<Item = &'a [u8]>, line: Option<u64>) {
        for piece in pieces {
            self.data.extend_from_slice(piece);
        }
        self.ends.push(self.data.len());
        self.lines.extend(line);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Lets the rows go. A buffer that one huge row has blown up goes with them.
    pub(crate) fn clear(&mut self, usual_bytes: usize) {
        self.ends.clear();
        self.lines.clear();
        if self.data.capacity() > 2 * usual_bytes {
            self.data = BytesMut::new();
        } else {
            self.data.clear();
        }
    }

    /// The rows, to be sent again in parts.
    pub(crate) fn take(&mut self) -> Taken {
        Taken {
            data: self.data.split().freeze(),
            ends: std::mem::take(&mut self.ends),
            lines: std::mem::take(&mut self.lines),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\x01\0\0\0\0";

    #[test]
    fn binary_rows_are_told_apart() {
        let end = RowFormat::Binary.row_end(TWO);
        assert_eq!(end, 12);
        assert_eq!(RowFormat::Binary.fields(&TWO[..end]), [Some(&b"ab"[..]), None]);
        assert_eq!(RowFormat::Binary.row_end(&TWO[end..]), 6);
        assert_eq!(RowFormat::Binary.fields(&TWO[end..]), [Some(&b""[..])]);
    }

    #[test]
    fn text_rows_are_told_apart() {
        let rows = b"1\ta\\nb\t\\N\n2\t\t\\\\N\n";
        let end = RowFormat::Text.row_end(rows);
        let fields = RowFormat::Text.fields(&rows[..end]);
        assert_eq!(fields, [Some(&b"1"[..]), Some(&b"a\\nb"[..]), None]);
        let fields = RowFormat::Text.fields(&rows[end..]);
        assert_eq!(unescaped(fields[2].unwrap()), "\\N");
        assert_eq!(unescaped(b"a\\nb\\\\\\t"), "a\nb\\\t");
    }

    #[track_caller]
    fn check_without_last(format: RowFormat, row: &'static [u8], expected: &[u8]) {
        assert!(format.ends_in_null(row) && !format.ends_in_null(expected));
        let pieces = format.without_last_null(&Bytes::from_static(row));
        assert_eq!(pieces.concat(), expected);
    }

    #[test]
    fn a_last_null_is_taken_off() {
        check_without_last(RowFormat::Binary, &TWO[..12], b"\0\x01\0\0\0\x02ab");
        check_without_last(RowFormat::Text, b"1\ta\t\\N\n", b"1\ta\n");
        assert!(
            !RowFormat::Text.ends_in_null(b"1\ta\t\\\\N\n"),
            "a text of two characters"
        );
    }

    #[test]
    fn held_rows_know_their_ends() {
        let mut held = HeldRows::default();
        held.push([&b"o"[..], b"ne"], Some(2));
        held.push([&b"three"[..]], Some(4));
        assert_eq!((held.len(), held.bytes()), (2, 8));
        let Taken { data, ends, lines } = held.take();
        assert_eq!((&data[..], &ends[..]), (&b"onethree"[..], &[3, 8][..]));
        assert_eq!(lines, [2, 4]);
        assert!(held.is_empty());
    }
}
