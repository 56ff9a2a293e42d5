//! What a release file means has to make sense: the same rules for a file that was read and one built in code.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use toml::Spanned;
use toml::de::DeTable;

use super::finding::{FindingKind, Findings};
use super::key_path::KeyPath;
use super::label::is_safe_name;
use super::nearest::nearest;
use super::template::unknown_member;
use super::{
    Disk, GeometryEngine, GeometryMoment, HookAction, HookPoint, Preflight, QueryTemplate, ReleaseFile,
    Severity, Swap, check_changes, check_imports,
};
use crate::{Ident, Phase};

/// Checks `file` and adds what it finds; `document` is where its lines are looked up.
pub(super) fn check(file: &ReleaseFile, document: Option<&Spanned<DeTable<'_>>>, findings: &mut Findings) {
    let mut checker = Checker {
        file,
        document,
        findings,
    };
    let root = KeyPath::default();
    checker.release(&root.key("release"));
    checker.target(&root.key("target"));
    checker.distinct(&root.key("refresh").key("views"), &file.refresh.views);
    checker.preflight(&root.key("preflight"));
    check_imports::check(&mut checker, &root.key("import"));
    check_changes::check(&mut checker, &root.key("change"));
    checker.validations(&root.key("validate"));
    checker.hooks(&root.key("hook"));
    if let Some(mail) = &file.notify.mail {
        checker.non_empty(&root.key("notify").key("mail").key("to"), &mail.to);
    }
    checker.staging(&root.key("staging"));
    checker.load(&root.key("load"));
    checker.disk(&root.key("disk"));
    checker.swap(&root.key("swap"));
}

pub(super) struct Checker<'a> {
    pub(super) file: &'a ReleaseFile,
    document: Option<&'a Spanned<DeTable<'a>>>,
    findings: &'a mut Findings,
}

impl Checker<'_> {
    pub(super) fn report(&mut self, path: &KeyPath, problem: &str) {
        let span = self.document.map(|document| path.locate(document));
        let message = format!("`{}`: {problem}", path.as_str());
        self.findings
            .add(FindingKind::Contradiction, path.as_str(), span, message);
    }

    pub(super) fn safe_name(&mut self, path: &KeyPath, name: &str) {
        if !is_safe_name(name) {
            let problem = format!(
                "the name {name:?} is not allowed; use 1 to 63 letters, digits, `.`, `_` and `-`, starting with a letter or digit"
            );
            self.report(path, &problem);
        }
    }

    /// Reports every item that stands in the list before.
    pub(super) fn distinct<T: Ord + ToString>(&mut self, path: &KeyPath, items: &[T]) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            if !seen.insert(item) {
                self.report(
                    &path.item(index, None),
                    &format!("{} is listed twice", item.to_string()),
                );
            }
        }
    }

    pub(super) fn non_empty<T>(&mut self, path: &KeyPath, items: &[T]) {
        if items.is_empty() {
            self.report(path, "must not be empty");
        }
    }

    /// Every `staging('…')` of a template has to name a member.
    pub(super) fn template(&mut self, path: &KeyPath, template: &QueryTemplate) {
        for name in template.staging_references() {
            if !self.is_member(name) {
                let problem = format!("staging('{name}'): {}", self.unknown_member(name));
                self.report(path, &problem);
            }
        }
    }

    pub(super) fn is_member(&self, name: &str) -> bool {
        self.file.release.members().any(|member| member.as_str() == name)
    }

    pub(super) fn unknown_member(&self, name: &str) -> String {
        unknown_member(
            name,
            nearest(name, self.file.release.members().map(Ident::as_str)),
        )
    }

    fn release(&mut self, path: &KeyPath) {
        let release = &self.file.release;
        self.safe_name(&path.key("name"), &release.name);
        self.non_empty(&path.key("tables"), &release.tables);
        self.distinct(&path.key("tables"), &release.tables);
        self.distinct(&path.key("matviews"), &release.matviews);
        for (index, matview) in release.matviews.iter().enumerate() {
            if release.tables.contains(matview) {
                let problem = format!("{matview} is one of `release.tables` already");
                self.report(&path.key("matviews").item(index, None), &problem);
            }
        }
        // The example is the start of a month, as labels by the month are the usual ones.
        let example = release.labels.default_label(Timestamp::UNIX_EPOCH);
        match example {
            Err(error) => self.report(&path.key("label"), &with_cause(&error)),
            Ok(label) => {
                if let Err(error) = release.labels.check(label.as_str()) {
                    let problem = format!("its own default would be refused: {error}");
                    self.report(&path.key("label"), &problem);
                }
            }
        }
    }

    /// Of the schemas that are made where they are missing.
    fn target(&mut self, path: &KeyPath) {
        let target = &self.file.target;
        for (key, schema) in [
            ("staging_schema", &target.staging_schema),
            ("backup_schema", &target.backup_schema),
        ] {
            let Some(schema) = schema else { continue };
            let name = schema.as_str();
            if name.starts_with("pg_") || name == "information_schema" {
                self.report(&path.key(key), &format!("{name} is PostgreSQL's own"));
            } else if name == "cutover" || name == "cutover_scratch" {
                self.report(&path.key(key), &format!("{name} is Cutover's own"));
            }
        }
    }

    fn preflight(&mut self, path: &KeyPath) {
        let Preflight {
            view: _,
            not_empty,
            unique,
            geometry,
            query,
            max_keys: _,
            findings: _,
        } = &self.file.preflight;
        for (index, check) in not_empty.iter().enumerate() {
            let path = path.key("not_empty").item(index, None);
            self.non_empty(&path.key("any_of"), &check.any_of);
        }
        for (index, check) in unique.iter().enumerate() {
            let path = path.key("unique").item(index, Some(&check.view.to_string()));
            self.non_empty(&path.key("key"), &check.key);
            self.threshold(&path, check.severity, check.max, None);
        }
        for (index, check) in geometry.iter().enumerate() {
            let path = path.key("geometry").item(index, Some(&check.view.to_string()));
            if let Some([xmin, ymin, xmax, ymax]) = check.bounds
                && !(xmin <= xmax && ymin <= ymax)
            {
                self.report(
                    &path.key("bounds"),
                    "must be [xmin, ymin, xmax, ymax], the smaller ones first",
                );
            }
            if check.when == GeometryMoment::Import && check.engine != GeometryEngine::Native {
                self.report(
                    &path.key("engine"),
                    "rows that an importer brings are judged by the program: leave out `engine`, or `when`",
                );
            }
            self.threshold(&path, check.severity, check.max, check.max_share);
        }
        let names = query.iter().map(|check| check.name.as_str());
        self.names(&path.key("query"), names);
        for (index, check) in query.iter().enumerate() {
            // Materialized views have their staging twins by then: `refresh_views` comes before.
            let is_table = |name: &str| {
                self.file
                    .release
                    .tables
                    .iter()
                    .any(|table| table.as_str() == name)
            };
            let path = path.key("query").item(index, Some(&check.name));
            self.threshold(&path, check.severity, check.max, None);
            let path = path.key("sql");
            self.template(&path, &check.sql);
            if check.sql.staging_references().any(is_table) {
                self.report(
                    &path,
                    "tables have no staging yet when preflight runs; use `[[validate]]` for it",
                );
            }
        }
    }

    /// How many violations a check of the preflight tolerates.
    fn threshold(&mut self, path: &KeyPath, severity: Severity, max: Option<u64>, max_share: Option<f64>) {
        if max_share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            self.report(
                &path.key("max_share"),
                "must be a share of all rows, from 0.0 to 1.0",
            );
        }
        let key = match (max, max_share) {
            (Some(_), _) => "max",
            (None, Some(_)) => "max_share",
            (None, None) => return,
        };
        if severity == Severity::Warn {
            self.report(
                &path.key(key),
                "a check of severity \"warn\" stops nothing, however much it finds",
            );
        }
    }

    /// Names of the items of an array: plain, and each only once.
    pub(super) fn names<'n>(&mut self, path: &KeyPath, names: impl Iterator<Item = &'n str>) {
        let mut seen = BTreeSet::new();
        for (index, name) in names.enumerate() {
            let path = path.item(index, Some(name)).key("name");
            self.safe_name(&path, name);
            if !seen.insert(name) {
                self.report(&path, "this name is taken by an earlier one");
            }
        }
    }

    fn validations(&mut self, path: &KeyPath) {
        for (index, validation) in self.file.validations.iter().enumerate() {
            let table = validation.table.as_str();
            let path = path.item(index, Some(table));
            if !self.is_member(table) {
                let problem = self.unknown_member(table);
                self.report(&path.key("table"), &problem);
            }
            self.change_limits(&path, validation.max_shrink, validation.max_growth);
            if let Some(groups) = &validation.groups {
                self.change_limits(&path.key("groups"), groups.max_shrink, groups.max_growth);
            }
            if validation
                .max_null_growth
                .is_some_and(|share| !(0.0..=1.0).contains(&share))
            {
                self.report(
                    &path.key("max_null_growth"),
                    "must be a share of all rows, from 0.0 to 1.0",
                );
            }
            if let Some(query) = &validation.query {
                self.template(&path.key("query"), query);
            }
        }
    }

    /// By which shares of live's rows something may change.
    fn change_limits(&mut self, path: &KeyPath, max_shrink: Option<f64>, max_growth: Option<f64>) {
        if max_shrink.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            self.report(
                &path.key("max_shrink"),
                "must be a share of live's rows, from 0.0 to 1.0",
            );
        }
        if max_growth.is_some_and(|share| !(share >= 0.0 && share.is_finite())) {
            self.report(
                &path.key("max_growth"),
                "must be a share of live's rows, 0.0 or more",
            );
        }
    }

    fn hooks(&mut self, path: &KeyPath) {
        self.names(path, self.file.hooks.iter().map(|hook| hook.name.as_str()));
        for (index, hook) in self.file.hooks.iter().enumerate() {
            let path = path.item(index, Some(&hook.name));
            match &hook.action {
                HookAction::Command(words) => self.non_empty(&path.key("command"), words),
                HookAction::Sql(sql) => self.template(&path.key("sql"), sql),
                HookAction::Http(_) => {}
            }
            if hook.timeout < Duration::from_millis(1) {
                self.report(&path.key("timeout"), "must be at least 1ms");
            }
            if !hook.phases.is_empty() && hook.on != HookPoint::PhaseComplete {
                self.report(
                    &path.key("phases"),
                    "only `on = \"phase_complete\"` is about phases",
                );
            }
            if hook.phases.contains(&Phase::ReleaseLock) {
                self.report(
                    &path.key("phases"),
                    "the record is closed by then; the last phase with hooks is `cleanup_and_retention`",
                );
            }
            let may_veto = match hook.phases.as_slice() {
                [] => hook.can_veto(Some(Phase::AcquireLock)),
                phases => phases.iter().any(|phase| hook.can_veto(Some(*phase))),
            };
            if hook.required && !may_veto {
                self.report(
                    &path.key("required"),
                    "nothing can be refused at this point any more, so a failure here is only a warning; leave it out",
                );
            }
        }
    }

    fn staging(&mut self, path: &KeyPath) {
        if self.file.staging.workers == 0 {
            self.report(&path.key("workers"), "somebody has to do the work; use 1 or more");
        }
    }

    fn load(&mut self, path: &KeyPath) {
        let jobs = self.file.load.jobs;
        let path_of_jobs = path.key("jobs");
        if jobs == 0 {
            self.report(&path_of_jobs, "somebody has to do the work; use 1 or more");
        }
        check_imports::ranges(self, &path.key("ranges"), self.file.load.ranges);
        let needed = self.file.import_connections();
        let short = self.file.target.pool_size.filter(|size| *size < needed);
        let ranges = self.file.imports.iter().map(|import| self.file.ranges_of(import));
        match (short, ranges.max().unwrap_or(1)) {
            (Some(size), 1) if jobs > 1 => {
                let problem = format!(
                    "{jobs} importers at once take {needed} connections, and `target.pool_size` is {size}"
                );
                self.report(&path_of_jobs, &problem);
            }
            (Some(size), most) if most > 1 => {
                let problem = format!(
                    "{jobs} importers at once, by up to {most} ranges each, take {needed} connections, and `target.pool_size` is {size}"
                );
                self.report(&path.key("ranges"), &problem);
            }
            _ => {}
        }
        if jobs > 1 && self.file.staging.foreign_keys_before_load() {
            self.report(
                &path_of_jobs,
                "where foreign keys are there before the load (`staging.include_fks`) one importer runs after the other",
            );
        }
        if self.file.load.max_rate.is_some_and(|rate| rate.bytes() == 0) {
            self.report(
                &path.key("max_rate"),
                "nothing would ever arrive; leave it out for no limit",
            );
        }
    }

    fn disk(&mut self, path: &KeyPath) {
        let Disk {
            free,
            free_query,
            growth,
        } = &self.file.disk;
        if free.is_some() && free_query.is_some() {
            self.report(&path.key("free_query"), "`free` says it already; leave one out");
        }
        if growth.is_some_and(|share| !(share >= 0.0 && share.is_finite())) {
            self.report(
                &path.key("growth"),
                "must be a share of live's size, 0.0 or more: 0.1 for a tenth more",
            );
        }
    }

    fn swap(&mut self, path: &KeyPath) {
        let Swap {
            stall_budget,
            lock_budget,
            deadline,
            snapshot_deadline: _,
            old_snapshots: _,
            cancel_blockers_after: _,
            max_standby_lag: _,
            allow_lost_writes: _,
            hold: _,
            prewarm: _,
            matviews: _,
        } = self.file.swap;
        for (key, duration) in [("stall_budget", stall_budget), ("lock_budget", lock_budget)] {
            // PostgreSQL counts its timeouts in milliseconds, and takes 0 for none at all.
            if duration < Duration::from_millis(1) {
                self.report(&path.key(key), "must be at least 1ms");
            }
        }
        if deadline < stall_budget {
            self.report(
                &path.key("deadline"),
                "must not be shorter than `swap.stall_budget`",
            );
        }
    }
}

/// An error with its causes, in one line.
fn with_cause(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
