//! How staging and backup relations are called. One type; nothing is ever derived by parsing a name.

use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::digest::hex;
use crate::ident::MAX_IDENT_BYTES;
use crate::{Ident, QualifiedName};

/// The minute a backup set was made, `YYMMDDHHMM` in UTC.
///
/// ```
/// use cutover_core::Stamp;
///
/// let stamp = Stamp::at("2025-09-01T04:05:59Z".parse()?);
/// assert_eq!(stamp.as_str(), "2509010405");
/// assert_eq!("2509010405".parse::<Stamp>()?, stamp);
/// assert!("25-09".parse::<Stamp>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stamp(String);

/// A text that is no stamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no backup stamp: ten digits YYMMDDHHMM, as `cutover backups` lists them")]
pub struct StampError(String);

impl Stamp {
    /// The stamp of the minute that `time` falls into.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        let at = time.to_zoned(TimeZone::UTC);
        // Not `%y`, which has no digits for years outside 1969–2068.
        let year = at.year().rem_euclid(100);
        Self(format!(
            "{year:02}{:02}{:02}{:02}{:02}",
            at.month(),
            at.day(),
            at.hour(),
            at.minute()
        ))
    }

    /// The first stamp from `time` on that is not `taken`: where a minute is taken, the next free one.
    #[must_use]
    pub fn first_free(time: Timestamp, taken: &[Stamp]) -> Self {
        let mut time = time;
        loop {
            let stamp = Self::at(time);
            if !taken.contains(&stamp) {
                return stamp;
            }
            // Saturates in the year 9999; there the loop would need every minute of history taken.
            time = time.checked_add(1.minute()).unwrap_or(Timestamp::MAX);
        }
    }

    /// The ten digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Stamp {
    type Err = StampError;

    fn from_str(text: &str) -> Result<Self, StampError> {
        if text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(StampError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Stamp {
    type Error = StampError;

    fn try_from(text: String) -> Result<Self, StampError> {
        text.parse()
    }
}

impl From<Stamp> for String {
    fn from(stamp: Stamp) -> Self {
        stamp.0
    }
}

/// Names staging and backup relations (and their indexes, sequences and statistics), and says in which schema they are.
///
/// A name that would pass 63 bytes is cut at a character boundary and gets eight hex digits of its hash, so two
/// long names never become the same one. Callers record the pairing; they never parse a name back.
///
/// ```
/// use cutover_core::{Ident, NamingPolicy, QualifiedName};
///
/// let live = QualifiedName::new(Ident::new("public")?, Ident::new("sources")?);
/// let policy = NamingPolicy::default();
/// assert_eq!(policy.staging(&live).name.as_str(), "staging_sources");
/// assert_eq!(policy.backup(&"2509010405".parse()?, &live).name.as_str(), "bk2509010405_sources");
///
/// // Where whoever publishes all that a schema holds does not look.
/// let apart = policy.staging_in(Ident::new("next")?);
/// assert_eq!(apart.staging(&live).to_string(), r#""next"."staging_sources""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamingPolicy {
    staging_prefix: String,
    backup_prefix: String,
    max_bytes: usize,
    #[serde(default)]
    staging_schema: Option<Ident>,
    #[serde(default)]
    backup_schema: Option<Ident>,
}

impl Default for NamingPolicy {
    /// `staging_<name>` and `bkYYMMDDHHMM_<name>` in the live relation's own schema, 63 bytes.
    fn default() -> Self {
        Self {
            staging_prefix: "staging_".to_owned(),
            backup_prefix: "bk".to_owned(),
            max_bytes: MAX_IDENT_BYTES,
            staging_schema: None,
            backup_schema: None,
        }
    }
}

impl NamingPolicy {
    /// Puts staging into this schema; it stands beside live unless set. The names keep their prefix: a twin is not to be
    /// mistaken for live by whoever has both schemas on the search path.
    #[must_use]
    pub fn staging_in(mut self, schema: Ident) -> Self {
        self.staging_schema = Some(schema);
        self
    }

    /// Puts backups into this schema; they stay beside live unless set.
    #[must_use]
    pub fn backups_in(mut self, schema: Ident) -> Self {
        self.backup_schema = Some(schema);
        self
    }

    /// Where the twins of relations of the schema `live` are.
    #[must_use]
    pub fn staging_schema<'a>(&'a self, live: &'a Ident) -> &'a Ident {
        self.staging_schema.as_ref().unwrap_or(live)
    }

    /// Where the backups of relations of the schema `live` go.
    #[must_use]
    pub fn backup_schema<'a>(&'a self, live: &'a Ident) -> &'a Ident {
        self.backup_schema.as_ref().unwrap_or(live)
    }

    /// The schemas that relations of the set are ever in: live's own, then those of staging and backups, each once.
    #[must_use]
    pub fn schemas<'a>(&'a self, live: &'a Ident) -> Vec<&'a Ident> {
        let mut schemas = vec![live, self.staging_schema(live), self.backup_schema(live)];
        schemas.sort_by_key(|schema| *schema != live);
        schemas.dedup();
        schemas
    }

    /// The staging twin's name for a live relation, index, sequence or statistics object.
    #[must_use]
    pub fn staging(&self, live: &QualifiedName) -> QualifiedName {
        let schema = self.staging_schema(&live.schema).clone();
        QualifiedName::new(schema, self.fit(&self.staging_prefix, &live.name))
    }

    /// The name that a live object bears in the backup set of `stamp`.
    #[must_use]
    pub fn backup(&self, stamp: &Stamp, live: &QualifiedName) -> QualifiedName {
        let schema = self.backup_schema(&live.schema).clone();
        QualifiedName::new(
            schema,
            self.fit(&format!("{}{stamp}_", self.backup_prefix), &live.name),
        )
    }

    /// Whether an unrecorded relation of this name deserves a mention as a possible leftover. Only for listing:
    /// nothing is decided or dropped by the look of a name.
    #[must_use]
    pub fn looks_managed(&self, name: &Ident) -> bool {
        let name = name.as_str();
        name.starts_with(&self.staging_prefix)
            || name
                .strip_prefix(&self.backup_prefix)
                .and_then(|rest| rest.split_once('_'))
                .is_some_and(|(stamp, rest)| stamp.parse::<Stamp>().is_ok() && !rest.is_empty())
    }

    fn fit(&self, prefix: &str, name: &Ident) -> Ident {
        let full = format!("{prefix}{}", name.as_str());
        if full.len() <= self.max_bytes {
            return Ident::fitted(full);
        }
        let mut hash = hex(&Sha256::digest(full.as_bytes()));
        hash.truncate(8);
        let cut = full.floor_char_boundary(self.max_bytes - hash.len() - 1);
        Ident::fitted(format!("{}_{hash}", &full[..cut]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(name: &str) -> QualifiedName {
        QualifiedName::new(Ident::new("public").unwrap(), Ident::new(name).unwrap())
    }

    #[test]
    fn a_taken_minute_gives_way_to_the_next() {
        let time: Timestamp = "2025-12-31T23:59:01Z".parse().unwrap();
        let taken = [Stamp::at(time)];
        assert_eq!(Stamp::first_free(time, &taken).as_str(), "2601010000");
        assert_eq!(Stamp::first_free(time, &[]).as_str(), "2512312359");
    }

    #[test]
    fn staging_and_backups_may_have_schemas_of_their_own() {
        let ident = |name: &str| Ident::new(name).unwrap();
        let stamp: Stamp = "2509010405".parse().unwrap();
        let check = |policy: NamingPolicy, expected: [&str; 2], schemas: &[&str]| {
            let live = public("sources");
            let named = [policy.staging(&live), policy.backup(&stamp, &live)];
            assert_eq!(named.map(|name| name.to_string().replace('"', "")), expected);
            let all = policy.schemas(&live.schema);
            assert_eq!(
                all.iter().map(|schema| schema.as_str()).collect::<Vec<_>>(),
                schemas
            );
        };
        let policy = NamingPolicy::default;
        check(
            policy(),
            ["public.staging_sources", "public.bk2509010405_sources"],
            &["public"],
        );
        check(
            policy().staging_in(ident("next")).backups_in(ident("past")),
            ["next.staging_sources", "past.bk2509010405_sources"],
            &["public", "next", "past"],
        );
        check(
            policy().staging_in(ident("apart")).backups_in(ident("apart")),
            ["apart.staging_sources", "apart.bk2509010405_sources"],
            &["public", "apart"],
        );
        check(
            policy().backups_in(ident("past")),
            ["public.staging_sources", "past.bk2509010405_sources"],
            &["public", "past"],
        );
    }

    #[test]
    fn long_names_are_cut_with_a_hash_and_stay_apart() {
        let policy = NamingPolicy::default();
        let stamp: Stamp = "2509010405".parse().unwrap();
        let a = policy.backup(&stamp, &public(&format!("{}_a", "x".repeat(60))));
        let b = policy.backup(&stamp, &public(&format!("{}_b", "x".repeat(60))));
        assert_ne!(a, b, "the server would have cut both to the same 63 bytes");
        assert_eq!(a.name.as_str().len(), 63);
        assert!(a.name.as_str().starts_with("bk2509010405_xxx"));
    }

    #[test]
    fn names_are_cut_between_characters() {
        let policy = NamingPolicy::default();
        for extra in 0..4 {
            let name = policy.staging(&public(&format!("{}{}", "a".repeat(extra), "é".repeat(30))));
            assert!(name.name.as_str().len() <= 63);
        }
    }

    #[test]
    fn leftovers_are_recognised_for_listing_only() {
        let policy = NamingPolicy::default();
        let looks = |name: &str| policy.looks_managed(&Ident::new(name).unwrap());
        assert!(looks("staging_sources"));
        assert!(looks("bk2509010405_sources"));
        assert!(!looks("bk_sources"));
        assert!(!looks("bk2509010405_"));
        assert!(!looks("sources"));
    }
}
