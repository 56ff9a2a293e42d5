//! What a release takes on disk, and whether there is as much.

mod free; // what is free, and how that is known
mod log_kept; // how much of the write-ahead log stays
mod prediction; // live's sizes, and what becomes of them

use cutover_core::records::Records;
use cutover_core::{Ident, Session};
use cutover_swap::{SetSpace, SpaceOf, retention_plan, space};
use tokio_postgres::Client;

pub use free::{DiskSpace, FreeFrom};
pub(super) use log_kept::{Archive, LogKept};
pub use prediction::{DiskPrediction, Growth, GrowthFrom};
use prediction::{Part, PartKind, SetFacts};

use super::{Concern, Findings};
use crate::run::session_error;
use crate::{Cutover, Manifest, ReleaseError};

impl Cutover {
    /// Predicts what the next release takes, and compares it with what is free where that is known.
    pub(super) async fn check_disk(
        &self,
        session: &mut Session,
        members: &[Ident],
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let concern = Concern::Disk;
        let facts = self.read_set_facts(session, members).await?;
        if facts.is_empty() {
            findings.warning(
                concern,
                "live is empty, so nothing tells what a release takes on disk",
                "compare the size of the sources with what is free on the server's disks",
            );
            return Ok(());
        }
        let log = LogKept::read(session).await?;
        let mut prediction = DiskPrediction::compute(&facts, &log);
        match self.free_disk(session, &prediction, &log).await {
            Ok((from, disks)) => {
                prediction.compare(from, disks);
                let what = prediction.to_string();
                if !prediction.fits() {
                    findings.error(
                        concern,
                        what,
                        "make room before the release: `cutover drop backups` (see `cutover space`), or a larger disk",
                    );
                } else if !prediction.fits_with_margin() {
                    findings.warning(
                        concern,
                        what,
                        "it fits, but not a fifth more, nor all of the log where an archive or a slot keeps it: make room, or \
                         watch the disk",
                    );
                } else {
                    findings.ok(concern, what);
                }
            }
            Err(why) => findings.warning(
                concern,
                format!("{prediction}; how much is free is not known: {why}"),
                "set [disk] free_query or free; where the server is on this machine, GRANT pg_read_all_settings to the role",
            ),
        }
        findings.disk = Some(prediction);
        Ok(())
    }

    async fn read_set_facts(
        &self,
        session: &mut Session,
        members: &[Ident],
    ) -> Result<SetFacts, ReleaseError> {
        let records = self.records()?;
        let recorded = Records::version(&**session).await?.is_some();
        let staging = self.recorded_staging(session, &records).await?;
        let report = space(&**session, &records, &[], &staging).await?;
        let of = |wanted: fn(&SpaceOf) -> bool| {
            let sets = report.sets.iter().filter(|set| wanted(&set.set));
            sets.map(SetSpace::total_bytes).sum::<u64>()
        };
        let freed_afterwards = if recorded {
            let plan = retention_plan(session, &records, self.retention_after_a_swap()).await?;
            plan.drops.iter().map(|drop| drop.bytes).sum()
        } else {
            0
        };
        Ok(SetFacts {
            parts: self.read_parts(session, members).await?,
            backups: of(|set| matches!(set, SpaceOf::Backup(_))),
            staging: of(|set| matches!(set, SpaceOf::Staging)),
            freed_afterwards,
            keeps_live: self.file.release().keep_backups > 0
                || self.file.release().keep_backups_for.is_some(),
            sorts_at_once: usize::try_from(self.file.staging().workers).unwrap_or(usize::MAX),
            growth: self.growth(session, &records, recorded).await?,
        })
    }

    async fn read_parts(&self, client: &Client, members: &[Ident]) -> Result<Vec<Part>, ReleaseError> {
        let schemas = vec![self.schema().as_str(); members.len()];
        let names: Vec<&str> = members.iter().map(Ident::as_str).collect();
        let rows = client
            .query(include_str!("sql/disk_parts.sql"), &[&schemas, &names])
            .await
            .map_err(|error| session_error("measure the relations of", error))?;
        let part = |row: &tokio_postgres::Row| Part {
            kind: match row.get::<_, &str>(0) {
                "table" => PartKind::Table,
                "toast" => PartKind::Toast,
                _ => PartKind::Index,
            },
            tablespace: row.get(1),
            bytes: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
        };
        Ok(rows.iter().map(part).collect())
    }

    /// By how much the next release is larger than live.
    async fn growth(
        &self,
        client: &Client,
        records: &Records,
        recorded: bool,
    ) -> Result<Growth, ReleaseError> {
        if let Some(share) = self.file.disk().growth {
            return Ok(Growth::of(share, GrowthFrom::ReleaseFile));
        }
        let current = if recorded {
            records.current(client).await?
        } else {
            None
        };
        // A manifest of another version is no reason to fail.
        let told = current.and_then(|record| {
            let manifest: Manifest = serde_json::from_value(record.manifest?).ok()?;
            Growth::of_release(&manifest)
        });
        Ok(told.unwrap_or_else(Growth::assumed))
    }
}

/// Bytes for people.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1000.0 {
            return format!("{size:.0} {unit}");
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}
