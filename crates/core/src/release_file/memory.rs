//! Amounts of memory as PostgreSQL's settings write them: `64MB`, `2GB`; each unit is 1024 of the one before.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

const UNITS: [(&str, u32); 4] = [("TB", 40), ("GB", 30), ("MB", 20), ("kB", 10)];

/// An amount of memory.
///
/// ```
/// use cutover_core::release_file::Memory;
///
/// let memory = Memory::try_from("2GB".to_owned())?;
/// assert_eq!((memory.bytes(), memory.to_string()), (2 << 30, "2GB".to_owned()));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Memory(u64);

impl Memory {
    /// In bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl TryFrom<String> for Memory {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = UNITS.iter().find_map(|(unit, shift)| {
            let number: u64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
            number.checked_mul(1 << shift)
        });
        bytes
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no amount of memory; write it like `512MB` or `2GB`"))
    }
}

/// The way it is read, in the largest unit that is exact.
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, shift)| self.0.is_multiple_of(1 << shift));
        // Every amount is a multiple of the smallest unit.
        let (unit, shift) = exact.copied().unwrap_or(("kB", 10));
        write!(f, "{}{unit}", self.0 >> shift)
    }
}

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, bytes: u64) {
        assert_eq!(Memory::try_from(text.to_owned()), Ok(Memory(bytes)));
        assert_eq!(
            Memory(bytes).to_string().try_into(),
            Ok(Memory(bytes)),
            "reads back"
        );
    }

    #[test]
    fn reads_what_postgresql_reads() {
        check("64kB", 64 << 10);
        check("512MB", 512 << 20);
        check("2 GB", 2 << 30);
        check("1TB", 1 << 40);
    }

    #[test]
    fn refuses_what_is_no_amount_of_memory() {
        for text in ["", "10", "GB", "1.5GB", "-1MB", "64mb", "99999999999999TB"] {
            assert!(Memory::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
