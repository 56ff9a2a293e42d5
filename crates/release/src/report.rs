//! What the calls return, for people (`Display` where a text says it best) and machines (`Serialize`).

use std::fmt;

use cutover_core::records::{AddedValues, ReleaseState};
use cutover_core::release_file::Label;
use cutover_core::{ObjectName, Phase, Plan, Stamp, write_comment};
use cutover_swap::{LostWrites, OrphanedRows, StandbyReplay, SwapPlan, SwapReport, WaitedBehind};
use serde::Serialize;

use crate::{ChangesOf, HookReport, Manifest, PlannedAddition, PlannedCheck, PlannedHook, PlannedImports};

/// How a release ended that did not fail.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ReleaseReport {
    /// Its record.
    pub release: i64,
    /// Its label.
    pub label: Label,
    /// Completed, or stopped where it was asked to.
    pub state: ReleaseState,
    /// The phases that ran, in order.
    pub phases: Vec<PhaseReport>,
    /// The swap, when it came that far.
    pub swap: Option<SwapFigures>,
    /// The manifest, when it came that far.
    pub manifest: Option<Manifest>,
    /// The hooks whose points were passed, in order.
    pub hooks: Vec<HookReport>,
    /// What lookups added to tables outside the set, in all runs of this release: it stays, whatever becomes of the release.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<AddedValues>,
}

/// A phase that ran.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PhaseReport {
    /// Which.
    pub phase: Phase,
    /// What it did, in a line.
    pub summary: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What a swap did.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SwapFigures {
    /// The backup set that holds what was live: `cutover rollback` takes it.
    pub backup: Stamp,
    /// Tables and materialized views that changed places.
    pub relations: usize,
    /// Attempts it took to get the locks.
    pub attempts: u32,
    /// How long readers could be held up, in milliseconds: from the first exclusive lock to the commit.
    pub exclusive_ms: u64,
    /// When the attached standbys showed it, after the commit.
    pub standbys: Vec<StandbyReplay>,
    /// Who waited behind its tries for the locks; `None` where that was not seen.
    pub waited_behind: Option<WaitedBehind>,
}

impl SwapFigures {
    pub(crate) fn of(report: &SwapReport) -> Self {
        Self {
            backup: report.backup.clone(),
            relations: report.relations,
            attempts: report.attempts,
            exclusive_ms: report.exclusive_ms,
            standbys: Vec::new(),
            waited_behind: report.waited_behind,
        }
    }

    /// Of a swap that the records tell of, the connection having been lost before it could.
    pub(crate) fn settled(plan: &SwapPlan) -> Self {
        Self {
            backup: plan.backup.clone(),
            relations: plan.relations,
            attempts: 0,
            exclusive_ms: 0,
            standbys: Vec::new(),
            waited_behind: None,
        }
    }
}

/// What a rollback would do, and what stands against it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RollbackPlan {
    /// The label of the release that the backup set holds, where one is recorded.
    pub label: Option<String>,
    /// Every statement with its locks.
    pub plan: SwapPlan,
    /// Rows outside the set that refer to what the backup set does not have.
    pub orphans: Vec<OrphanedRows>,
    /// Whether they may stay; they refuse the rollback otherwise.
    pub orphans_allowed: bool,
    /// What was written to live since it went live.
    pub writes: Vec<LostWrites>,
    /// Whether it may be lost to live; it refuses the rollback otherwise.
    pub writes_allowed: bool,
    /// The hooks that follow it.
    pub hooks: Vec<PlannedHook>,
}

impl RollbackPlan {
    /// Whether the rollback would be refused as things are.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !(self.orphans.is_empty() || self.orphans_allowed) || !(self.writes.is_empty() || self.writes_allowed)
    }
}

impl fmt::Display for RollbackPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let but = |allowed| if allowed { "allowed by" } else { "refused unless" };
        for orphans in &self.orphans {
            let but = but(self.orphans_allowed);
            write_comment(f, format_args!("{but} --allow-orphans: {orphans}"))?;
        }
        for writes in &self.writes {
            let but = but(self.writes_allowed);
            write_comment(
                f,
                format_args!("{but} --allow-lost-writes: written since it went live: {writes}"),
            )?;
        }
        for hook in &self.hooks {
            write_comment(f, format_args!("{hook}"))?;
        }
        write!(f, "{}", self.plan)
    }
}

/// How a rollback ended.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RollbackReport {
    /// Its record.
    pub release: i64,
    /// The backup set that is live again.
    pub restored: Stamp,
    /// The label of the release it holds, where one is recorded.
    pub label: Option<String>,
    /// The swap.
    pub swap: SwapFigures,
    /// The hooks that followed it.
    pub hooks: Vec<HookReport>,
    /// What could not be tidied up afterwards; the rollback itself is done.
    pub warnings: Vec<String>,
}

/// What an abort did.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AbortReport {
    /// The release that was stopped or cleaned up after; `None` when there was nothing to do.
    pub release: Option<i64>,
    /// Whether it was running.
    pub was_running: bool,
    /// How it ended: one that was past its swap when it was asked to stop has completed, and its data is live.
    pub state: Option<ReleaseState>,
    /// Staging relations that were removed.
    pub removed: usize,
}

/// Everything a release would do to the database, computed and not done.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PlanReport {
    /// Materialized views over the set that the file does not name, and the views they read it through: they change places
    /// with it.
    pub companions: Vec<ObjectName>,
    /// How the release file declares the structure to change.
    pub changes: Vec<ChangesOf>,
    /// Whether prepared statements of long-lived sessions go on after the swap: no member's columns change.
    pub plan_safe: bool,
    /// What the operator should know of the set, the clone and the swap, though it stops nothing.
    pub warnings: Vec<String>,
    /// By how many ranges each importer is to be loaded, and how many connections that takes.
    pub imports: PlannedImports,
    /// Where the geometry checks with `when = "import"` would be made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<PlannedCheck>,
    /// The lookups that add to tables outside the set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additions: Vec<PlannedAddition>,
    /// The hooks of the release file at their points, in the order they would be passed.
    pub hooks: Vec<PlannedHook>,
    /// The plans in the order they would run.
    pub plans: Vec<PhasePlan>,
}

/// What one phase would do.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PhasePlan {
    /// The phase.
    pub phase: Phase,
    /// Its statements.
    pub plan: Plan,
}

impl fmt::Display for PlanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for companion in &self.companions {
            write_comment(f, format_args!("comes along: {companion}"))?;
        }
        for ChangesOf { table, why, changes } in &self.changes {
            write_comment(f, format_args!("declared change of {table}"))?;
            for change in changes {
                write_comment(f, format_args!("  {change}"))?;
            }
            if let Some(why) = why {
                write_comment(f, format_args!("  because: {why}"))?;
            }
        }
        if !self.imports.importers.is_empty() {
            write_comment(f, format_args!("{}", self.imports))?;
        }
        let importers = self.imports.importers.iter();
        for import in importers.filter(|import| import.is_worth_telling()) {
            write_comment(f, format_args!("{import}"))?;
        }
        for check in &self.checks {
            write_comment(f, format_args!("{check}"))?;
        }
        for addition in &self.additions {
            write_comment(f, format_args!("{addition}"))?;
        }
        for hook in &self.hooks {
            write_comment(f, format_args!("{hook}"))?;
        }
        for warning in &self.warnings {
            write_comment(f, format_args!("warning: {warning}"))?;
        }
        if !(self.companions.is_empty()
            && self.changes.is_empty()
            && self.imports.importers.is_empty()
            && self.checks.is_empty()
            && self.additions.is_empty()
            && self.hooks.is_empty()
            && self.warnings.is_empty())
        {
            writeln!(f)?;
        }
        let mut last = None;
        for PhasePlan { phase, plan } in &self.plans {
            if last != Some(phase) {
                writeln!(f, "-- ===== {phase} =====\n")?;
                last = Some(phase);
            }
            writeln!(f, "{plan}")?;
        }
        Ok(())
    }
}
