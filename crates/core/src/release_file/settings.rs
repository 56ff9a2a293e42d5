//! The single tables of the file: `[release]`, `[target]`, `[staging]`, `[swap]` and the like.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::label::{LabelPattern, LabelPolicy};
use super::memory::Memory;
use super::standby_lag::StandbyLag;
use super::table_reader::TableReader;
use super::{RelationRef, Secret, duration};
use crate::{Ident, NamingPolicy};

/// `[release]`: what is released, and under which name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Release {
    /// Names the lock and the records; letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// `label` and `label_pattern`.
    #[serde(flatten, serialize_with = "serialize_labels")]
    pub labels: LabelPolicy,
    /// The tables that go live together, in swap order.
    pub tables: Vec<Ident>,
    /// The materialized views that go live with them.
    pub matviews: Vec<Ident>,
    /// How many backup sets retention keeps; 2 unless set. 0 keeps none.
    pub keep_backups: u32,
    /// How long retention keeps a backup set at least, even beyond `keep_backups`: from when it was made, which is when
    /// another release took its place. Only their number counts unless set.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "duration::serialize_option"
    )]
    pub keep_backups_for: Option<Duration>,
}

#[derive(Serialize)]
struct WrittenLabels<'a> {
    label: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label_pattern: Option<&'a str>,
}

fn serialize_labels<S: serde::Serializer>(labels: &LabelPolicy, serializer: S) -> Result<S::Ok, S::Error> {
    WrittenLabels {
        label: labels.format(),
        label_pattern: labels.pattern(),
    }
    .serialize(serializer)
}

impl Release {
    /// How many backup sets are kept where the file does not say.
    pub const DEFAULT_KEEP_BACKUPS: u32 = 2;

    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let name = table.required("name");
        let default = LabelPolicy::default();
        let format = table.or("label", default.format().to_owned());
        let pattern = table.optional::<LabelPattern>("label_pattern");
        let tables = table.required_list("tables");
        let matviews = table.list("matviews");
        let keep_backups = table.or("keep_backups", Self::DEFAULT_KEEP_BACKUPS);
        let keep_backups_for = table.duration("keep_backups_for");
        let labels = LabelPolicy::new(format, pattern);
        Some(Self {
            name: name?,
            labels,
            tables: tables?,
            matviews,
            keep_backups,
            keep_backups_for,
        })
    }

    /// Tables first, then materialized views.
    pub fn members(&self) -> impl Iterator<Item = &Ident> {
        self.tables.iter().chain(&self.matviews)
    }
}

/// `[target]`: the database whose relations are swapped.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Target {
    /// How to connect: a URL or a key/value string as libpq takes them.
    pub url: Secret,
    /// The schema of the release set; `public` unless set.
    pub schema: Ident,
    /// The schema of staging; that of the release set unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staging_schema: Option<Ident>,
    /// The schema of the backups; that of the release set unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_schema: Option<Ident>,
    /// Connections for importers and checks; the release crate chooses where it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_size: Option<u32>,
}

impl Target {
    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let url = table.required("url");
        let schema = table.optional("schema").unwrap_or_else(Self::default_schema);
        let staging_schema = table.optional("staging_schema");
        let backup_schema = table.optional("backup_schema");
        let pool_size = table.optional("pool_size");
        Some(Self {
            url: url?,
            schema,
            staging_schema,
            backup_schema,
            pool_size,
        })
    }

    /// How staging and backups are called, and in which schemas they are.
    #[must_use]
    pub fn naming(&self) -> NamingPolicy {
        let naming = NamingPolicy::default();
        let naming = match &self.staging_schema {
            Some(schema) => naming.staging_in(schema.clone()),
            None => naming,
        };
        match &self.backup_schema {
            Some(schema) => naming.backups_in(schema.clone()),
            None => naming,
        }
    }

    /// `public`.
    pub(super) fn default_schema() -> Ident {
        Ident::fitted("public".to_owned())
    }
}

/// `[portal]`: the upstream database, from which sources that need nothing else are read directly, past the foreign
/// data wrapper.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Portal {
    /// How to connect: a URL or a key/value string as libpq takes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// Connects as the foreign server's options and the user mapping say instead; `false` unless set.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub user_mapping: bool,
}

impl Portal {
    pub(super) fn read(table: &mut TableReader<'_>) -> Option<Self> {
        let url = table.optional("url");
        let user_mapping = table.or("user_mapping", false);
        if table.has("url") == user_mapping {
            table.wrong_table("needs one of `url` and `user_mapping = true`");
            return None;
        }
        Some(Self { url, user_mapping })
    }

    pub(super) fn at(url: Secret) -> Self {
        Self {
            url: Some(url),
            user_mapping: false,
        }
    }
}

/// `[staging]`: what is built before the load, and where sequences start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Staging {
    /// Builds all indexes, keys and foreign keys after the load; `true` unless set.
    pub lightweight: bool,
    /// Builds the indexes and keys before the load, whatever `lightweight` says; the opposite of it unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_indexes: Option<bool>,
    /// Builds the foreign keys before the load, whatever `lightweight` says; the opposite of it unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_fks: Option<bool>,
    /// Where the sequences of the new tables go on.
    pub sequences: SequenceStart,
    /// How many sessions build indexes and validate keys at the same time after the load; 2 unless set.
    pub workers: u32,
    /// The memory that all of them together may use for it; unless set what the server's `maintenance_work_mem` gives each,
    /// within 1 GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

/// Where the sequences of the new tables go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SequenceStart {
    /// After the last value of the live sequence: no id is ever given out twice. The default.
    #[default]
    Continue,
    /// At the sequence's start value.
    Restart,
}

impl Staging {
    /// How many sessions work after the load where the file does not say.
    pub const DEFAULT_WORKERS: u32 = 2;

    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            lightweight: table.or("lightweight", true),
            include_indexes: table.optional("include_indexes"),
            include_fks: table.optional("include_fks"),
            sequences: table.or("sequences", SequenceStart::default()),
            workers: table.or("workers", Self::DEFAULT_WORKERS),
            memory: table.optional("memory"),
        }
    }

    /// Whether indexes, primary keys, unique and exclusion constraints are there before the load.
    #[must_use]
    pub fn indexes_before_load(&self) -> bool {
        self.include_indexes.unwrap_or(!self.lightweight)
    }

    /// Whether foreign keys are there before the load.
    #[must_use]
    pub fn foreign_keys_before_load(&self) -> bool {
        self.include_fks.unwrap_or(!self.lightweight)
    }
}

/// `[refresh]`: the materialized views of the phase `refresh_views`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refresh {
    /// Whether they are refreshed at all; `true` unless set.
    pub enabled: bool,
    /// The materialized views; the order follows their dependencies, not this list.
    pub views: Vec<RelationRef>,
}

impl Refresh {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            enabled: table.or("enabled", true),
            views: table.list("views"),
        }
    }
}

/// `[swap]`: how long the swap may make anybody wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Swap {
    /// The longest that one attempt waits for its locks, and so stalls readers behind it; 100 ms unless set.
    #[serde(serialize_with = "duration::serialize")]
    pub stall_budget: Duration,
    /// The longest that the transaction works under its locks before it is rolled back; 1 s unless set.
    #[serde(serialize_with = "duration::serialize")]
    pub lock_budget: Duration,
    /// Gives up when no attempt got all its locks within this time; 10 min unless set.
    #[serde(serialize_with = "duration::serialize")]
    pub deadline: Duration,
    /// Gives up when transactions with snapshots older than the load are still there after this time; 10 min unless
    /// set.
    #[serde(serialize_with = "duration::serialize")]
    pub snapshot_deadline: Duration,
    /// Whether the swap waits for those transactions at all.
    pub old_snapshots: OldSnapshots,
    /// After trying for this long, sessions that block the swap are cancelled, or ended where they are idle in a
    /// transaction; nobody is unless set.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "duration::serialize_option"
    )]
    pub cancel_blockers_after: Option<Duration>,
    /// The swap begins once no attached standby is further behind than this, and gives up when one still is at the
    /// deadline; they may be any distance behind unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_standby_lag: Option<StandbyLag>,
    /// Lets a release go live although rows were written to live since staging was built, and a rollback take live back
    /// although rows were written to it since it went live; `false` unless set. They stay in the backup set and nowhere
    /// else.
    pub allow_lost_writes: bool,
    /// Waits before the swap, with everything ready, until `cutover go` says so; `false` unless set.
    pub hold: bool,
    /// Loads staging into shared buffers before the swap, up to a quarter of them, where the extension `pg_prewarm` is
    /// installed; `false` unless set.
    pub prewarm: bool,
    /// What becomes of materialized views that read the set and that `release.matviews` does not name.
    pub matviews: MatviewsOutside,
}

/// What to do about transactions whose snapshot is older than the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OldSnapshots {
    /// Wait until none is left: such a transaction would find the new tables by name and see them empty. The default.
    #[default]
    WaitFor,
    /// Go live all the same, with a warning that names them: reports and dumps that run across the swap may read empty
    /// tables.
    Ignore,
}

/// What becomes of materialized views that read the set without belonging to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MatviewsOutside {
    /// They come along: each is made anew beside the live one, from the new rows, and changes places in the same swap. The
    /// default.
    #[default]
    Follow,
    /// A release is refused that would leave one with the old rows.
    Refuse,
}

impl Swap {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            stall_budget: table.duration_or("stall_budget", Duration::from_millis(100)),
            lock_budget: table.duration_or("lock_budget", Duration::from_secs(1)),
            deadline: table.duration_or("deadline", Duration::from_mins(10)),
            snapshot_deadline: table.duration_or("snapshot_deadline", Duration::from_mins(10)),
            old_snapshots: table.or("old_snapshots", OldSnapshots::default()),
            cancel_blockers_after: table.duration("cancel_blockers_after"),
            max_standby_lag: table.optional("max_standby_lag"),
            allow_lost_writes: table.or("allow_lost_writes", false),
            hold: table.or("hold", false),
            prewarm: table.or("prewarm", false),
            matviews: table.or("matviews", MatviewsOutside::default()),
        }
    }
}

/// `[manifest]`: what the manifest tells beside what it always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct ManifestContents {
    /// Whether it has a checksum of the rows of each table; `false` unless set. Every value is read and printed for it.
    pub checksums: bool,
}

impl ManifestContents {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            checksums: table.or("checksums", false),
        }
    }
}

/// `[log]`: the log as JSON lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Log {
    /// The file that is appended to; none unless set.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_path")]
    pub path: Option<PathBuf>,
}

/// `[metrics]`: figures for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// The file that is written anew while a release or rollback runs, for node exporter's textfile collector; none unless
    /// set.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_path")]
    pub file: Option<PathBuf>,
}

impl Metrics {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            file: table.optional::<String>("file").map(PathBuf::from),
        }
    }
}

/// A path that is not UTF-8 can come from a flag; it must not keep the file from being written.
#[expect(
    clippy::ref_option,
    reason = "serde's `serialize_with` passes a reference to the field"
)]
fn serialize_path<S: serde::Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref()
        .map(|path| path.to_string_lossy())
        .serialize(serializer)
}

impl Log {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            path: table.optional::<String>("path").map(PathBuf::from),
        }
    }
}
