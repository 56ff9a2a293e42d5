//! What was said (flags, variables, the release file) becomes what is meant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cutover::{Cutover, PortalLogin, ReleaseOptions, ResumeOptions, Selection};
use cutover_core::ConnectSettings;
use cutover_core::release_file::{Label, Moment, OldSnapshots, Overrides, ReleaseFile, Setting};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::args::{Global, ReleaseArguments, ResumeArguments, RollbackArguments, Telling};
use crate::console::Console;
use crate::environment::Captured;
use crate::failure::Failure;

/// The release files that are looked for when none is named.
pub(crate) const DEFAULT_FILES: [&str; 2] = ["release.toml", "cutover.toml"];

/// A release file with everything that was said on top of it.
pub(crate) struct Request {
    pub(crate) file: ReleaseFile,
    path: PathBuf,
    text: String,
    folder: PathBuf,
    overrides: Overrides,
}

/// The settings of a release file, and which one it is.
#[derive(Debug, Serialize)]
pub(crate) struct Config {
    pub(crate) file: PathBuf,
    pub(crate) settings: Vec<Setting>,
}

impl Request {
    /// Reads the release file; flags win over variables, these over the file.
    pub(crate) fn read(global: &Global, mut flags: Overrides, captured: &Captured) -> Result<Self, Failure> {
        let path = find_file(global, captured)?;
        let text = std::fs::read_to_string(&path).map_err(|source| Failure::ReadReleaseFile {
            path: path.clone(),
            source,
        })?;
        let mut file = ReleaseFile::parse(&text, &path.display().to_string())?;
        flags.target_url.clone_from(&global.target);
        let overrides = flags.or(Overrides::from_variables(captured.lookup())?);
        overrides.apply(&mut file)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self {
            file,
            path,
            text,
            folder,
            overrides,
        })
    }

    /// Every setting and where it comes from.
    pub(crate) fn config(&self, global: &Global, captured: &Captured) -> Config {
        let mut flags = BTreeMap::new();
        if global.target.is_some() {
            flags.insert("target.url", "--target");
        }
        Config {
            file: self.path.clone(),
            settings: self.file.settings(&self.text, &flags, captured.lookup()),
        }
    }

    /// The release set on its target; nothing is connected yet.
    pub(crate) fn cutover(&self, captured: &Captured, console: &Console) -> Result<Cutover, Failure> {
        let url = self.file.target().url.resolve("target.url", captured.lookup())?;
        let target = ConnectSettings::resolve(url.reveal(), &captured.environment)?;
        for warning in target.warnings() {
            console.warn(&warning.to_string());
        }
        let cutover = Cutover::new(self.file.clone(), target)
            .folder(&self.folder)
            .host(&captured.host)
            .environment(captured.environment.clone());
        Ok(match self.portal_login(captured)? {
            Some(login) => cutover.portal(login),
            None => cutover,
        })
    }

    fn portal_login(&self, captured: &Captured) -> Result<Option<PortalLogin>, Failure> {
        let Some(portal) = self.file.portal() else {
            return Ok(None);
        };
        let Some(url) = &portal.url else {
            return Ok(Some(PortalLogin::UserMapping));
        };
        let url = url.resolve("portal.url", captured.lookup())?;
        let settings = ConnectSettings::resolve(url.reveal(), &captured.environment)?;
        Ok(Some(PortalLogin::Settings(Box::new(settings))))
    }

    /// What the run is asked to do.
    pub(crate) fn release_options(
        &self,
        label: Option<Label>,
        captured: &Captured,
    ) -> Result<ReleaseOptions, Failure> {
        let said = &self.overrides;
        let mut selection = said
            .only_phases
            .as_ref()
            .map_or_else(|| Ok(Selection::all()), |phases| Selection::only(phases))?;
        if let Some(phase) = said.start_at {
            selection = selection.start_at(phase)?;
        }
        if let Some(phase) = said.stop_after {
            selection = selection.stop_after(phase)?;
        }
        let mut options = ReleaseOptions::default()
            .selection(selection)
            .only_importers(said.import_only.iter().flatten())
            .skip_importers(said.import_skip.iter().flatten());
        if let Some(label) = label {
            options = options.label(label);
        }
        if said.dry_run == Some(true) {
            options = options.dry_run();
        }
        if let Some(rows) = said.import_sample {
            options = options.sample(rows);
        }
        if let Some(wanted) = said.hold {
            options = options.hold(wanted);
        }
        if let Some(moment) = said.not_before {
            options = options.not_before(exactly(moment, captured)?);
        }
        if said.discard_staging == Some(true) {
            options = options.discard_staging();
        }
        if said.checkpoints_disabled == Some(true) {
            options = options.without_checkpoints();
        }
        Ok(options)
    }

    /// What a resumed run does otherwise than when it began.
    pub(crate) fn resume_options(
        &self,
        allow_changed_file: bool,
        captured: &Captured,
    ) -> Result<ResumeOptions, Failure> {
        let mut options = ResumeOptions::default();
        if let Some(wanted) = self.overrides.hold {
            options = options.hold(wanted);
        }
        if let Some(moment) = self.overrides.not_before {
            options = options.not_before(exactly(moment, captured)?);
        }
        if allow_changed_file {
            options = options.allow_changed_file();
        }
        if self.is_dry_run() {
            options = options.dry_run();
        }
        Ok(options)
    }

    /// Whether a variable asks every command that changes something to say only what it would do.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.overrides.dry_run == Some(true)
    }

    /// A path of the release file, which starts at the file's own folder.
    pub(crate) fn in_folder(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// Only a time on this machine's clock asks for this machine's zone. Where that cannot be told, an unknown `TZ` above all,
/// it is not taken for UTC: the release would go live hours early or late.
fn exactly(moment: Moment, captured: &Captured) -> Result<Timestamp, Failure> {
    match moment {
        Moment::Exact(moment) => Ok(moment),
        Moment::WallClock(_) => {
            let zone = TimeZone::try_system().map_err(|source| Failure::TimeZone {
                tz: captured.variable("TZ").map(str::to_owned),
                source,
            })?;
            Ok(moment.on_the_clock_of(&zone)?)
        }
    }
}

/// The flags of `cutover release`, as settings.
pub(crate) fn release_flags(arguments: ReleaseArguments) -> Overrides {
    let mut flags = Overrides::default();
    flags.dry_run = arguments.dry_run.then_some(true);
    flags.start_at = arguments.start_at;
    flags.stop_after = arguments.stop_after;
    flags.only_phases = arguments.only;
    flags.import_only = arguments.only_importer;
    flags.import_skip = arguments.skip_importer;
    flags.import_sample = arguments.sample;
    flags.import_jobs = arguments.jobs;
    flags.import_ranges = arguments.ranges;
    flags.import_max_rate = arguments.max_rate;
    flags.allow_lost_writes = arguments.allow_lost_writes.then_some(true);
    flags.cancel_blockers_after = arguments.cancel_blockers_after;
    flags.hold = arguments.hold;
    flags.not_before = arguments.not_before;
    flags.old_snapshots = arguments.ignore_old_snapshots.then_some(OldSnapshots::Ignore);
    flags.discard_staging = arguments.discard_staging.then_some(true);
    flags.checkpoints_disabled = arguments.no_checkpoints.then_some(true);
    flags.metrics_file = arguments.telling.metrics_file();
    flags
}

/// The flags of `cutover resume`, as settings.
pub(crate) fn resume_flags(arguments: &ResumeArguments) -> Overrides {
    let mut flags = Overrides::default();
    flags.allow_lost_writes = arguments.allow_lost_writes.then_some(true);
    flags.hold = arguments.hold;
    flags.not_before = arguments.not_before;
    flags.metrics_file = arguments.telling.metrics_file();
    flags
}

/// The flags of `cutover rollback`, as settings.
pub(crate) fn rollback_flags(arguments: &RollbackArguments) -> Overrides {
    let mut flags = Overrides::default();
    flags.metrics_file = arguments.telling.metrics_file();
    flags
}

impl Telling {
    /// A path on the command line starts here, one in the release file where that is.
    fn metrics_file(&self) -> Option<PathBuf> {
        let file = self.metrics_file.as_ref()?;
        Some(std::path::absolute(file).unwrap_or_else(|_| file.clone()))
    }
}

fn find_file(global: &Global, captured: &Captured) -> Result<PathBuf, Failure> {
    if let Some(path) = &global.file {
        return Ok(path.clone());
    }
    if let Some(path) = captured.variable("CUTOVER_FILE") {
        return Ok(PathBuf::from(path));
    }
    DEFAULT_FILES
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .ok_or(Failure::NoReleaseFile)
}
