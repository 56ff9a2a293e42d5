//! The exit statuses: one for each class of failure, and what scripts may conclude from it.

use std::fmt::Write as _;
use std::process::ExitCode;

use cutover::FailureClass;
use serde::Serialize;

/// What the command ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum ExitStatus {
    Done = 0,
    Other = 1,
    Usage = 2,
    Connection = 3,
    Busy = 4,
    Preflight = 5,
    Build = 6,
    Validation = 7,
    Refused = 8,
    Timeout = 9,
    OutcomeUnknown = 10,
    DemoFailed = 11,
    Differs = 12,
    NotHolding = 13,
    Vetoed = 14,
    Stopped = 130,
}

impl ExitStatus {
    const ALL: [Self; 16] = [
        Self::Done,
        Self::Other,
        Self::Usage,
        Self::Connection,
        Self::Busy,
        Self::Preflight,
        Self::Build,
        Self::Validation,
        Self::Refused,
        Self::Timeout,
        Self::OutcomeUnknown,
        Self::DemoFailed,
        Self::Differs,
        Self::NotHolding,
        Self::Vetoed,
        Self::Stopped,
    ];

    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// The name of the class, as `--json` spells it.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Other => "other",
            Self::Usage => "usage",
            Self::Connection => "connection",
            Self::Busy => "busy",
            Self::Preflight => "preflight",
            Self::Build => "build",
            Self::Validation => "validation",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::DemoFailed => "demo_failed",
            Self::Differs => "differs",
            Self::NotHolding => "not_holding",
            Self::Vetoed => "vetoed",
            Self::Stopped => "stopped",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Other => "anything that has no status of its own",
            Self::Usage => "the arguments, a variable or the release file make no sense; nothing was begun",
            Self::Connection => "the database cannot be reached, or not used safely",
            Self::Busy => {
                "another release or rollback holds the lock, keeps it when told to stop, or took it over"
            }
            Self::Preflight => "the sources are not fit to be imported; live is as it was",
            Self::Build => "staging could not be built or filled; live is as it was",
            Self::Validation => "what was built is not fit to go live; live is as it was",
            Self::Refused => {
                "refused as things are: dependents, lost writes or rows, staging, stamp; live is as it was"
            }
            Self::Timeout => {
                "the swap did not get its chance in time (locks, snapshots, standbys); live is as it was"
            }
            Self::OutcomeUnknown => "the connection was lost at the commit of the swap: ask `cutover status`",
            Self::Differs => "the audits that were compared differ",
            Self::NotHolding => "no release holds before its swap, so there is nothing to say go to",
            Self::Vetoed => "a required hook stopped the release; live is as it was",
            Self::DemoFailed => "the demo's readers saw a failed statement or two releases in one",
            Self::Stopped => "stopped by Ctrl-C, SIGTERM, `cutover abort` or the answer to a question",
        }
    }

    /// The table that `cutover --help` ends with.
    pub(crate) fn help() -> String {
        let mut text = String::new();
        for status in Self::ALL {
            let _ = writeln!(text, "  {:>3}  {}", status.code(), status.meaning());
        }
        text
    }
}

impl From<FailureClass> for ExitStatus {
    fn from(class: FailureClass) -> Self {
        match class {
            FailureClass::Usage => Self::Usage,
            FailureClass::Connection => Self::Connection,
            FailureClass::Busy => Self::Busy,
            FailureClass::Preflight => Self::Preflight,
            FailureClass::Build => Self::Build,
            FailureClass::Validation => Self::Validation,
            FailureClass::Refused => Self::Refused,
            FailureClass::Timeout => Self::Timeout,
            FailureClass::Unknown => Self::OutcomeUnknown,
            FailureClass::Stopped => Self::Stopped,
            FailureClass::NotHolding => Self::NotHolding,
            FailureClass::Vetoed => Self::Vetoed,
            FailureClass::Other => Self::Other,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

impl Serialize for ExitStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_statuses_share_a_number_or_a_name() {
        for pair in ExitStatus::ALL.windows(2) {
            assert!(pair[0].code() < pair[1].code());
        }
        let names: std::collections::BTreeSet<_> =
            ExitStatus::ALL.iter().map(|status| status.class()).collect();
        assert_eq!(names.len(), ExitStatus::ALL.len());
    }

    #[test]
    fn the_readme_documents_every_status() {
        let readme = include_str!("../README.md");
        for status in ExitStatus::ALL {
            let row = format!(
                "| {} | `{}` | {} |",
                status.code(),
                status.class(),
                status.meaning()
            );
            assert!(readme.contains(&row), "the README lacks {row}");
        }
    }

    #[test]
    fn the_runbook_answers_every_status_that_a_release_ends_with() {
        let runbook = include_str!("../../../docs/runbook.md");
        for status in ExitStatus::ALL {
            let row = format!("| {} | `{}` | ", status.code(), status.class());
            let answered = runbook.contains(&row) || status == ExitStatus::DemoFailed;
            assert!(answered, "the runbook lacks {row}");
        }
    }

    /// Whoever comes from the scripts looks for the variables by the names that they had there.
    #[test]
    fn the_runbook_tells_what_became_of_every_older_variable() {
        let runbook = include_str!("../../../docs/runbook.md");
        let readme = include_str!("../README.md");
        let older = readme.lines().filter_map(|line| {
            let cells: Vec<&str> = line.split(" | ").collect();
            let (now, before) = (cells.first()?.strip_prefix("| ")?, cells.get(1)?);
            before
                .starts_with("`PP_")
                .then(|| format!("| {before} | {now} | "))
        });
        let older: Vec<String> = older.collect();
        assert_eq!(older.len(), 16);
        for row in older {
            assert!(runbook.contains(row.trim_end()), "the runbook lacks {row}");
        }
    }
}
