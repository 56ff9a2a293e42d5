//! Which phases run: `--start-at`, `--stop-after`, `--only`, and the combinations that cannot work.

use cutover_core::Phase;

/// The phases a release runs.
///
/// The lock is taken and given back whatever is selected: the two phases about it are always on.
///
/// ```
/// use cutover::Selection;
/// use cutover_core::Phase;
///
/// let build_only = Selection::all().stop_after(Phase::ValidateAndManifest)?;
/// assert!(build_only.contains(Phase::ImportCore));
/// assert!(!build_only.contains(Phase::FinaliseSwap));
/// assert!(Selection::only(&[Phase::FinaliseSwap]).is_ok(), "swaps what an earlier release built");
/// assert!(Selection::only(&[Phase::ImportCore, Phase::FinaliseSwap]).is_err(), "would swap what nobody validated");
/// # Ok::<(), cutover::SelectionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    phases: Vec<Phase>,
}

/// A selection that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// The last phase comes before the first.
    #[error("cannot stop after {stop} when starting at {start}: it comes earlier")]
    Empty {
        /// Where to start.
        start: Phase,
        /// Where to stop.
        stop: Phase,
    },
    /// A selected phase needs another one that was left out between selected ones.
    #[error("cannot run {phase} without {needs} when {because} runs: the result would go on unchecked")]
    Gap {
        /// The selected phase.
        phase: Phase,
        /// The phase it needs.
        needs: Phase,
        /// The earlier selected phase that makes it necessary.
        because: Phase,
    },
    /// Nothing that does any work was selected.
    #[error("nothing to do: select at least one phase between acquire_lock and release_lock")]
    Nothing,
}

/// What has to come between two phases when both run: (earlier, must run too, later).
const CHAINS: [(Phase, Phase, Phase); 4] = [
    // Rows that were imported or staging that was rebuilt must be validated before they go live.
    (
        Phase::BuildStaging,
        Phase::ValidateAndManifest,
        Phase::FinaliseSwap,
    ),
    (Phase::ImportCore, Phase::ValidateAndManifest, Phase::FinaliseSwap),
    (
        Phase::ImportRelated,
        Phase::ValidateAndManifest,
        Phase::FinaliseSwap,
    ),
    // Fresh, empty staging has nothing to validate until the core tables are in.
    (Phase::BuildStaging, Phase::ImportCore, Phase::ValidateAndManifest),
];

impl Selection {
    /// All phases.
    #[must_use]
    pub fn all() -> Self {
        Self {
            phases: Phase::ALL.to_vec(),
        }
    }

    /// These phases only, in their own order whatever the order given.
    ///
    /// # Errors
    /// [`SelectionError`] when they cannot work together.
    pub fn only(phases: &[Phase]) -> Result<Self, SelectionError> {
        Self::checked(
            Phase::ALL
                .into_iter()
                .filter(|phase| phases.contains(phase))
                .collect(),
        )
    }

    /// Leaves out what comes before `start`: staging and checkpoints of the last release are taken up.
    ///
    /// # Errors
    /// [`SelectionError`] when nothing is left.
    pub fn start_at(self, start: Phase) -> Result<Self, SelectionError> {
        let stop = self.phases.last().copied().unwrap_or(Phase::ReleaseLock);
        if start > stop {
            return Err(SelectionError::Empty { start, stop });
        }
        Self::checked(self.phases.into_iter().filter(|phase| *phase >= start).collect())
    }

    /// Leaves out what comes after `stop`; staging is kept.
    ///
    /// # Errors
    /// [`SelectionError`] when nothing is left.
    pub fn stop_after(self, stop: Phase) -> Result<Self, SelectionError> {
        let start = self.phases.first().copied().unwrap_or(Phase::AcquireLock);
        if stop < start {
            return Err(SelectionError::Empty { start, stop });
        }
        Self::checked(self.phases.into_iter().filter(|phase| *phase <= stop).collect())
    }

    fn checked(phases: Vec<Phase>) -> Result<Self, SelectionError> {
        let selected = |phase: Phase| phases.contains(&phase);
        if !Phase::ALL
            .into_iter()
            .any(|phase| selected(phase) && !is_about_the_lock(phase))
        {
            return Err(SelectionError::Nothing);
        }
        for (because, needs, phase) in CHAINS {
            if selected(because) && selected(phase) && !selected(needs) {
                return Err(SelectionError::Gap {
                    phase,
                    needs,
                    because,
                });
            }
        }
        Ok(Self { phases })
    }

    /// Whether a phase runs.
    #[must_use]
    pub fn contains(&self, phase: Phase) -> bool {
        is_about_the_lock(phase) || self.phases.contains(&phase)
    }
}

fn is_about_the_lock(phase: Phase) -> bool {
    matches!(phase, Phase::AcquireLock | Phase::ReleaseLock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_of_unvalidated_rows_is_refused() {
        let error = Selection::only(&[Phase::ImportCore, Phase::FinaliseSwap]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot run finalise_swap without validate_and_manifest when import_core runs: the result would go on \
             unchecked"
        );
    }

    #[test]
    fn the_end_cannot_come_before_the_start() {
        let error = Selection::all()
            .start_at(Phase::ImportCore)
            .and_then(|s| s.stop_after(Phase::Preflight));
        assert_eq!(
            error.unwrap_err(),
            SelectionError::Empty {
                start: Phase::ImportCore,
                stop: Phase::Preflight
            }
        );
    }

    #[test]
    fn the_lock_alone_is_nothing_to_do() {
        assert_eq!(
            Selection::only(&[Phase::AcquireLock]),
            Err(SelectionError::Nothing)
        );
        assert_eq!(
            Selection::all().stop_after(Phase::AcquireLock),
            Err(SelectionError::Nothing)
        );
    }

    #[test]
    fn the_lock_phases_are_always_on() {
        let selection = Selection::only(&[Phase::Preflight]).unwrap();
        assert!(selection.contains(Phase::AcquireLock) && selection.contains(Phase::ReleaseLock));
        assert!(!selection.contains(Phase::ImportCore));
    }
}
