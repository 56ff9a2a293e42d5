//! What one run of a release is asked to do.

use std::collections::BTreeSet;

use cutover_core::release_file::{Import, Label};
use jiff::Timestamp;

use crate::Selection;
use crate::phases::phase_of;

/// What one run of a release is asked to do; everything else stands in the release file.
///
/// ```
/// use cutover::{ReleaseOptions, Selection};
/// use cutover_core::{Phase, release_file::Label};
///
/// let rehearsal = ReleaseOptions::default().label(Label::new("Sep2025")?).dry_run();
/// let sources_only = ReleaseOptions::default()
///     .selection(Selection::all().stop_after(Phase::ImportCore)?)
///     .only_importers(["sources"])
///     .sample(1000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ReleaseOptions {
    pub(crate) label: Option<Label>,
    pub(crate) selection: Selection,
    pub(crate) dry_run: bool,
    pub(crate) only: BTreeSet<String>,
    pub(crate) skip: BTreeSet<String>,
    pub(crate) sample: Option<u64>,
    pub(crate) checkpoints: bool,
    pub(crate) chunk_bytes: Option<usize>,
    pub(crate) hold: Option<bool>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) discard_staging: bool,
    /// The release that must be the newest still, or nothing is done.
    pub(crate) goes_on_with: Option<i64>,
}

impl Default for ReleaseOptions {
    /// All phases and importers, the label of the day.
    fn default() -> Self {
        Self {
            label: None,
            selection: Selection::all(),
            dry_run: false,
            only: BTreeSet::new(),
            skip: BTreeSet::new(),
            sample: None,
            checkpoints: true,
            chunk_bytes: None,
            hold: None,
            not_before: None,
            discard_staging: false,
            goes_on_with: None,
        }
    }
}

impl ReleaseOptions {
    /// The label; the release file's default for the current time unless set.
    pub fn label(mut self, label: Label) -> Self {
        self.label = Some(label);
        self
    }

    /// The phases to run; all unless set.
    pub fn selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// Does everything up to `validate_and_manifest`, analyses staging and stops: live is never touched. Staging is
    /// kept to be looked at, until the next release or `abort`.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Runs these importers only; the tables of the others stay empty, so nothing is swapped.
    pub fn only_importers(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.only.extend(names.into_iter().map(Into::into));
        self
    }

    /// Leaves these importers out; their tables stay empty, so nothing is swapped.
    pub fn skip_importers(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.skip.extend(names.into_iter().map(Into::into));
        self
    }

    /// Imports at most this many rows of each source, so nothing is swapped.
    pub fn sample(mut self, rows: u64) -> Self {
        self.sample = Some(rows);
        self
    }

    /// Writes no checkpoints and looks at none: every selected importer runs again.
    pub fn without_checkpoints(mut self) -> Self {
        self.checkpoints = false;
        self
    }

    /// How many bytes an importer with a key, or of a CSV file, commits at a time; 16 MiB unless set. So much is kept in memory.
    pub fn chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = Some(bytes);
        self
    }

    /// Whether to wait before the swap, with everything ready, until [`Cutover::go`](crate::Cutover::go) says so from any
    /// machine; as `[swap] hold` of the release file says, unless set. While it waits, a release holds the release lock
    /// and nothing else on the server.
    pub fn hold(mut self, wanted: bool) -> Self {
        self.hold = Some(wanted);
        self
    }

    /// Waits before the swap, with everything ready, until this moment has come by the server's clock. With
    /// [`hold`](Self::hold) as well both are waited for: nobody's go lets the release go live before. One that is over when
    /// the release is started is refused ([`ReleaseError::MomentPassed`](crate::ReleaseError::MomentPassed)); one that passes
    /// while it is built is waited for no more.
    pub fn not_before(mut self, moment: Timestamp) -> Self {
        self.not_before = Some(moment);
        self
    }

    /// Begins anew although an earlier release is built, validated and waits for its swap: its staging is removed. Without
    /// it such a release is refused ([`ReleaseError::StagingReady`](crate::ReleaseError::StagingReady)): that staging may be
    /// hours of work, and most runs that meet it should have taken it up. What a dry run leaves is never in the way.
    pub fn discard_staging(mut self) -> Self {
        self.discard_staging = true;
        self
    }

    pub(crate) fn going_on_with(mut self, release: i64) -> Self {
        self.goes_on_with = Some(release);
        self
    }

    pub(crate) fn runs_importer(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.contains(name)) && !self.skip.contains(name)
    }

    /// Whether an importer runs: it, and its phase.
    pub(crate) fn runs(&self, import: &Import) -> bool {
        self.selection.contains(phase_of(import.phase)) && self.runs_importer(&import.name)
    }

    /// Whether lookups add to tables outside the set: not for what never goes live.
    pub(crate) fn adds_values(&self) -> bool {
        !self.dry_run && self.sample.is_none()
    }

    /// Whether the imported rows are all of the release's: a part of a dataset must never go live.
    pub(crate) fn imports_everything(&self) -> bool {
        self.only.is_empty() && self.skip.is_empty() && self.sample.is_none()
    }
}

/// What a rollback may do that it would refuse by default.
///
/// ```
/// use cutover::RollbackOptions;
///
/// let in_an_emergency = RollbackOptions::default().allow_lost_writes().allow_orphans();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct RollbackOptions {
    pub(crate) allow_lost_writes: bool,
    pub(crate) allow_orphans: bool,
}

impl RollbackOptions {
    /// Takes live back although rows were written to it since it went live: they stay in the backup set that it becomes,
    /// and only there. `[swap] allow_lost_writes` allows it for every swap and rollback.
    pub fn allow_lost_writes(mut self) -> Self {
        self.allow_lost_writes = true;
        self
    }

    /// Takes live back although rows outside the set refer to rows that only the present release has. They stay as they
    /// are, and their foreign keys `NOT VALID`: new rows are checked. Each later release tries to validate them.
    pub fn allow_orphans(mut self) -> Self {
        self.allow_orphans = true;
        self
    }
}
