//! The release file as code: for services that embed Cutover.

use std::path::PathBuf;
use std::time::Duration;

use super::finding::Findings;
use super::label::LabelPolicy;
use super::table_reader::read_nothing;
use super::{
    Disk, GeometryCheck, Hook, Import, Load, Log, Mail, ManifestContents, Metrics, NotEmptyCheck, Notify,
    Portal, Preflight, QueryCheck, Refresh, RelationRef, Release, ReleaseFile, ReleaseFileError, Secret,
    Slack, Staging, StructureChange, Swap, Target, UniqueCheck, Validation, ViewCheck, Webhook, check,
};
use crate::Ident;

/// Builds a [`ReleaseFile`] in code; [`build`](Self::build) applies the same rules as reading one.
#[derive(Debug, Clone)]
#[must_use = "nothing is checked until `build` is called"]
pub struct ReleaseFileBuilder {
    file: ReleaseFile,
}

impl ReleaseFileBuilder {
    pub(super) fn new(name: String, url: Secret) -> Self {
        // Reading nothing gives the documented defaults, so they are written down once.
        let file = read_nothing(|table| ReleaseFile {
            release: Release {
                name,
                labels: LabelPolicy::default(),
                tables: Vec::new(),
                matviews: Vec::new(),
                keep_backups: Release::DEFAULT_KEEP_BACKUPS,
                keep_backups_for: None,
            },
            target: Target {
                url,
                schema: Target::default_schema(),
                staging_schema: None,
                backup_schema: None,
                pool_size: None,
            },
            portal: None,
            staging: Staging::read(table),
            refresh: Refresh::read(table),
            preflight: Preflight::read(table),
            imports: Vec::new(),
            changes: Vec::new(),
            load: Load::read(table),
            disk: Disk::default(),
            validations: Vec::new(),
            hooks: Vec::new(),
            manifest: ManifestContents::default(),
            notify: Notify::read(table),
            log: Log::default(),
            metrics: Metrics::default(),
            swap: Swap::read(table),
        });
        Self { file }
    }

    /// Adds tables that go live together, in swap order; at least one is needed.
    pub fn tables(mut self, tables: impl IntoIterator<Item = Ident>) -> Self {
        self.file.release.tables.extend(tables);
        self
    }

    /// Adds materialized views that go live with the tables; none unless set.
    pub fn matviews(mut self, matviews: impl IntoIterator<Item = Ident>) -> Self {
        self.file.release.matviews.extend(matviews);
        self
    }

    /// The rule for labels; `%b%Y` unless set.
    pub fn labels(mut self, labels: LabelPolicy) -> Self {
        self.file.release.labels = labels;
        self
    }

    /// How many backup sets retention keeps; 2 unless set.
    pub fn keep_backups(mut self, backups: u32) -> Self {
        self.file.release.keep_backups = backups;
        self
    }

    /// The schema of the release set; `public` unless set.
    pub fn schema(mut self, schema: Ident) -> Self {
        self.file.target.schema = schema;
        self
    }

    /// The schema of staging; that of the release set unless set.
    pub fn staging_schema(mut self, schema: Ident) -> Self {
        self.file.target.staging_schema = Some(schema);
        self
    }

    /// The schema of the backups; that of the release set unless set.
    pub fn backup_schema(mut self, schema: Ident) -> Self {
        self.file.target.backup_schema = Some(schema);
        self
    }

    /// Connections for importers and checks; the release crate chooses unless set.
    pub fn pool_size(mut self, connections: u32) -> Self {
        self.file.target.pool_size = Some(connections);
        self
    }

    /// The upstream database, for what is read from it directly; none unless set.
    pub fn portal(mut self, url: Secret) -> Self {
        self.file.portal = Some(Portal::at(url));
        self
    }

    /// Reads from the upstream database directly, as the foreign server's options and the user mapping say.
    pub fn portal_by_user_mapping(mut self) -> Self {
        self.file.portal = Some(Portal {
            url: None,
            user_mapping: true,
        });
        self
    }

    /// What is built before the load; nothing that can wait unless set.
    pub fn staging(mut self, change: impl FnOnce(&mut Staging)) -> Self {
        change(&mut self.file.staging);
        self
    }

    /// Adds materialized views to refresh; none unless set.
    pub fn refresh(mut self, views: impl IntoIterator<Item = RelationRef>) -> Self {
        self.file.refresh.views.extend(views);
        self
    }

    /// Adds a relation that must exist.
    pub fn preflight_view(mut self, check: ViewCheck) -> Self {
        self.file.preflight.view.push(check);
        self
    }

    /// Adds a group of relations that must not all be empty.
    pub fn preflight_not_empty(mut self, check: NotEmptyCheck) -> Self {
        self.file.preflight.not_empty.push(check);
        self
    }

    /// Adds a key that must not repeat.
    pub fn preflight_unique(mut self, check: UniqueCheck) -> Self {
        self.file.preflight.unique.push(check);
        self
    }

    /// Adds a geometry column that must be sound.
    pub fn preflight_geometry(mut self, check: GeometryCheck) -> Self {
        self.file.preflight.geometry.push(check);
        self
    }

    /// Adds a query that must return no row.
    pub fn preflight_query(mut self, check: QueryCheck) -> Self {
        self.file.preflight.query.push(check);
        self
    }

    /// Adds an importer.
    pub fn import(mut self, import: Import) -> Self {
        self.file.imports.push(import);
        self
    }

    /// Declares how the structure of a member changes with this release.
    pub fn change(mut self, change: StructureChange) -> Self {
        self.file.changes.push(change);
        self
    }

    /// Whether the manifest has a checksum of the rows of each table, for which every value is read; not unless set.
    pub fn manifest_checksums(mut self, wanted: bool) -> Self {
        self.file.manifest.checksums = wanted;
        self
    }

    /// What the target's disk has to spare, and how much larger than live a release is expected to be; looked up, and
    /// taken from the release that is live, unless set.
    pub fn disk(mut self, change: impl FnOnce(&mut Disk)) -> Self {
        change(&mut self.file.disk);
        self
    }

    /// How much the importers may take of servers and network; all there is unless set.
    pub fn load(mut self, change: impl FnOnce(&mut Load)) -> Self {
        change(&mut self.file.load);
        self
    }

    /// Adds a gate before the swap.
    pub fn validate(mut self, validation: Validation) -> Self {
        self.file.validations.push(validation);
        self
    }

    /// Adds a hook.
    pub fn hook(mut self, hook: Hook) -> Self {
        self.file.hooks.push(hook);
        self
    }

    /// Sends messages to Slack; none unless set.
    pub fn slack(mut self, slack: Slack) -> Self {
        self.file.notify.slack = Some(slack);
        self
    }

    /// Posts messages to a webhook; none unless set.
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.file.notify.webhook = Some(webhook);
        self
    }

    /// Mails messages; none unless set.
    pub fn mail(mut self, mail: Mail) -> Self {
        self.file.notify.mail = Some(mail);
        self
    }

    /// How often a release that holds reminds of it; every hour unless set, never with zero.
    pub fn remind_after(mut self, interval: Duration) -> Self {
        self.file.notify.remind_after = interval;
        self
    }

    /// The JSON-lines log; none unless set.
    pub fn log(mut self, path: impl Into<PathBuf>) -> Self {
        self.file.log.path = Some(path.into());
        self
    }

    /// The file of metrics for Prometheus; none unless set.
    pub fn metrics(mut self, file: impl Into<PathBuf>) -> Self {
        self.file.metrics.file = Some(file.into());
        self
    }

    /// How long the swap may make anybody wait; see [`Swap`] for the defaults.
    pub fn swap(mut self, change: impl FnOnce(&mut Swap)) -> Self {
        change(&mut self.file.swap);
        self
    }

    /// Checks the whole.
    ///
    /// # Errors
    /// Everything that makes no sense, by its key in the release file.
    pub fn build(self) -> Result<ReleaseFile, ReleaseFileError> {
        let mut findings = Findings::default();
        check::check(&self.file, None, &mut findings);
        if findings.is_empty() {
            return Ok(self.file);
        }
        Err(findings.into_error("release file built in code", ""))
    }
}
