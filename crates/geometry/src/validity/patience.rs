//! How long boxes are trusted before a sweep is tried.

use super::rings::Rings;
use super::sweep;

/// For each vertex, what costs less than a sweep.
const STEPS_A_VERTEX: usize = 32;

/// Steps that are left. What is done by boxes is counted here, so that it is soon left to the sweep where boxes say little.
#[derive(Debug)]
pub(super) struct Patience {
    left: usize,
}

impl Patience {
    pub(super) fn with(rings: &Rings) -> Self {
        Self {
            left: if sweep::is_ragged(rings) {
                0
            } else {
                rings.vertices().len().saturating_mul(STEPS_A_VERTEX)
            },
        }
    }

    /// Two parts of chains were compared.
    pub(super) fn count_comparison(&mut self) {
        self.count(4);
    }

    /// So many nodes of a tree were entered, or boxes looked at.
    pub(super) fn count(&mut self, steps: usize) {
        self.left = self.left.saturating_sub(steps);
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.left == 0
    }

    /// Once the sweep was tried there is nothing else to be tried.
    pub(super) fn become_endless(&mut self) {
        self.left = usize::MAX;
    }
}
