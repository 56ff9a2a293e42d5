//! Which release a relation belongs to.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use tokio_postgres::Client;

use super::tally::Sight;
use crate::dataset::{RELEASE_MATVIEWS, RELEASE_TABLES};

/// The release set of each relation, by OID, and of each month; renames do not change an OID.
#[derive(Debug, Clone, Default)]
pub struct ReleaseMap {
    relations: BTreeMap<u32, String>,
    months: BTreeMap<String, BTreeSet<String>>,
}

/// What a sight shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// All of one release.
    Release(&'a str),
    /// Parts of two releases.
    Mixed,
    /// Something that the map does not know.
    Unknown,
}

impl ReleaseMap {
    /// An empty map, to be filled by hand.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that a relation belongs to `release`.
    pub fn insert_relation(&mut self, oid: u32, release: &str) {
        self.relations.insert(oid, release.to_owned());
    }

    /// Says that `release` is of a month, as the statistics tell it. Two releases may be of the same month.
    pub fn insert_month(&mut self, month: &str, release: &str) {
        self.months
            .entry(month.to_owned())
            .or_default()
            .insert(release.to_owned());
    }

    /// Reads the map of a live [dataset](crate::dataset): `live` for what bears the plain names, and the prefix (`bkYYMMDDHHMM`)
    /// for each backup set.
    ///
    /// # Errors
    /// The server's.
    pub async fn read(client: &Client) -> Result<Self> {
        let members: Vec<&str> = RELEASE_TABLES.into_iter().chain(RELEASE_MATVIEWS).collect();
        let sql = "SELECT c.oid, coalesce(substring(c.relname, '^(bk[0-9]{10})_'), 'live') AS release, c.relname::text, \
                   regexp_replace(c.relname, '^bk[0-9]{10}_', '') IN ('country_statistics', 'global_statistics') AS has_month \
                   FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'm') \
                   AND regexp_replace(c.relname, '^bk[0-9]{10}_', '') = ANY ($1::text[])";
        let rows = client
            .query(sql, &[&members])
            .await
            .context("could not read which releases there are")?;
        let mut map = Self::new();
        for row in rows {
            let (oid, release, relation): (u32, String, String) = (row.get(0), row.get(1), row.get(2));
            map.insert_relation(oid, &release);
            if row.get(3) {
                let sql = format!("SELECT DISTINCT month FROM public.\"{relation}\"");
                for month in client
                    .query(&sql, &[])
                    .await
                    .with_context(|| format!("could not read {relation}"))?
                {
                    map.insert_month(month.get(0), &release);
                }
            }
        }
        Ok(map)
    }

    pub(super) fn judge(&self, sight: &Sight) -> Verdict<'_> {
        let Some(of_relations) = sight
            .relations
            .iter()
            .map(|oid| self.relations.get(oid))
            .collect::<Option<BTreeSet<_>>>()
        else {
            return Verdict::Unknown;
        };
        let Some(of_months) = sight
            .months
            .iter()
            .map(|month| self.months.get(month))
            .collect::<Option<Vec<_>>>()
        else {
            return Verdict::Unknown;
        };
        // The releases that everything seen may come from.
        let mut possible: Option<BTreeSet<&String>> = None;
        let each_relation = of_relations.into_iter().map(|release| BTreeSet::from([release]));
        for candidates in each_relation.chain(of_months.into_iter().map(|releases| releases.iter().collect()))
        {
            possible = Some(match possible {
                None => candidates,
                Some(before) => before.intersection(&candidates).copied().collect(),
            });
        }
        match possible.map(|releases| releases.first().copied()) {
            None => Verdict::Unknown,
            Some(None) => Verdict::Mixed,
            Some(Some(release)) => Verdict::Release(release),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(relations: &str, months: &str, expected: Verdict<'_>) {
        let mut map = ReleaseMap::new();
        for (oid, release, month) in [
            (1, "old", "Sep"),
            (2, "old", "Sep"),
            (3, "new", "Oct"),
            (4, "again", "Oct"),
        ] {
            map.insert_relation(oid, release);
            map.insert_month(month, release);
        }
        assert_eq!(map.judge(&Sight::parse(relations, months).unwrap()), expected);
    }

    #[test]
    fn a_sight_is_of_one_release_or_mixed_or_unknown() {
        check("1 2", "", Verdict::Release("old"));
        check("1 2", "Sep", Verdict::Release("old"));
        check("3", "Oct", Verdict::Release("new"));
        check("4", "Oct", Verdict::Release("again"));
        check("1 3", "", Verdict::Mixed);
        check("1", "Oct", Verdict::Mixed);
        check("", "Sep Oct", Verdict::Mixed);
        check("3 4", "Oct", Verdict::Mixed);
        check("1 9", "", Verdict::Unknown);
        check("1", "Nov", Verdict::Unknown);
        check("", "", Verdict::Unknown);
    }
}
