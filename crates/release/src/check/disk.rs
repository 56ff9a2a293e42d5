//! What a release takes on disk.

use cutover_core::{Ident, Session};
use cutover_swap::{SetSpace, SpaceOf, space};

use super::{Concern, Findings};
use crate::{Cutover, ReleaseError};

impl Cutover {
    /// How much is free no statement can see: it is for the reader to compare.
    ///
    /// Predicted is that the new release is as large as live. While it is built, staging comes on top of live and of all backup
    /// sets, for retention drops the oldest after the swap only; and the write-ahead log grows by about as much until it is
    /// archived or recycled.
    pub(super) async fn check_disk(
        &self,
        session: &Session,
        members: &[Ident],
        findings: &mut Findings,
    ) -> Result<(), ReleaseError> {
        let live: Vec<_> = members.iter().map(|member| self.live(member)).collect();
        let records = self.records()?;
        let report = space(&**session, &records, &live, &[]).await?;
        let of = |wanted: fn(&SpaceOf) -> bool| {
            let sets = report.sets.iter().filter(|set| wanted(&set.set));
            sets.map(SetSpace::total_bytes).sum::<u64>()
        };
        let live = of(|set| matches!(set, SpaceOf::Live));
        let backups = of(|set| matches!(set, SpaceOf::Backup(_)));
        findings.ok(
            Concern::Disk,
            format!(
                "a release will take about {} more while it is built, as much as live ({}, backups {}), and as much again in \
                 write-ahead log; whether the server's disks have it cannot be seen from here",
                size(live),
                size(live),
                size(backups)
            ),
        );
        Ok(())
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
