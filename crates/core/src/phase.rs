//! The names and the order of a release's phases. What they do is the release crate's business.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The phases of a release, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Takes the session-level advisory lock and opens the release's record.
    AcquireLock,
    /// Refreshes views, builds and fills the staging twins of materialized views.
    RefreshViews,
    /// Checks the sources before anything is imported.
    Preflight,
    /// Clones the live tables.
    BuildStaging,
    /// Imports what other importers build on.
    ImportCore,
    /// Imports what builds on the core tables.
    ImportRelated,
    /// Finishes staging, compares it with live, runs the gates, writes the manifest.
    ValidateAndManifest,
    /// Puts staging live.
    FinaliseSwap,
    /// What follows the swap: constraints from outside are validated.
    PostSwap,
    /// Drops the backup sets that retention no longer keeps.
    CleanupAndRetention,
    /// Gives the lock back and closes the record.
    ReleaseLock,
}

/// A text that names no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no phase; did you mean `{nearest}`? The phases are: {}",
    names()
)]
pub struct UnknownPhase {
    /// What was given.
    pub given: String,
    /// The phase whose name is nearest.
    pub nearest: Phase,
}

fn names() -> String {
    Phase::ALL.map(Phase::as_str).join(", ")
}

impl Phase {
    /// All phases, in the order they run.
    pub const ALL: [Self; 11] = [
        Self::AcquireLock,
        Self::RefreshViews,
        Self::Preflight,
        Self::BuildStaging,
        Self::ImportCore,
        Self::ImportRelated,
        Self::ValidateAndManifest,
        Self::FinaliseSwap,
        Self::PostSwap,
        Self::CleanupAndRetention,
        Self::ReleaseLock,
    ];

    /// The phase's name, as flags and records spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AcquireLock => "acquire_lock",
            Self::RefreshViews => "refresh_views",
            Self::Preflight => "preflight",
            Self::BuildStaging => "build_staging",
            Self::ImportCore => "import_core",
            Self::ImportRelated => "import_related",
            Self::ValidateAndManifest => "validate_and_manifest",
            Self::FinaliseSwap => "finalise_swap",
            Self::PostSwap => "post_swap",
            Self::CleanupAndRetention => "cleanup_and_retention",
            Self::ReleaseLock => "release_lock",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        if let Some(phase) = Self::ALL.into_iter().find(|phase| phase.as_str() == text) {
            return Ok(phase);
        }
        let nearest = Self::ALL
            .into_iter()
            .min_by_key(|phase| strsim::levenshtein(phase.as_str(), text))
            .unwrap_or(Self::AcquireLock);
        Err(UnknownPhase {
            given: text.to_owned(),
            nearest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for phase in Phase::ALL {
            assert_eq!(phase.as_str().parse(), Ok(phase));
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.as_str());
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let error = "finalize_swap".parse::<Phase>().unwrap_err();
        assert_eq!(error.nearest, Phase::FinaliseSwap);
        assert!(
            error
                .to_string()
                .starts_with("\"finalize_swap\" is no phase; did you mean `finalise_swap`?")
        );
    }
}
