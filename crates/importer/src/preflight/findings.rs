//! Violations gathered by reason while rows are looked at.

use cutover_core::Ident;

use super::report::{Finding, Offender};

/// For so many offenders of a reason the geometry is kept, to be looked at.
const MAX_GEOMETRIES: usize = 20;

/// Gathers violations by reason; keeps the first few of each, in the order of the rows, and counts the rest.
#[derive(Debug)]
pub(super) struct Findings {
    max_keys: usize,
    /// The present row, counted from 1.
    row: u64,
    last_offending: u64,
    offending: u64,
    /// Where all rows were counted, also those that do not come here.
    rows_in_all: Option<u64>,
    found: Vec<Found>,
}

/// What was found of one reason.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) reason: String,
    pub(super) count: u64,
    /// Each with its row.
    pub(super) offenders: Vec<(u64, Offender)>,
}

impl Found {
    /// Keeps the geometries of the first few only, however many keys are kept.
    fn forget_geometries(&mut self) {
        for (_, offender) in self.offenders.iter_mut().skip(MAX_GEOMETRIES) {
            offender.geometry = None;
        }
    }
}

impl Findings {
    pub(super) fn new(max_keys: usize) -> Self {
        Self {
            max_keys,
            row: 0,
            last_offending: 0,
            offending: 0,
            rows_in_all: None,
            found: Vec::new(),
        }
    }

    /// What was found before in rows up to that one, and kept since.
    pub(super) fn of_kept(max_keys: usize, rows: u64, offending: u64, found: Vec<Found>) -> Self {
        Self {
            row: rows,
            last_offending: rows,
            offending,
            found,
            ..Self::new(max_keys)
        }
    }

    /// What was found so far, by reason.
    pub(super) fn found(&self) -> &[Found] {
        &self.found
    }

    /// The offenders kept.
    pub(super) fn offenders_mut(&mut self) -> impl Iterator<Item = &mut Offender> {
        let found = self.found.iter_mut();
        found.flat_map(|found| found.offenders.iter_mut().map(|(_, offender)| offender))
    }

    /// Gathers what others find in the rows behind that many; [`merge`](Self::merge) takes it back.
    pub(super) fn of_rows_behind(&self, rows: u64) -> Self {
        Self {
            row: rows,
            last_offending: rows,
            ..Self::new(self.max_keys)
        }
    }

    /// What is added from now on is wrong with the next row.
    pub(super) fn next_row(&mut self) {
        self.row += 1;
    }

    /// Rows looked at.
    pub(super) fn rows(&self) -> u64 {
        self.row
    }

    pub(super) fn set_rows_in_all(&mut self, rows: u64) {
        self.rows_in_all = Some(rows);
    }

    pub(super) fn rows_in_all(&self) -> Option<u64> {
        self.rows_in_all
    }

    /// Rows with at least one violation.
    pub(super) fn offending(&self) -> u64 {
        self.offending
    }

    /// Counts one violation; `offender` is only called while offenders of this reason are kept.
    pub(super) fn add(&mut self, reason: &str, offender: impl FnOnce() -> Offender) {
        if self.last_offending != self.row || self.row == 0 {
            self.last_offending = self.row;
            self.offending += 1;
        }
        let (row, max_keys) = (self.row, self.max_keys);
        let found = self.found_for(reason);
        found.count += 1;
        if found.offenders.len() < max_keys {
            found.offenders.push((row, offender()));
            found.forget_geometries();
        }
    }

    /// Adds what was found in other rows, in whatever order they were looked at.
    pub(super) fn merge(&mut self, other: Self) {
        self.row = self.row.max(other.row);
        self.merge_again(other);
    }

    /// Adds what was found in rows that were counted before.
    pub(super) fn merge_again(&mut self, other: Self) {
        self.offending += other.offending;
        let max_keys = self.max_keys;
        for one in other.found {
            let found = self.found_for(&one.reason);
            found.count += one.count;
            found.offenders.extend(one.offenders);
            found.offenders.sort_by_key(|(row, _)| *row);
            found.offenders.truncate(max_keys);
            found.forget_geometries();
        }
    }

    fn found_for(&mut self, reason: &str) -> &mut Found {
        let position = self.found.iter().position(|found| found.reason == reason);
        let position = position.unwrap_or_else(|| {
            self.found.push(Found {
                reason: reason.to_owned(),
                count: 0,
                offenders: Vec::new(),
            });
            self.found.len() - 1
        });
        &mut self.found[position]
    }

    /// By falling count, then by reason, so that two runs read the same.
    pub(super) fn into_vec(mut self) -> Vec<Finding> {
        self.found
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        let finding = |found: Found| Finding {
            reason: found.reason,
            count: found.count,
            offenders: found
                .offenders
                .into_iter()
                .map(|(_, offender)| offender)
                .collect(),
        };
        self.found.into_iter().map(finding).collect()
    }
}

/// The key's columns with their values.
pub(super) fn key_of(columns: &[Ident], values: Vec<Option<String>>) -> Vec<(String, Option<String>)> {
    columns
        .iter()
        .map(|column| column.as_str().to_owned())
        .zip(values)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offender(row: u64) -> Offender {
        Offender {
            key: vec![("id".to_owned(), Some(row.to_string()))],
            ..Offender::default()
        }
    }

    /// What two batches of three rows tell: all rows are bad, every third for two reasons.
    fn batch(whole: &Findings, rows_before: u64) -> Findings {
        let mut findings = whole.of_rows_behind(rows_before);
        for row in rows_before + 1..=rows_before + 3 {
            findings.next_row();
            findings.add("bad", || offender(row));
            if row % 3 == 0 {
                findings.add("worse", || offender(row));
            }
        }
        findings
    }

    #[test]
    fn the_order_in_which_batches_end_does_not_show() {
        let found = |order: [u64; 3]| {
            let mut findings = Findings::new(4);
            for rows_before in order {
                let batch = batch(&findings, rows_before);
                findings.merge(batch);
            }
            assert_eq!((findings.rows(), findings.offending()), (9, 9));
            findings.into_vec()
        };
        let expected = found([0, 3, 6]);
        assert_eq!(expected[0].offenders, [1, 2, 3, 4].map(offender));
        assert_eq!((expected[0].count, expected[1].count), (9, 3));
        assert_eq!(found([6, 0, 3]), expected);
        assert_eq!(found([3, 6, 0]), expected);
    }
}
