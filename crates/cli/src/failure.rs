//! Everything that can end the command badly, with its exit status and its remedy.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use cutover::{InitError, ReleaseError, SelectionError};
use cutover_core::release_file::{LabelError, MomentError, OverrideError, ReleaseFileError, SecretError};
use cutover_core::{ConnectSettingsError, Stamp};
use cutover_swap::AuditError;

use crate::exit_status::ExitStatus;

/// What ended the command badly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments make no sense.
    #[error("{0}")]
    Arguments(String),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
    /// No release file was named, and none lies here.
    #[error("there is no release file: neither {} exists here", crate::request::DEFAULT_FILES.join(" nor "))]
    NoReleaseFile,
    /// The release file cannot be read.
    #[error("could not read the release file {}", path.display())]
    ReadReleaseFile { path: PathBuf, source: io::Error },
    /// The release file makes no sense.
    #[error(transparent)]
    ReleaseFile(#[from] ReleaseFileError),
    /// A variable makes no sense, or what it sets does not.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// A variable that the release file asks for is not set.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The label does not fit.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A time on this machine's clock is no moment, or two.
    #[error(transparent)]
    Moment(#[from] MomentError),
    /// A time on this machine's clock is meant, and nobody knows in which zone that runs.
    #[error("the time zone of this machine cannot be told: {}", tz.as_ref().map_or_else(|| "TZ is not set".to_owned(), |tz| format!("TZ is {tz:?}")))]
    TimeZone { tz: Option<String>, source: jiff::Error },
    /// The phases selected cannot work together.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The connection settings make no sense.
    #[error(transparent)]
    Settings(#[from] ConnectSettingsError),
    /// No release file can be proposed.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The proposed release file cannot be written, or something is there already.
    #[error("could not write the release file {}", path.display())]
    WriteReleaseFile { path: PathBuf, source: io::Error },
    /// The release, or another call, failed.
    #[error(transparent)]
    Release(#[from] ReleaseError),
    /// The preflight found violations; its report is the command's result.
    #[error("{failed} of {checks} checks failed")]
    Preflight { failed: usize, checks: usize },
    /// A check found what stands against a release; its findings are the command's result.
    #[error("{}", if *errors == 1 { "1 finding stands against a release".to_owned() } else { format!("{errors} findings stand against a release") })]
    Check { errors: usize },
    /// A rollback would be refused; its plan is the command's result, and tells why.
    #[error("the rollback to {stamp} would be refused")]
    RollbackRefused { stamp: Stamp },
    /// Two audits differ; the differences are the command's result.
    #[error("{changes} facts differ")]
    Differs { changes: usize },
    /// A file that is to hold an audit cannot be read, or holds something else.
    #[error("could not read the audit {}", path.display())]
    ReadAudit { path: PathBuf, source: io::Error },
    /// Two audits cannot be compared.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Nobody can be asked.
    #[error("this needs a yes, and there is no terminal to ask on")]
    NobodyToAsk,
    /// Somebody was asked, and said no.
    #[error("not done: the answer was no")]
    Declined,
    /// The result could not be written.
    #[error("could not write the result")]
    Output(#[source] io::Error),
    /// The log filter makes no sense.
    #[error("RUST_LOG is no filter for diagnostics")]
    LogFilter(#[source] tracing_subscriber::filter::ParseError),
    /// The operating system does not let us run.
    #[error("could not {what}")]
    System { what: &'static str, source: io::Error },
    /// The demo could not be shown.
    #[error("the demo could not go on")]
    Demo(#[source] Box<dyn Error + Send + Sync>),
    /// The demo's readers saw what they never may.
    #[error("the readers saw {failed} failed statements, {mixed} of two releases and {unknown} of none")]
    DemoReaders { failed: u64, mixed: u64, unknown: u64 },
}

impl Failure {
    /// The exit status of its class.
    pub(crate) fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Arguments(_)
            | Self::NoReleaseFile
            | Self::ReadReleaseFile { .. }
            | Self::ReleaseFile(_)
            | Self::Override(_)
            | Self::Secret(_)
            | Self::Label(_)
            | Self::Moment(_)
            | Self::TimeZone { .. }
            | Self::Selection(_)
            | Self::NobodyToAsk
            | Self::ReadAudit { .. }
            | Self::Audit(_)
            | Self::WriteReleaseFile { .. }
            | Self::Init(InitError::NoSuchTable { .. } | InitError::NothingFits { .. })
            | Self::LogFilter(_) => ExitStatus::Usage,
            Self::Settings(_) | Self::Init(InitError::Connect(_)) => ExitStatus::Connection,
            Self::Release(error) => error.class().into(),
            Self::Preflight { .. } => ExitStatus::Preflight,
            Self::RollbackRefused { .. } | Self::Check { .. } => ExitStatus::Refused,
            Self::Differs { .. } => ExitStatus::Differs,
            Self::Declined | Self::Interrupted => ExitStatus::Stopped,
            Self::DemoReaders { .. } => ExitStatus::DemoFailed,
            Self::Init(_) | Self::Demo(_) | Self::Output(_) | Self::System { .. } => ExitStatus::Other,
        }
    }

    /// Whether the command's result, which was written, tells it already.
    pub(crate) fn is_told_by_the_result(&self) -> bool {
        matches!(
            self,
            Self::Preflight { .. }
                | Self::Check { .. }
                | Self::RollbackRefused { .. }
                | Self::Differs { .. }
                | Self::DemoReaders { .. }
        )
    }

    /// What the operator can do about it.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Arguments(_) => "see `cutover --help`".to_owned(),
            Self::Interrupted => "run it again".to_owned(),
            Self::NoReleaseFile => "name one with --file or CUTOVER_FILE".to_owned(),
            Self::ReadReleaseFile { .. } => "check the path given with --file or CUTOVER_FILE".to_owned(),
            Self::ReleaseFile(_) => "correct the release file at these lines".to_owned(),
            Self::Override(_) => "correct the variable, or unset it".to_owned(),
            Self::Secret(_) => "set the variable, or give the database with --target".to_owned(),
            Self::Label(_) => {
                "give a label that fits [release] label or label_pattern, or leave it out".to_owned()
            }
            Self::Moment(_) => {
                "give --not-before with an offset from UTC, as in 2026-11-21T22:00+01:00".to_owned()
            }
            Self::TimeZone { .. } => {
                "set TZ to the name of a time zone, as in TZ=Europe/Berlin, or give --not-before with an offset from UTC"
                    .to_owned()
            }
            Self::Selection(_) => "see `cutover release --help` for the phases and their order".to_owned(),
            Self::Settings(error) => error.remedy().to_owned(),
            Self::Release(error) => error.remedy(),
            Self::Init(error) => error.remedy(),
            Self::WriteReleaseFile { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                "give another file with --output, or --force to write over it".to_owned()
            }
            Self::WriteReleaseFile { .. } => "check the path given with --output".to_owned(),
            Self::Preflight { .. } => {
                "mend the sources, or make a check only warn with severity = \"warn\"".to_owned()
            }
            Self::Check { .. } => "each finding has its remedy".to_owned(),
            Self::RollbackRefused { .. } => {
                "see the first lines of the plan for what refuses it, and which flags allow it".to_owned()
            }
            Self::Differs { .. } => "see what changed; --structure leaves rows and sizes out".to_owned(),
            Self::ReadAudit { .. } => "give a file that `cutover audit snapshot` wrote".to_owned(),
            Self::Audit(error) => error.remedy().to_owned(),
            Self::NobodyToAsk => "add --yes".to_owned(),
            Self::Declined => "nothing was changed".to_owned(),
            Self::Output(_) => "what was asked for is done; ask `cutover status`".to_owned(),
            Self::LogFilter(_) => "write it as in RUST_LOG=cutover=debug".to_owned(),
            Self::System { .. } => "see the cause".to_owned(),
            Self::Demo(_) => {
                "PostgreSQL's server and PostGIS must be installed: scripts/install-postgresql does it"
                    .to_owned()
            }
            Self::DemoReaders { .. } => {
                "this is a defect of Cutover: please report it with this output".to_owned()
            }
        }
    }

    /// The message and its causes, outermost first, each once.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut chain: Vec<String> = Vec::new();
        let mut next: Option<&dyn Error> = Some(self);
        while let Some(error) = next {
            let text = error.to_string();
            // Some libraries put the cause into their own text as well.
            if !chain.iter().any(|said| said.contains(&text)) {
                chain.push(text);
            }
            next = error.source();
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("could not start: no such file")]
        struct Outer(#[source] Inner);
        #[derive(Debug, thiserror::Error)]
        #[error("no such file")]
        struct Inner;
        let failure = Failure::Demo(Box::new(Outer(Inner)));
        assert_eq!(
            failure.chain(),
            ["the demo could not go on", "could not start: no such file"]
        );
    }
}
