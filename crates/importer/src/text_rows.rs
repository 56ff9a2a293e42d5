//! Rows as lines of COPY's text format.
//!
//! Not COPY's own CSV format: that counts the lines within quoted fields, so its error messages could not be mapped
//! back to a row. In the text format a row is exactly one line.

use bytes::{BufMut, BytesMut};

/// Appends one row, its `None`s as NULL.
pub(crate) fn append<T: AsRef<str>>(into: &mut BytesMut, fields: impl IntoIterator<Item = Option<T>>) {
    for (n, field) in fields.into_iter().enumerate() {
        if n > 0 {
            into.put_u8(b'\t');
        }
        match field {
            None => into.put_slice(b"\\N"),
            Some(text) => value(into, text.as_ref()),
        }
    }
    into.put_u8(b'\n');
}

fn value(into: &mut BytesMut, text: &str) {
    for byte in text.bytes() {
        let escape = match byte {
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            other => {
                into.put_u8(other);
                continue;
            }
        };
        into.put_slice(&[b'\\', escape]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fields: &[Option<&str>], expected: &str) {
        let mut line = BytesMut::new();
        append(&mut line, fields.iter().copied());
        assert_eq!(line, expected.as_bytes());
    }

    #[test]
    fn a_row_is_one_line() {
        check(&[Some("a"), None, Some("")], "a\t\\N\t\n");
        check(&[Some("two\r\nlines\tand \\N")], "two\\r\\nlines\\tand \\\\N\n");
        check(&[Some("\\.")], "\\\\.\n");
        check(&[Some("محمية")], "محمية\n");
    }
}
