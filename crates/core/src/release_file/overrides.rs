//! Settings from flags and environment variables, over those of the file.

use std::path::PathBuf;
use std::time::Duration;

use super::finding::Findings;
use super::nearest::suggestion;
use super::variable::FromVariable;
use super::{
    MailAddress, MatviewsOutside, Memory, Moment, OldSnapshots, Portal, ReleaseFile, ReleaseFileError,
    Secret, SequenceStart, Slack, StandbyLag, Webhook, check,
};
use crate::{Ident, Phase};

/// An environment variable that sets something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The older name of the runbooks, which counts where the first is not set.
    pub alias: Option<&'static str>,
    /// The key of the release file that it overrides; `None` for what only a single run can ask for.
    pub key: Option<&'static str>,
}

impl Variable {
    /// The name under which it is set, its own or the alias, and its text; set to nothing is not set.
    pub(super) fn look_up(
        &self,
        variables: impl Fn(&str) -> Option<String>,
    ) -> Option<(&'static str, String)> {
        let look_up = |name: &'static str| {
            let text = variables(name).filter(|text| !text.trim().is_empty())?;
            Some((name, text))
        };
        look_up(self.name).or_else(|| look_up(self.alias?))
    }
}

macro_rules! optional {
    () => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}

/// One list gives the fields, the variables, their documentation and the precedence, so these cannot disagree.
macro_rules! overrides {
    ($(
        $(#[doc = $doc:literal])+
        $field:ident: $type:ty = $name:literal $(, alias $alias:literal)? $(, key $key:literal)?;
    )*) => {
        /// Settings from flags and environment variables, over those of the file.
        ///
        /// A `None` leaves the setting as it is. The precedence is flag, `CUTOVER_…` variable, alias, file, default:
        ///
        /// ```
        /// use cutover_core::release_file::Overrides;
        ///
        /// let variables = |name: &str| (name == "PP_RELEASE_DRY_RUN").then(|| "true".to_owned());
        /// let mut flags = Overrides::default();
        /// flags.import_sample = Some(100);
        /// let overrides = flags.or(Overrides::from_variables(variables)?);
        /// assert_eq!((overrides.import_sample, overrides.dry_run), (Some(100), Some(true)));
        /// # Ok::<(), cutover_core::release_file::OverrideError>(())
        /// ```
        ///
        /// Lists are separated by commas. A variable that is set to nothing counts as not set.
        #[derive(Debug, Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct Overrides {
            $(
                $(#[doc = $doc])+
                #[doc = ""]
                #[doc = concat!("Variable `", $name, "`.")]
                $(#[doc = concat!("Alias `", $alias, "`.")])?
                $(#[doc = concat!("Overrides `", $key, "` of the file.")])?
                pub $field: Option<$type>,
            )*
        }

        /// Every variable that is looked at, with its alias and its key in the release file.
        pub const VARIABLES: &[Variable] = &[
            $(Variable { name: $name, alias: optional!($($alias)?), key: optional!($($key)?) },)*
        ];

        impl Overrides {
            /// Reads all variables; `variables` looks one up.
            ///
            /// # Errors
            /// [`OverrideError::Unreadable`] with every variable that holds what cannot be read.
            pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Self, OverrideError> {
                let mut reader = VariableReader { variables, unreadable: Vec::new() };
                let overrides = Self {
                    $($field: reader.read(Variable {
                        name: $name,
                        alias: optional!($($alias)?),
                        key: optional!($($key)?),
                    }),)*
                };
                if reader.unreadable.is_empty() {
                    Ok(overrides)
                } else {
                    Err(OverrideError::Unreadable(reader.unreadable))
                }
            }

            /// These settings, and those of `lower` where these are silent.
            #[must_use]
            pub fn or(self, lower: Self) -> Self {
                Self { $($field: self.$field.or(lower.$field),)* }
            }
        }
    };
}

overrides! {
    /// The first phase to run.
    start_at: Phase = "CUTOVER_START_AT", alias "PP_RELEASE_START_AT";
    /// The last phase to run.
    stop_after: Phase = "CUTOVER_STOP_AFTER", alias "PP_RELEASE_STOP_AFTER";
    /// The only phases to run.
    only_phases: Vec<Phase> = "CUTOVER_ONLY_PHASES", alias "PP_RELEASE_ONLY_PHASES";
    /// Whether to do everything short of the swap, and report.
    dry_run: bool = "CUTOVER_DRY_RUN", alias "PP_RELEASE_DRY_RUN";
    /// Whether the views are refreshed.
    refresh_views: bool = "CUTOVER_REFRESH_VIEWS", alias "PP_RELEASE_REFRESH_VIEWS", key "refresh.enabled";
    /// Whether indexes, keys and foreign keys are built after the load.
    lightweight: bool = "CUTOVER_STAGING_LIGHTWEIGHT", alias "PP_RELEASE_STAGING_LIGHTWEIGHT", key "staging.lightweight";
    /// Whether indexes and keys are built before the load all the same.
    include_indexes: bool = "CUTOVER_STAGING_INCLUDE_INDEXES", alias "PP_RELEASE_STAGING_INCLUDE_INDEXES", key "staging.include_indexes";
    /// Whether foreign keys are built before the load all the same.
    include_fks: bool = "CUTOVER_STAGING_INCLUDE_FKS", alias "PP_RELEASE_STAGING_INCLUDE_FKS", key "staging.include_fks";
    /// Where the sequences of the new tables go on.
    sequences: SequenceStart = "CUTOVER_STAGING_SEQUENCES", key "staging.sequences";
    /// How many sessions build indexes and validate keys after the load.
    staging_workers: u32 = "CUTOVER_STAGING_WORKERS", key "staging.workers";
    /// The memory that they may use together.
    staging_memory: Memory = "CUTOVER_STAGING_MEMORY", key "staging.memory";
    /// The only importers to run.
    import_only: Vec<String> = "CUTOVER_IMPORT_ONLY", alias "PP_IMPORT_ONLY";
    /// Importers to leave out.
    import_skip: Vec<String> = "CUTOVER_IMPORT_SKIP", alias "PP_IMPORT_SKIP";
    /// How many rows each importer takes at most.
    import_sample: u64 = "CUTOVER_IMPORT_SAMPLE", alias "PP_IMPORT_SAMPLE";
    /// Whether importers keep no checkpoints.
    checkpoints_disabled: bool = "CUTOVER_IMPORT_CHECKPOINTS_DISABLE", alias "PP_IMPORT_CHECKPOINTS_DISABLE";
    /// How many importers run at once.
    import_jobs: u32 = "CUTOVER_IMPORT_JOBS", key "load.jobs";
    /// How many ranges of its key an importer is loaded by at once.
    import_ranges: u32 = "CUTOVER_IMPORT_RANGES", key "load.ranges";
    /// The bytes a second that importers send through the client.
    import_max_rate: Memory = "CUTOVER_IMPORT_MAX_RATE", key "load.max_rate";
    /// How far a standby may be behind while importers load.
    import_max_standby_lag: StandbyLag = "CUTOVER_IMPORT_MAX_STANDBY_LAG", key "load.max_standby_lag";
    /// What may be taken on the server's disks.
    disk_free: Memory = "CUTOVER_DISK_FREE", key "disk.free";
    /// The query that says what is free there.
    disk_free_query: String = "CUTOVER_DISK_FREE_QUERY", key "disk.free_query";
    /// How much larger than live a release is expected to be.
    disk_growth: f64 = "CUTOVER_DISK_GROWTH", key "disk.growth";
    /// Whether the manifest has a checksum of the rows of each table.
    manifest_checksums: bool = "CUTOVER_MANIFEST_CHECKSUMS", key "manifest.checksums";
    /// How often a release that holds reminds of it.
    remind_after: Duration = "CUTOVER_NOTIFY_REMIND_AFTER", key "notify.remind_after";
    /// How often the progress of imports is told.
    progress_every: Duration = "CUTOVER_NOTIFY_PROGRESS_EVERY", key "notify.progress_every";
    /// The generic webhook.
    webhook: Secret = "CUTOVER_NOTIFY_WEBHOOK_URL", key "notify.webhook.url";
    /// Whom mail goes to; nobody where the file names no sender.
    mail_to: Vec<MailAddress> = "CUTOVER_NOTIFY_MAIL_TO", key "notify.mail.to";
    /// Whether Slack hears about the progress of imports; nothing without a webhook.
    progress_notifications: bool = "CUTOVER_IMPORT_PROGRESS_NOTIFICATIONS", alias "PP_IMPORT_PROGRESS_NOTIFICATIONS", key "notify.slack.import_progress";
    /// The webhook of the Slack channel.
    slack_webhook: Secret = "CUTOVER_SLACK_WEBHOOK_URL", alias "PP_SLACK_WEBHOOK_URL", key "notify.slack.webhook";
    /// Whether Slack hears about each phase; nothing without a webhook.
    phase_complete: bool = "CUTOVER_SLACK_PHASE_COMPLETE", alias "PP_RELEASE_SLACK_PHASE_COMPLETE", key "notify.slack.phase_complete";
    /// The file of the JSON-lines log.
    log_path: PathBuf = "CUTOVER_LOG_PATH", alias "PP_RELEASE_LOG_PATH", key "log.path";
    /// The file of metrics.
    metrics_file: PathBuf = "CUTOVER_METRICS_FILE", key "metrics.file";
    /// The `strftime` format of default labels.
    label: String = "CUTOVER_RELEASE_LABEL", key "release.label";
    /// How many backup sets retention keeps.
    keep_backups: u32 = "CUTOVER_KEEP_BACKUPS", key "release.keep_backups";
    /// How long retention keeps a backup set at least.
    keep_backups_for: Duration = "CUTOVER_KEEP_BACKUPS_FOR", key "release.keep_backups_for";
    /// How to connect to the target.
    target_url: Secret = "CUTOVER_TARGET_URL", key "target.url";
    /// The schema of the release set.
    target_schema: Ident = "CUTOVER_TARGET_SCHEMA", key "target.schema";
    /// The schema of staging.
    staging_schema: Ident = "CUTOVER_TARGET_STAGING_SCHEMA", key "target.staging_schema";
    /// The schema of the backups.
    backup_schema: Ident = "CUTOVER_TARGET_BACKUP_SCHEMA", key "target.backup_schema";
    /// Connections for importers and checks.
    pool_size: u32 = "CUTOVER_TARGET_POOL_SIZE", key "target.pool_size";
    /// The folder for what the preflight found.
    preflight_findings: PathBuf = "CUTOVER_PREFLIGHT_FINDINGS", key "preflight.findings";
    /// How to connect to the portal.
    portal_url: Secret = "CUTOVER_PORTAL_URL", key "portal.url";
    /// The longest that one attempt of the swap waits for its locks.
    stall_budget: Duration = "CUTOVER_SWAP_STALL_BUDGET", key "swap.stall_budget";
    /// The longest that the swap works under its locks.
    lock_budget: Duration = "CUTOVER_SWAP_LOCK_BUDGET", key "swap.lock_budget";
    /// When the swap gives up on its locks.
    swap_deadline: Duration = "CUTOVER_SWAP_DEADLINE", key "swap.deadline";
    /// When the swap gives up on old snapshots.
    snapshot_deadline: Duration = "CUTOVER_SWAP_SNAPSHOT_DEADLINE", key "swap.snapshot_deadline";
    /// What the swap does about old snapshots.
    old_snapshots: OldSnapshots = "CUTOVER_SWAP_OLD_SNAPSHOTS", key "swap.old_snapshots";
    /// When the swap begins to cancel those who block it.
    cancel_blockers_after: Duration = "CUTOVER_SWAP_CANCEL_BLOCKERS_AFTER", key "swap.cancel_blockers_after";
    /// Whether the release waits for `cutover go` before its swap; what the file says of it stays.
    hold: bool = "CUTOVER_HOLD";
    /// The moment before which the release does not go live.
    not_before: Moment = "CUTOVER_NOT_BEFORE";
    /// Whether a release that begins anew removes what an earlier one has ready for its swap.
    discard_staging: bool = "CUTOVER_DISCARD_STAGING";
    /// How far a standby may be behind when the swap begins.
    max_standby_lag: StandbyLag = "CUTOVER_SWAP_MAX_STANDBY_LAG", key "swap.max_standby_lag";
    /// Whether writes to live since staging was built may be lost.
    allow_lost_writes: bool = "CUTOVER_SWAP_ALLOW_LOST_WRITES", key "swap.allow_lost_writes";
    /// Whether staging is loaded into shared buffers before the swap.
    prewarm: bool = "CUTOVER_PREWARM", key "swap.prewarm";
    /// What becomes of materialized views that read the set without belonging to it.
    swap_matviews: MatviewsOutside = "CUTOVER_SWAP_MATVIEWS", key "swap.matviews";
}

/// Overrides that cannot be read, or do not fit the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// Variables whose text is not what the setting needs; one line each.
    #[error("{}", unreadable_lines(.0))]
    Unreadable(Vec<UnreadableVariable>),
    /// `import_only` or `import_skip` names no importer of the file.
    #[error("no import is named `{name}`{}", known_imports(name, imports))]
    UnknownImport {
        /// What was given.
        name: String,
        /// The importers of the file.
        imports: Vec<String>,
    },
    /// The file does not make sense with them.
    #[error(transparent)]
    Contradiction(#[from] ReleaseFileError),
}

/// A variable whose text is not what the setting needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadableVariable {
    /// The variable that was set: the `CUTOVER_…` one or its alias.
    pub variable: &'static str,
    /// What is wrong.
    pub problem: String,
}

fn unreadable_lines(all: &[UnreadableVariable]) -> String {
    let line = |one: &UnreadableVariable| format!("environment variable `{}`: {}", one.variable, one.problem);
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn known_imports(name: &str, imports: &[String]) -> String {
    let imports: Vec<&str> = imports.iter().map(String::as_str).collect();
    suggestion(name, &imports, "the imports are")
}

struct VariableReader<F> {
    variables: F,
    unreadable: Vec<UnreadableVariable>,
}

impl<F: Fn(&str) -> Option<String>> VariableReader<F> {
    fn read<T: FromVariable>(&mut self, variable: Variable) -> Option<T> {
        let (variable, text) = variable.look_up(&self.variables)?;
        match T::from_variable(text.trim()) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.unreadable.push(UnreadableVariable { variable, problem });
                None
            }
        }
    }
}

/// Sets what an override gives, and leaves the rest.
fn set<T: Clone>(setting: &mut T, given: Option<&T>) {
    if let Some(given) = given {
        setting.clone_from(given);
    }
}

impl Overrides {
    /// Puts these settings into `file`. It is left as it was when they do not fit.
    ///
    /// The settings of a single run (phases, importers, dry run) have no place in a file: they are only checked
    /// against it.
    ///
    /// # Errors
    /// [`OverrideError`] when an importer does not exist, or the file makes no sense with these settings.
    pub fn apply(&self, file: &mut ReleaseFile) -> Result<(), OverrideError> {
        for name in self.import_only.iter().chain(&self.import_skip).flatten() {
            if !file.imports.iter().any(|import| import.name == *name) {
                let imports = file.imports.iter().map(|import| import.name.clone()).collect();
                return Err(OverrideError::UnknownImport {
                    name: name.clone(),
                    imports,
                });
            }
        }
        let mut changed = file.clone();
        self.put_into(&mut changed);
        let mut findings = Findings::default();
        check::check(&changed, None, &mut findings);
        if !findings.is_empty() {
            return Err(findings
                .into_error("release file with flags and variables applied", "")
                .into());
        }
        *file = changed;
        Ok(())
    }

    fn put_into(&self, file: &mut ReleaseFile) {
        if let Some(format) = &self.label {
            file.release.labels = file.release.labels.with_format(format.clone());
        }
        set(&mut file.release.keep_backups, self.keep_backups.as_ref());
        file.release.keep_backups_for = self.keep_backups_for.or(file.release.keep_backups_for);
        set(&mut file.target.url, self.target_url.as_ref());
        set(&mut file.target.schema, self.target_schema.as_ref());
        let or = |given: &Option<Ident>, before: &Option<Ident>| given.clone().or_else(|| before.clone());
        file.target.staging_schema = or(&self.staging_schema, &file.target.staging_schema);
        file.target.backup_schema = or(&self.backup_schema, &file.target.backup_schema);
        file.target.pool_size = self.pool_size.or(file.target.pool_size);
        if let Some(url) = &self.portal_url {
            file.portal = Some(Portal::at(url.clone()));
        }
        if self.preflight_findings.is_some() {
            file.preflight.findings.clone_from(&self.preflight_findings);
        }
        set(&mut file.refresh.enabled, self.refresh_views.as_ref());
        set(&mut file.staging.lightweight, self.lightweight.as_ref());
        file.staging.include_indexes = self.include_indexes.or(file.staging.include_indexes);
        file.staging.include_fks = self.include_fks.or(file.staging.include_fks);
        set(&mut file.staging.sequences, self.sequences.as_ref());
        set(&mut file.staging.workers, self.staging_workers.as_ref());
        file.staging.memory = self.staging_memory.or(file.staging.memory);
        set(&mut file.load.jobs, self.import_jobs.as_ref());
        set(&mut file.load.ranges, self.import_ranges.as_ref());
        file.load.max_rate = self.import_max_rate.or(file.load.max_rate);
        file.load.max_standby_lag = self.import_max_standby_lag.or(file.load.max_standby_lag);
        // Each says the same in its own way, so the one that is given takes the other's place.
        if self.disk_free.is_some() || self.disk_free_query.is_some() {
            file.disk.free = self.disk_free;
            file.disk.free_query.clone_from(&self.disk_free_query);
        }
        file.disk.growth = self.disk_growth.or(file.disk.growth);
        set(&mut file.manifest.checksums, self.manifest_checksums.as_ref());
        set(&mut file.notify.remind_after, self.remind_after.as_ref());
        set(&mut file.notify.progress_every, self.progress_every.as_ref());
        if let Some(url) = &self.webhook {
            let webhook = file
                .notify
                .webhook
                .get_or_insert_with(|| Webhook::new(url.clone()));
            webhook.url.clone_from(url);
        }
        if let Some(mail) = &mut file.notify.mail {
            set(&mut mail.to, self.mail_to.as_ref());
        }
        if let Some(webhook) = &self.slack_webhook {
            let slack = file
                .notify
                .slack
                .get_or_insert_with(|| Slack::new(webhook.clone()));
            slack.webhook.clone_from(webhook);
        }
        if let Some(slack) = &mut file.notify.slack {
            set(
                &mut slack.told.import_progress,
                self.progress_notifications.as_ref(),
            );
            set(&mut slack.told.phase_complete, self.phase_complete.as_ref());
        }
        if self.log_path.is_some() {
            file.log.path.clone_from(&self.log_path);
        }
        if self.metrics_file.is_some() {
            file.metrics.file.clone_from(&self.metrics_file);
        }
        set(&mut file.swap.stall_budget, self.stall_budget.as_ref());
        set(&mut file.swap.lock_budget, self.lock_budget.as_ref());
        set(&mut file.swap.deadline, self.swap_deadline.as_ref());
        set(&mut file.swap.snapshot_deadline, self.snapshot_deadline.as_ref());
        set(&mut file.swap.old_snapshots, self.old_snapshots.as_ref());
        set(&mut file.swap.allow_lost_writes, self.allow_lost_writes.as_ref());
        set(&mut file.swap.prewarm, self.prewarm.as_ref());
        set(&mut file.swap.matviews, self.swap_matviews.as_ref());
        if self.cancel_blockers_after.is_some() {
            file.swap.cancel_blockers_after = self.cancel_blockers_after;
        }
        if self.max_standby_lag.is_some() {
            file.swap.max_standby_lag = self.max_standby_lag;
        }
    }
}
