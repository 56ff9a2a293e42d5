//! The text form: PostGIS prints and reads a geometry as the hexadecimal digits of its EWKB.

/// Text that is not pairs of hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HexError {
    /// A byte that is no digit.
    #[error("no hexadecimal digit at byte {offset} of the text")]
    NotADigit {
        /// Where in the text.
        offset: usize,
    },
    /// The last byte has one digit only.
    #[error("an odd number of hexadecimal digits ({digits})")]
    OddLength {
        /// How many digits there are.
        digits: usize,
    },
}

/// The bytes that hexadecimal text stands for; digits of either case.
///
/// # Errors
/// [`HexError`] for an odd number of digits, and for anything that is no digit.
pub fn decode_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .enumerate()
        .map(|(index, &[high, low])| Ok(digit(high, index * 2)? << 4 | digit(low, index * 2 + 1)?))
        .collect::<Result<_, _>>()?;
    if odd.is_empty() {
        Ok(bytes)
    } else {
        Err(HexError::OddLength { digits: text.len() })
    }
}

/// Prints bytes as PostGIS prints EWKB: capital digits, no prefix.
#[must_use]
pub fn encode_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xF])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

fn digit(byte: u8, offset: usize) -> Result<u8, HexError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(HexError::NotADigit { offset }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encode_hex(&bytes);
        assert_eq!(decode_hex(&text), Ok(bytes.clone()));
        assert_eq!(decode_hex(&text.to_lowercase()), Ok(bytes));
    }

    #[test]
    fn what_is_no_pair_of_digits_is_refused_where_it_is() {
        assert_eq!(decode_hex("01g0"), Err(HexError::NotADigit { offset: 2 }));
        assert_eq!(decode_hex("01é"), Err(HexError::NotADigit { offset: 2 }));
        assert_eq!(decode_hex("010"), Err(HexError::OddLength { digits: 3 }));
        assert_eq!(decode_hex(""), Ok(Vec::new()));
    }
}
