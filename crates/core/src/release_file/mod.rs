#![doc = include_str!("docs.md")]

mod builder; // the same in code
mod change; // [[change]]
mod check; // what a file means has to make sense
mod check_changes; // what is declared to change
mod check_columns; // what happens to columns on their way
mod check_imports; // what importers fill, read and wait for
mod column; // [import.columns]
mod difference; // between two files
mod disk; // [disk]
mod duration; // lengths of time as people write them
mod finding; // what is wrong, and where
mod hook; // [[hook]]
mod hook_template; // {{ facts }} in a hook's request
mod import; // [[import]]
mod key_path; // import["sources"].columns
mod label; // labels and their rule
mod load; // [load]
mod memory; // amounts of memory
mod moment; // points in time
mod nearest; // did you mean …?
mod notify; // [notify]
mod overrides; // variables and flags over the file
mod preflight; // [[preflight.*]]
mod relation_ref; // relations with or without a schema
mod secret; // values that are never shown
mod setting; // each with its origin
mod settings; // [release], [target], [staging], [swap], …
mod standby_lag; // how far a standby may be behind
mod table_reader; // reads a table, reports the keys nobody asked for
mod template; // {{ staging('x') }}
mod validation; // [[validate]]
mod variable; // how a setting is read from a variable

use serde::Serialize;
use toml::de::DeTable;

pub use builder::ReleaseFileBuilder;
pub use change::{Alterations, PartKind, PartNames, StructureChange};
pub use column::{
    CentroidAxis, ColumnSource, Derived, FirstBy, Lookup, OtherColumns, Transform, UnknownValue,
};
pub use difference::{ChangedSetting, changed_settings};
pub use disk::Disk;
pub use duration::parse_duration;
pub use finding::{Finding, FindingKind, Position, ReleaseFileError};
pub use hook::{Hook, HookAction, HookPoint, HttpMethod, HttpRequest};
pub use hook_template::HookTemplate;
pub use import::{CsvSource, Import, ImportPhase, ImportSource, ImportWay};
pub use label::{Label, LabelError, LabelPolicy, MAX_LABEL_BYTES};
pub use load::Load;
pub use memory::Memory;
pub use moment::{Moment, MomentError};
pub use nearest::{nearest, suggestion};
pub use notify::{Mail, MailAddress, Notify, Slack, Told, Webhook};
pub use overrides::{OverrideError, Overrides, UnreadableVariable, VARIABLES, Variable};
pub use preflight::{
    GeometryCheck, GeometryEngine, GeometryMoment, GeometryType, NotEmptyCheck, Preflight, QueryCheck,
    Severity, UniqueCheck, ViewCheck,
};
pub use relation_ref::{RelationRef, RelationRefError};
pub use secret::{RevealedSecret, Secret, SecretError};
pub use setting::{Setting, SettingOrigin};
pub use settings::{
    Log, ManifestContents, MatviewsOutside, Metrics, OldSnapshots, Portal, Refresh, Release, SequenceStart,
    Staging, Swap, Target,
};
pub use standby_lag::StandbyLag;
pub use template::{QueryTemplate, TemplateError, TemplateFacts};
pub use validation::{GroupValidation, Validation};

use crate::{Digest, Ident, QualifiedName};
use finding::Findings;
use table_reader::{TableReader, read_document};

/// A release set and how it is released: a release file that was read, or built in code, and found to make sense.
///
/// `Serialize` writes the file's own shape with every default filled in, and no secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReleaseFile {
    release: Release,
    target: Target,
    #[serde(skip_serializing_if = "Option::is_none")]
    portal: Option<Portal>,
    staging: Staging,
    refresh: Refresh,
    preflight: Preflight,
    #[serde(rename = "import", skip_serializing_if = "Vec::is_empty")]
    imports: Vec<Import>,
    #[serde(rename = "change", skip_serializing_if = "Vec::is_empty")]
    changes: Vec<StructureChange>,
    load: Load,
    disk: Disk,
    #[serde(rename = "validate", skip_serializing_if = "Vec::is_empty")]
    validations: Vec<Validation>,
    #[serde(rename = "hook", skip_serializing_if = "Vec::is_empty")]
    hooks: Vec<Hook>,
    manifest: ManifestContents,
    notify: Notify,
    log: Log,
    metrics: Metrics,
    swap: Swap,
}

impl ReleaseFile {
    /// Reads a release file; `origin` says in errors what was read, usually the path.
    ///
    /// # Errors
    /// Everything that is wrong, each with its line: first what is no TOML; else unknown keys, missing keys and
    /// values that cannot be read; and, unless values were lost to these, all that makes no sense.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ReleaseFileError> {
        let mut findings = Findings::default();
        let (document, syntax_errors) = DeTable::parse_recoverable(text);
        if !syntax_errors.is_empty() {
            for error in syntax_errors {
                let message = error.message().trim_end().replace('\n', "; ");
                findings.add(FindingKind::Syntax, "", error.span(), message);
            }
            return Err(findings.into_error(origin, text));
        }
        let file = read_document(&document, &mut findings, Self::read);
        if let Some(file) = &file
            && !findings.lost_a_value()
        {
            check::check(file, Some(&document), &mut findings);
        }
        match file {
            Some(file) if findings.is_empty() => Ok(file),
            // What could not be read was reported, so there are findings.
            _ => Err(findings.into_error(origin, text)),
        }
    }

    /// Starts a release file in code, for the release set `name` in the database at `url`.
    pub fn builder(name: impl Into<String>, url: Secret) -> ReleaseFileBuilder {
        ReleaseFileBuilder::new(name.into(), url)
    }

    fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let release = table.required_table("release", Release::read);
        let target = table.required_table("target", Target::read);
        let portal = table.table("portal", Portal::read).flatten();
        let staging = table.table_or_empty("staging", Staging::read);
        let refresh = table.table_or_empty("refresh", Refresh::read);
        let preflight = table.table_or_empty("preflight", Preflight::read);
        let imports = table.tables("import", Import::read);
        let changes = table.tables("change", StructureChange::read);
        let load = table.table_or_empty("load", Load::read);
        let disk = table.table_or_empty("disk", Disk::read);
        let validations = table.tables("validate", Validation::read);
        let hooks = table.tables("hook", Hook::read);
        let manifest = table.table_or_empty("manifest", ManifestContents::read);
        let notify = table.table_or_empty("notify", Notify::read);
        let log = table.table_or_empty("log", Log::read);
        let metrics = table.table_or_empty("metrics", Metrics::read);
        let swap = table.table_or_empty("swap", Swap::read);
        let (release, target) = (release?, target?);
        Some(Self {
            release,
            target,
            portal,
            staging,
            refresh,
            preflight,
            imports,
            changes,
            load,
            disk,
            validations,
            hooks,
            manifest,
            notify,
            log,
            metrics,
            swap,
        })
    }

    /// The digest of what the file means: comments, layout, the order of keys and literal secrets do not count,
    /// defaults count as if they were written.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        clippy::expect_used,
        reason = "only texts, numbers and maps by text: JSON holds all of it"
    )]
    pub fn digest(&self) -> Digest {
        Digest::of_json(self).expect("a release file can be written as JSON")
    }

    /// The digest of what decides what a release consists of, and no more: how it is loaded, goes live and is told of may
    /// change while it is under way.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        clippy::expect_used,
        reason = "only texts, numbers and maps by text: JSON holds all of it"
    )]
    pub fn contents_digest(&self) -> Digest {
        let Release {
            name,
            tables,
            matviews,
            ..
        } = &self.release;
        let target = (&self.target.schema, &self.target.staging_schema);
        let set = (name, tables, matviews, target);
        let made = (&self.staging, &self.refresh, &self.changes, &self.imports);
        let judged = (&self.preflight, &self.validations);
        Digest::of_json(&(set, made, judged)).expect("a release file can be written as JSON")
    }

    /// What decides what a release consists of, as the file writes it and without a secret: see
    /// [`contents_digest`](Self::contents_digest), and [`changed_settings`] for what has changed since.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        clippy::expect_used,
        reason = "only texts, numbers and maps by text: JSON holds all of it"
    )]
    pub fn contents(&self) -> serde_json::Value {
        let mut contents = serde_json::to_value(self).expect("a release file can be written as JSON");
        let keep = |table: &mut serde_json::Value, keys: &[&str]| {
            if let Some(table) = table.as_object_mut() {
                table.retain(|key, _| keys.contains(&key.as_str()));
            }
        };
        let sections = [
            "release",
            "target",
            "staging",
            "refresh",
            "change",
            "import",
            "preflight",
            "validate",
        ];
        keep(&mut contents, &sections);
        keep(&mut contents["release"], &["name", "tables", "matviews"]);
        keep(&mut contents["target"], &["schema", "staging_schema"]);
        contents
    }

    /// `[release]`.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// `[target]`.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// `[portal]`.
    #[must_use]
    pub fn portal(&self) -> Option<&Portal> {
        self.portal.as_ref()
    }

    /// `[staging]`.
    #[must_use]
    pub fn staging(&self) -> &Staging {
        &self.staging
    }

    /// `[refresh]`.
    #[must_use]
    pub fn refresh(&self) -> &Refresh {
        &self.refresh
    }

    /// `[preflight]`.
    #[must_use]
    pub fn preflight(&self) -> &Preflight {
        &self.preflight
    }

    /// All `[[import]]`, in the file's order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// All `[[change]]`.
    #[must_use]
    pub fn changes(&self) -> &[StructureChange] {
        &self.changes
    }

    /// `[load]`.
    #[must_use]
    pub fn load(&self) -> &Load {
        &self.load
    }

    /// `[manifest]`.
    #[must_use]
    pub fn manifest(&self) -> &ManifestContents {
        &self.manifest
    }

    /// `[disk]`.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// How many ranges of its key an importer is to be loaded by at once; 1 where it has none, or its rows come as one stream.
    #[must_use]
    pub fn ranges_of(&self, import: &Import) -> u32 {
        let is_one_stream = matches!(import.source, ImportSource::Csv(_) | ImportSource::Rust { .. });
        if import.key.is_empty() || is_one_stream || import.way == ImportWay::Server {
            return 1;
        }
        import.ranges.unwrap_or(self.load.ranges).max(1)
    }

    /// The connections to the target that importers may take at once: two for each range of each of `load.jobs` importers, those with
    /// the most ranges.
    #[must_use]
    pub fn import_connections(&self) -> u32 {
        let mut ranges: Vec<u32> = self.imports.iter().map(|import| self.ranges_of(import)).collect();
        ranges.sort_unstable_by(|one, other| other.cmp(one));
        let jobs = usize::try_from(self.load.jobs).unwrap_or(usize::MAX).max(1);
        let ranges = (0..jobs.min(ranges.len().max(1))).map(|job| ranges.get(job).copied().unwrap_or(1));
        ranges
            .fold(0_u32, u32::saturating_add)
            .saturating_mul(Load::CONNECTIONS)
            .max(self.load.jobs.saturating_mul(Load::CONNECTIONS))
    }

    /// All `[[validate]]`.
    #[must_use]
    pub fn validations(&self) -> &[Validation] {
        &self.validations
    }

    /// All `[[hook]]`.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// `[notify]`.
    #[must_use]
    pub fn notify(&self) -> &Notify {
        &self.notify
    }

    /// `[metrics]`.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// `[log]`.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// `[swap]`.
    #[must_use]
    pub fn swap(&self) -> &Swap {
        &self.swap
    }

    /// The full live name of a relation in the target's schema.
    #[must_use]
    pub fn live_name(&self, member: &Ident) -> QualifiedName {
        QualifiedName::new(self.target.schema.clone(), member.clone())
    }
}
