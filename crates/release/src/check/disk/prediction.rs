//! What a release takes on disk, predicted from live.

use std::fmt;

use serde::Serialize;

use super::free::{DiskSpace, FreeFrom};
use super::log_kept::LogKept;
use super::size;
use crate::Manifest;

/// Where nothing tells how releases grow.
const ASSUMED_GROWTH: f64 = 0.1;

/// One of live's tables, TOAST tables or indexes.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub kind: PartKind,
    /// Where its tablespace is; empty for the data directory.
    pub tablespace: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartKind {
    Table,
    Toast,
    Index,
}

/// What a prediction rests on.
#[derive(Debug)]
pub(super) struct SetFacts {
    pub parts: Vec<Part>,
    pub backups: u64,
    /// Staging that is there: taken up or removed by the next release.
    pub staging: u64,
    /// What retention drops when the release is live.
    pub freed_afterwards: u64,
    /// Whether what is live now stays as a backup set.
    pub keeps_live: bool,
    /// How many indexes are built at once.
    pub sorts_at_once: usize,
    pub growth: Growth,
}

impl SetFacts {
    /// An empty index still has a page.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes_of(|kind| kind == PartKind::Table) == 0
    }

    fn bytes_of(&self, wanted: impl Fn(PartKind) -> bool) -> u64 {
        let parts = self.parts.iter().filter(|part| wanted(part.kind));
        parts.map(|part| part.bytes).sum()
    }
}

/// By how much the next release is larger than live.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Growth {
    /// As a share of live: 0.1 for a tenth more.
    pub share: f64,
    /// Who says so.
    pub from: GrowthFrom,
}

/// Who says how releases grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrowthFrom {
    /// `disk.growth` of the release file.
    ReleaseFile,
    /// The release that is live, by this label: it had grown by as much, table by table.
    Release(String),
    /// Nobody: it is an assumption.
    Assumed,
}

impl Growth {
    pub(super) fn of(share: f64, from: GrowthFrom) -> Self {
        Self { share, from }
    }

    pub(super) fn assumed() -> Self {
        Self::of(ASSUMED_GROWTH, GrowthFrom::Assumed)
    }

    /// What the release had grown by, its relations weighed by their size. One that more than doubled is no trend but a first
    /// release, or a mistake that was mended. A release that shrank promises nothing.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share for people; tables have fewer than 2^52 rows and bytes"
    )]
    pub(super) fn of_release(manifest: &Manifest) -> Option<Self> {
        let (mut before, mut now) = (0.0, 0.0);
        for facts in manifest.relations.values() {
            if let Some(change) = facts.change().filter(|change| *change <= 1.0) {
                now += facts.bytes as f64;
                before += facts.bytes as f64 / (1.0 + change).max(0.5);
            }
        }
        (before > 0.0).then(|| {
            let share = (now / before - 1.0).max(0.0);
            Self::of(share, GrowthFrom::Release(manifest.label.to_string()))
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate; `as` saturates, and the share is not negative"
    )]
    fn added_to(&self, bytes: u64) -> u64 {
        bytes.saturating_add((bytes as f64 * self.share) as u64)
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "live's sizes and {:.1} % more, ", self.share * 100.0)?;
        match &self.from {
            GrowthFrom::ReleaseFile => f.write_str("as [disk] growth says"),
            GrowthFrom::Release(label) => write!(f, "as {label} had grown by"),
            GrowthFrom::Assumed => f.write_str("as no release tells how it grows"),
        }
    }
}

/// What the next release takes on disk while it is built, in bytes, and how that was predicted: it is as large as live, and
/// larger by some growth. Staging comes on top of live and of all backup sets, for retention drops the oldest after the swap
/// only.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DiskPrediction {
    /// What live takes.
    pub live_bytes: u64,
    /// What the backup sets take.
    pub backup_bytes: u64,
    /// What staging takes that is there already: the next release goes on with it or removes it first.
    pub staging_bytes: u64,
    /// By how much the release is larger than live.
    pub growth: Growth,
    /// The new tables and materialized views.
    pub table_bytes: u64,
    /// Their TOAST tables.
    pub toast_bytes: u64,
    /// Their indexes.
    pub index_bytes: u64,
    /// Temporary files: the largest indexes, as many as are built at once, are sorted there.
    pub sort_bytes: u64,
    /// What is written to the write-ahead log: all of it once, and the tables once more when `VACUUM` freezes them.
    pub log_written_bytes: u64,
    /// What of that stays on disk as things are.
    pub log_kept_bytes: u64,
    /// What of that stays when neither archive nor slots take any.
    pub log_at_most_bytes: u64,
    /// All that comes on top while it is built, with the log that is kept as things are.
    pub peak_bytes: u64,
    /// What is more than now when it is done: a backup set more, less those that retention drops.
    pub afterwards_bytes: i64,
    /// How it is known what is free; `None` where it is not.
    pub free_from: Option<FreeFrom>,
    /// The disks that it needs, each with what is free there.
    pub disks: Vec<DiskSpace>,
    /// What is needed of each tablespace; the empty one is the data directory, which sorts are in.
    #[serde(skip)]
    pub(super) by_tablespace: Vec<(String, u64)>,
}

impl DiskPrediction {
    pub(super) fn compute(facts: &SetFacts, log: &LogKept) -> Self {
        let grown = |kind| facts.growth.added_to(facts.bytes_of(|of| of == kind));
        let (tables, toast, indexes) = (
            grown(PartKind::Table),
            grown(PartKind::Toast),
            grown(PartKind::Index),
        );
        let mut sorted: Vec<u64> = facts
            .parts
            .iter()
            .filter(|part| part.kind == PartKind::Index)
            .map(|part| facts.growth.added_to(part.bytes))
            .collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let sort_bytes = sorted.iter().take(facts.sorts_at_once).sum();
        let staging = tables + toast + indexes;
        let log_written_bytes = if log.is_written {
            staging + tables + toast
        } else {
            0
        };
        let log_kept_bytes = log.as_things_are(log_written_bytes);
        let live_bytes = facts.bytes_of(|_| true);
        let gone = facts.freed_afterwards + if facts.keeps_live { 0 } else { live_bytes };
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let mut by_tablespace = vec![(String::new(), sort_bytes)];
        for part in &facts.parts {
            let bytes = facts.growth.added_to(part.bytes);
            match by_tablespace
                .iter_mut()
                .find(|(place, _)| *place == part.tablespace)
            {
                Some((_, sum)) => *sum += bytes,
                None => by_tablespace.push((part.tablespace.clone(), bytes)),
            }
        }
        Self {
            live_bytes,
            backup_bytes: facts.backups,
            staging_bytes: facts.staging,
            growth: facts.growth.clone(),
            table_bytes: tables,
            toast_bytes: toast,
            index_bytes: indexes,
            sort_bytes,
            log_written_bytes,
            log_kept_bytes,
            log_at_most_bytes: log.at_most(log_written_bytes),
            peak_bytes: staging + sort_bytes + log_kept_bytes,
            afterwards_bytes: signed(staging) - signed(gone),
            free_from: None,
            disks: Vec::new(),
            by_tablespace,
        }
    }

    pub(super) fn compare(&mut self, from: FreeFrom, disks: Vec<DiskSpace>) {
        self.free_from = Some(from);
        self.disks = disks;
    }

    /// Whether each disk has what it needs; true where that is not known.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.disks.iter().all(DiskSpace::fits)
    }

    /// Whether each has a fifth more than that, and room for all of the log that could stay.
    #[must_use]
    pub fn fits_with_margin(&self) -> bool {
        self.disks.iter().all(DiskSpace::fits_with_margin)
    }
}

/// In one sentence.
impl fmt::Display for DiskPrediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a release takes about {} more while it is built: tables {}, TOAST {}, indexes {} ({}), {} to sort indexes, {} of \
             write-ahead log (of {} that are written); live ({}) and the backup sets ({}) stay meanwhile, ",
            size(self.peak_bytes),
            size(self.table_bytes),
            size(self.toast_bytes),
            size(self.index_bytes),
            self.growth,
            size(self.sort_bytes),
            size(self.log_kept_bytes),
            size(self.log_written_bytes),
            size(self.live_bytes),
            size(self.backup_bytes)
        )?;
        let less_or_more = if self.afterwards_bytes < 0 { "less" } else { "more" };
        let afterwards = size(self.afterwards_bytes.unsigned_abs());
        write!(
            f,
            "and {afterwards} {less_or_more} than now are taken when it is done"
        )?;
        if self.staging_bytes > 0 {
            let staging = size(self.staging_bytes);
            write!(f, "; {staging} of it are taken by staging that is there")?;
        }
        if let Some(from) = self.free_from {
            for disk in &self.disks {
                write!(f, "; {} are free", size(disk.free_bytes))?;
                if let Some(path) = &disk.path {
                    write!(f, " for {} at {}", size(disk.needed_bytes), path.display())?;
                }
            }
            write!(f, ", {from}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::log_kept::{Archive, Slots};
    use super::*;

    const LOG: LogKept = LogKept {
        is_written: true,
        usual: 1_000,
        most_by_slots: None,
        archive: Archive::Off,
        slots: Slots::None,
        data_directory: None,
    };

    fn facts() -> SetFacts {
        let part = |kind, tablespace: &str, bytes| Part {
            kind,
            tablespace: tablespace.to_owned(),
            bytes,
        };
        SetFacts {
            parts: vec![
                part(PartKind::Table, "", 4_000),
                part(PartKind::Toast, "", 1_000),
                part(PartKind::Index, "", 500),
                part(PartKind::Index, "/fast", 2_000),
                part(PartKind::Index, "/fast", 300),
            ],
            backups: 9_000,
            staging: 0,
            freed_afterwards: 8_000,
            keeps_live: true,
            sorts_at_once: 2,
            growth: Growth::of(0.1, GrowthFrom::ReleaseFile),
        }
    }

    #[test]
    fn staging_is_live_and_its_growth_and_comes_on_top_of_all() {
        let prediction = DiskPrediction::compute(&facts(), &LOG);
        assert_eq!(
            (
                prediction.table_bytes,
                prediction.toast_bytes,
                prediction.index_bytes
            ),
            (4_400, 1_100, 3_080)
        );
        assert_eq!(prediction.sort_bytes, 2_200 + 550, "the two largest at once");
        assert_eq!(
            (prediction.log_written_bytes, prediction.log_kept_bytes),
            (8_580 + 5_500, 1_000)
        );
        assert_eq!(prediction.peak_bytes, 8_580 + 2_750 + 1_000);
        assert_eq!(prediction.afterwards_bytes, 8_580 - 8_000);
        assert_eq!(
            prediction.by_tablespace,
            [
                (String::new(), 2_750 + 4_400 + 1_100 + 550),
                ("/fast".to_owned(), 2_530)
            ]
        );
        let keeps_none = SetFacts {
            keeps_live: false,
            ..facts()
        };
        assert_eq!(
            DiskPrediction::compute(&keeps_none, &LOG).afterwards_bytes,
            8_580 - 8_000 - 7_800
        );
    }

    #[track_caller]
    fn check_log(log: &LogKept, as_things_are: u64, at_most: u64) {
        assert_eq!(
            (log.as_things_are(5_000), log.at_most(5_000)),
            (as_things_are, at_most)
        );
    }

    #[test]
    fn log_stays_where_nobody_takes_it() {
        check_log(&LOG, 1_000, 1_000);
        let archived = LogKept {
            archive: Archive::Takes,
            ..LOG
        };
        check_log(&archived, 1_000, 5_000);
        let stuck = LogKept {
            archive: Archive::Fails,
            ..LOG
        };
        check_log(&stuck, 5_000, 5_000);
        let slots = LogKept {
            slots: Slots::InUse,
            ..LOG
        };
        check_log(&slots, 1_000, 5_000);
        let idle = LogKept {
            slots: Slots::Idle,
            ..LOG
        };
        check_log(&idle, 5_000, 5_000);
        let bounded = LogKept {
            most_by_slots: Some(2_000),
            ..idle
        };
        check_log(&bounded, 2_000, 2_000);
        assert_eq!(LOG.as_things_are(10), 10, "no more than is written");
        let unwritten = LogKept {
            is_written: false,
            ..LOG
        };
        assert_eq!(DiskPrediction::compute(&facts(), &unwritten).log_written_bytes, 0);
    }
}
