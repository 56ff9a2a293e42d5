//! Events on stderr: bars on a terminal, calm lines elsewhere, JSON lines for programs.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cutover_core::{Event, EventKind, EventSink, ObjectKind, ObjectName, Phase};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle as BarStyle};

use super::Palette;
use super::event_text::{Detail, event_lines};
use super::measure::{bytes, count, pace};

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProgressStyle {
    /// Not at all.
    Quiet,
    /// A line for each phase.
    Lines,
    /// A line for each phase, importer and step.
    AllLines,
    /// Lines for what is done, bars for what is under way.
    Bars,
    /// A line of JSON for each event.
    Json,
}

/// Shows events on stderr.
///
/// A stderr that is gone must not fail a release: what cannot be written is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    style: ProgressStyle,
    palette: Palette,
    bars: Mutex<Bars>,
}

#[derive(Debug, Default)]
struct Bars {
    screen: MultiProgress,
    phase: Option<(Phase, ProgressBar)>,
    /// Waits before the swap, between two phases.
    holding: Option<ProgressBar>,
    hook: Option<ProgressBar>,
    importers: BTreeMap<String, ProgressBar>,
    checks: BTreeMap<String, ProgressBar>,
    /// Indexes under way, as the steps that build them name them.
    indexes: BTreeMap<String, ProgressBar>,
}

impl Progress {
    pub(crate) fn new(style: ProgressStyle, palette: Palette) -> Self {
        Self {
            style,
            palette,
            bars: Mutex::default(),
        }
    }

    /// Writes a line of our own among the events.
    pub(crate) fn say(&self, line: &str) {
        match self.style {
            ProgressStyle::Quiet | ProgressStyle::Json => {}
            ProgressStyle::Lines | ProgressStyle::AllLines => write_line(line),
            ProgressStyle::Bars => {
                let bars = self.bars();
                if bars.are_shown() {
                    // Fails when the terminal is gone, which must not fail a release.
                    let _ = bars.screen.println(line);
                } else {
                    write_line(line);
                }
            }
        }
    }

    /// Takes the bars off the screen.
    pub(crate) fn clear(&self) {
        self.bars().clear();
    }

    fn bars(&self) -> MutexGuard<'_, Bars> {
        self.bars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for Progress {
    fn emit(&self, event: &Event) {
        let detail = match self.style {
            ProgressStyle::Quiet => return,
            ProgressStyle::Json => {
                if let Ok(line) = serde_json::to_string(event) {
                    write_line(&line);
                }
                return;
            }
            ProgressStyle::AllLines => Detail::Everything,
            ProgressStyle::Lines | ProgressStyle::Bars => Detail::Phases,
        };
        if self.style == ProgressStyle::Bars {
            self.bars().follow(&event.kind);
        }
        for line in event_lines(&event.kind, detail, self.palette) {
            self.say(&line);
        }
    }
}

fn write_line(line: &str) {
    // One write, so that lines of several threads do not mix.
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

impl Bars {
    fn spinner(&self, text: impl Into<std::borrow::Cow<'static, str>>) -> ProgressBar {
        let spinner = self.screen.add(ProgressBar::new_spinner());
        spinner.set_style(style(PHASE));
        spinner.set_message(text);
        spinner.enable_steady_tick(Duration::from_millis(120));
        spinner
    }

    fn follow(&mut self, event: &EventKind) {
        match event {
            EventKind::PhaseStarted { phase } => {
                self.phase = Some((*phase, self.spinner(phase.as_str())));
            }
            EventKind::HookStarted { hook, .. } => self.hook = Some(self.spinner(format!("hook {hook}"))),
            EventKind::HookFinished { .. } | EventKind::HookFailed { .. } => {
                if let Some(spinner) = self.hook.take() {
                    spinner.finish_and_clear();
                }
            }
            EventKind::Held { .. } => {
                self.clear();
                let spinner = self.screen.add(ProgressBar::new_spinner());
                spinner.set_style(style(PHASE));
                spinner.set_message("holding");
                // By the second: it may take days.
                spinner.enable_steady_tick(Duration::from_secs(1));
                self.holding = Some(spinner);
            }
            EventKind::Released { .. }
            | EventKind::ReleaseFinished { .. }
            | EventKind::PhaseFinished { .. }
            | EventKind::PhaseSkipped { .. }
            | EventKind::PhaseFailed { .. } => self.clear(),
            EventKind::ImportStarted { .. }
            | EventKind::ImportProgress { .. }
            | EventKind::ImportTotals { .. }
            | EventKind::ImportFinished { .. } => self.follow_import(event),
            EventKind::CheckProgress {
                check,
                rows,
                bytes: sent,
                expected_rows,
            } => {
                let bar = self.check(check);
                if let Some(expected) = expected_rows {
                    bar.set_style(style(MEASURED));
                    bar.set_length((*expected).max(*rows));
                    bar.set_position(*rows);
                }
                bar.set_message(format!("{} rows  {}", count(*rows), bytes(*sent)));
            }
            EventKind::CheckFinished { check, .. } => {
                if let Some(bar) = self.checks.remove(check) {
                    bar.finish_and_clear();
                }
            }
            EventKind::IndexProgress {
                index,
                stage,
                blocks_done,
                blocks_total,
                tuples_done,
                tuples_total,
                ..
            } => {
                let object = ObjectName::qualified(ObjectKind::Index, index).to_string();
                if !self.indexes.contains_key(&object) {
                    let bar = self.bar(index.name.as_str().to_owned());
                    self.indexes.insert(object.clone(), bar);
                }
                if let Some(bar) = self.indexes.get(&object) {
                    let counted = [(*blocks_done, *blocks_total), (*tuples_done, *tuples_total)];
                    // A stage counts the one or the other, or nothing.
                    match counted.into_iter().find(|(_, total)| *total > 0) {
                        Some((done, total)) => {
                            bar.set_style(style(STAGE));
                            bar.set_length(total.max(done));
                            bar.set_position(done);
                        }
                        None => bar.set_style(style(UNMEASURED)),
                    }
                    bar.set_message(stage.clone());
                }
            }
            EventKind::StepDone { object, .. } if !self.indexes.is_empty() => {
                if let Some(bar) = self.indexes.remove(&object.to_string()) {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
    }

    fn follow_import(&mut self, event: &EventKind) {
        match event {
            EventKind::ImportStarted {
                importer,
                expected_rows,
                ..
            } => {
                let bar = self.bar(importer.clone());
                if let Some(rows) = expected_rows {
                    bar.set_message(format!("about {} rows", count(*rows)));
                }
                self.importers.insert(importer.clone(), bar);
            }
            EventKind::ImportProgress {
                importer,
                rows,
                bytes: sent,
                expected_rows,
                rows_per_s,
                bytes_per_s,
                left_ms,
            } => {
                if let Some(bar) = self.importers.get(importer) {
                    if let (Some(rows), Some(expected)) = (rows, expected_rows) {
                        // Where the server moves the rows itself none are seen, and there is no share to show.
                        if bar.length().is_none() {
                            bar.set_style(style(MEASURED));
                        }
                        // An estimate of statistics that turns out too low must not show more than the whole.
                        bar.set_length((*expected).max(*rows));
                        bar.set_position(*rows);
                    }
                    let sent = sent.map(|sent| format!("  {}", bytes(sent))).unwrap_or_default();
                    let rows = rows
                        .map(|rows| format!("{} rows", count(rows)))
                        .unwrap_or_default();
                    let pace = pace(*rows_per_s, *bytes_per_s, *left_ms);
                    bar.set_message(format!("{rows}{sent}  {pace}").trim_end().to_owned());
                }
            }
            EventKind::ImportTotals {
                done,
                importers,
                rows,
                bytes: sent,
                rows_per_s,
                bytes_per_s,
                left_ms,
            } => {
                if let Some((_, spinner)) = &self.phase {
                    let sent = match sent {
                        0 => String::new(),
                        sent => format!("  {}", bytes(*sent)),
                    };
                    let pace = pace(Some(*rows_per_s), Some(*bytes_per_s), *left_ms);
                    let all = format!("{done} of {importers}  {} rows{sent}  {pace}", count(*rows));
                    spinner.set_prefix(all.trim_end().to_owned());
                }
            }
            EventKind::ImportFinished { importer, .. } => {
                if let Some(bar) = self.importers.remove(importer) {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
    }

    /// The bar of a check.
    fn check(&mut self, check: &str) -> ProgressBar {
        if let Some(bar) = self.checks.get(check) {
            return bar.clone();
        }
        let bar = self.bar(check.to_owned());
        self.checks.insert(check.to_owned(), bar.clone());
        bar
    }

    /// A bar above the one of the phase, that has no share to show yet.
    fn bar(&self, prefix: String) -> ProgressBar {
        // Part of the screen before anything else: on its own it would draw over the others.
        let bar = ProgressBar::no_length();
        let bar = match &self.phase {
            Some((_, spinner)) => self.screen.insert_before(spinner, bar),
            None => self.screen.add(bar),
        };
        bar.set_style(style(UNMEASURED));
        bar.set_prefix(prefix);
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    }

    fn are_shown(&self) -> bool {
        self.phase.is_some()
            || self.holding.is_some()
            || !self.importers.is_empty()
            || !self.checks.is_empty()
            || !self.indexes.is_empty()
    }

    fn clear(&mut self) {
        let importers = std::mem::take(&mut self.importers).into_values();
        let checks = std::mem::take(&mut self.checks).into_values();
        let indexes = std::mem::take(&mut self.indexes).into_values();
        for bar in importers.chain(checks).chain(indexes) {
            bar.finish_and_clear();
        }
        let phase = self.phase.take().map(|(_, spinner)| spinner);
        for spinner in phase.into_iter().chain(self.holding.take()) {
            spinner.finish_and_clear();
        }
    }
}

const PHASE: &str = "{spinner} {msg:<21} {elapsed:>11}  {prefix}";
const MEASURED: &str = "    {prefix:<34} {bar:24} {percent:>3} %  {msg}";
const STAGE: &str = "    {prefix:<34} {bar:24} {percent:>3} %  {elapsed:>6}  {msg}";
const UNMEASURED: &str = "    {prefix:<34} {spinner} {elapsed:>6}  {msg}";

fn style(template: &'static str) -> BarStyle {
    // The templates are ours, and the tests read each of them.
    BarStyle::with_template(template)
        .unwrap_or_else(|_unreadable| BarStyle::default_bar())
        .progress_chars("━╸ ")
        .tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

#[cfg(test)]
mod tests {
    use cutover_core::{Ident, QualifiedName};
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    use super::*;

    fn screen() -> (InMemoryTerm, Bars) {
        let terminal = InMemoryTerm::new(20, 120);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bars = Bars {
            screen: MultiProgress::with_draw_target(target),
            ..Bars::default()
        };
        (terminal, bars)
    }

    fn started(importer: &str, expected_rows: Option<u64>) -> EventKind {
        let into = QualifiedName::new(Ident::new("public").unwrap(), Ident::new("sites").unwrap());
        EventKind::ImportStarted {
            importer: importer.to_owned(),
            into,
            way: "copied".to_owned(),
            expected_rows,
        }
    }

    #[test]
    fn importers_show_above_their_phase_and_go_when_done() {
        let (terminal, mut bars) = screen();
        bars.follow(&EventKind::PhaseStarted {
            phase: Phase::ImportCore,
        });
        bars.follow(&started("sites", Some(200)));
        bars.follow(&EventKind::ImportProgress {
            importer: "sites".to_owned(),
            rows: Some(100),
            bytes: Some(2_000_000),
            expected_rows: Some(200),
            rows_per_s: Some(10),
            bytes_per_s: Some(200_000),
            left_ms: Some(10_000),
        });
        bars.follow(&EventKind::ImportTotals {
            done: 1,
            importers: 3,
            rows: 1100,
            bytes: 5_000_000,
            rows_per_s: 10,
            bytes_per_s: 200_000,
            left_ms: None,
        });
        let contents = terminal.contents();
        let lines: Vec<&str> = contents.lines().collect();
        assert!(
            lines[0].contains("sites") && lines[0].contains("50 %  100 rows  2.00 MB  200 kB/s, 10.0 s left"),
            "{contents}"
        );
        assert!(
            lines[1].contains("import_core") && lines[1].ends_with("1 of 3  1,100 rows  5.00 MB  200 kB/s"),
            "{contents}"
        );
        bars.clear();
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn where_no_rows_are_seen_no_share_is_shown() {
        let (terminal, mut bars) = screen();
        bars.follow(&started("sites", Some(12_000)));
        let contents = terminal.contents();
        assert!(
            contents.contains("about 12,000 rows") && !contents.contains('%'),
            "{contents}"
        );
    }

    #[test]
    fn an_estimate_that_was_too_low_never_shows_more_than_the_whole() {
        let (terminal, mut bars) = screen();
        bars.follow(&started("sites", Some(10)));
        bars.follow(&EventKind::ImportProgress {
            importer: "sites".to_owned(),
            rows: Some(15),
            bytes: None,
            expected_rows: Some(10),
            rows_per_s: Some(5),
            bytes_per_s: None,
            left_ms: None,
        });
        assert!(
            terminal.contents().contains("100 %  15 rows  5 rows/s"),
            "{}",
            terminal.contents()
        );
    }

    #[test]
    fn an_index_shows_its_stage_and_goes_when_it_is_built() {
        let (terminal, mut bars) = screen();
        let name = |name| QualifiedName::new(Ident::new("public").unwrap(), Ident::new(name).unwrap());
        let progress = |stage: &str, blocks_done, blocks_total| EventKind::IndexProgress {
            index: name("staging_sites_geom"),
            table: name("staging_sites"),
            stage: stage.to_owned(),
            blocks_done,
            blocks_total,
            tuples_done: 0,
            tuples_total: 0,
            running_ms: 1500,
        };
        bars.follow(&progress("building index: scanning table", 10, 40));
        let contents = terminal.contents();
        assert!(
            contents.contains("staging_sites_geom") && contents.contains("25 %"),
            "{contents}"
        );
        bars.follow(&progress("initializing", 0, 0));
        let contents = terminal.contents();
        assert!(
            contents.contains("initializing") && !contents.contains('%'),
            "{contents}"
        );
        bars.follow(&EventKind::StepDone {
            purpose: "build",
            object: ObjectName::qualified(ObjectKind::Index, &name("staging_sites_geom")),
            took_ms: 1600,
        });
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn a_check_shows_how_far_it_is_and_goes_when_it_ends() {
        let (terminal, mut bars) = screen();
        bars.follow(&EventKind::CheckProgress {
            check: "geometry sites.geom".to_owned(),
            rows: 30,
            bytes: 2_000_000,
            expected_rows: Some(120),
        });
        let contents = terminal.contents();
        assert!(contents.contains("25 %  30 rows  2.00 MB"), "{contents}");
        bars.follow(&EventKind::CheckFinished {
            check: "geometry sites.geom".to_owned(),
            violations: 0,
            tolerated: 0,
            fatal: false,
        });
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn every_template_can_be_read() {
        for template in [PHASE, MEASURED, STAGE, UNMEASURED] {
            assert!(BarStyle::with_template(template).is_ok());
        }
    }
}
