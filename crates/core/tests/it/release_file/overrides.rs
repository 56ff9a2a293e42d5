//! Variables and flags over the file.

use std::collections::BTreeMap;
use std::time::Duration;

use cutover_core::Phase;
use cutover_core::release_file::{OverrideError, Overrides, ReleaseFile, Secret, VARIABLES};

use super::{SMALL, parse};

fn overrides(variables: &[(&str, &str)]) -> Result<Overrides, OverrideError> {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    Overrides::from_variables(|name| variables.get(name).map(|text| (*text).to_owned()))
}

/// Sets all variables to what `value` says, by their `CUTOVER_…` name.
fn applied(variables: &[(&str, &str)]) -> ReleaseFile {
    let mut file = parse(SMALL);
    overrides(variables).unwrap().apply(&mut file).unwrap();
    file
}

#[test]
fn flag_beats_variable_beats_alias_beats_file() {
    let (ours, alias) = (("CUTOVER_IMPORT_SAMPLE", "2"), ("PP_IMPORT_SAMPLE", "3"));
    let sample = |variables: &[(&str, &str)]| overrides(variables).unwrap().import_sample;
    assert_eq!(sample(&[ours, alias]), Some(2));
    assert_eq!(sample(&[alias]), Some(3));
    assert_eq!(
        sample(&[("CUTOVER_IMPORT_SAMPLE", ""), alias]),
        Some(3),
        "set to nothing is not set"
    );
    assert_eq!(sample(&[]), None);
    let mut flags = Overrides::default();
    flags.import_sample = Some(1);
    let all = flags.or(overrides(&[ours, alias]).unwrap());
    assert_eq!(all.import_sample, Some(1));
    let mut file = parse(&format!("{SMALL}[staging]\nlightweight = false"));
    Overrides::default().apply(&mut file).unwrap();
    assert!(!file.staging().lightweight, "no override leaves the file's own");
}

#[test]
fn the_runbook_variables_are_honoured() {
    let overrides = overrides(&[
        ("PP_RELEASE_START_AT", "preflight"),
        ("PP_RELEASE_STOP_AFTER", "import_core"),
        ("PP_RELEASE_ONLY_PHASES", "preflight, build_staging,"),
        ("PP_RELEASE_DRY_RUN", "1"),
        ("PP_RELEASE_REFRESH_VIEWS", "false"),
        ("PP_RELEASE_STAGING_LIGHTWEIGHT", "FALSE"),
        ("PP_RELEASE_STAGING_INCLUDE_INDEXES", "true"),
        ("PP_RELEASE_STAGING_INCLUDE_FKS", "no"),
        ("PP_IMPORT_ONLY", "sources"),
        ("PP_IMPORT_SKIP", "sources"),
        ("PP_IMPORT_SAMPLE", "1000"),
        ("PP_IMPORT_CHECKPOINTS_DISABLE", "yes"),
        ("PP_IMPORT_PROGRESS_NOTIFICATIONS", "on"),
        ("PP_SLACK_WEBHOOK_URL", "https://hooks.example/hunter2"),
        ("PP_RELEASE_SLACK_PHASE_COMPLETE", "true"),
        ("PP_RELEASE_LOG_PATH", "/tmp/release.log"),
    ])
    .unwrap();
    assert_eq!(
        (overrides.start_at, overrides.stop_after),
        (Some(Phase::Preflight), Some(Phase::ImportCore))
    );
    assert_eq!(
        overrides.only_phases,
        Some(vec![Phase::Preflight, Phase::BuildStaging])
    );
    assert_eq!(
        (overrides.dry_run, overrides.checkpoints_disabled),
        (Some(true), Some(true))
    );
    assert_eq!(
        (overrides.import_only.as_deref(), overrides.import_sample),
        (Some(&["sources".to_owned()][..]), Some(1000))
    );
    assert!(!format!("{overrides:?}").contains("hunter2"));

    let mut file = parse(&format!(
        "{SMALL}[[import]]\nname = \"sources\"\ninto = \"sources\"\nfrom = \"portal_sources\""
    ));
    overrides.apply(&mut file).unwrap();
    assert!(!file.refresh().enabled && !file.staging().lightweight);
    assert!(file.staging().indexes_before_load() && !file.staging().foreign_keys_before_load());
    let slack = file.notify().slack.as_ref().unwrap();
    assert!(slack.told.phase_complete && slack.told.import_progress);
    assert_eq!(slack.webhook.to_string(), "***");
    assert_eq!(
        file.log().path.as_deref().unwrap().to_str(),
        Some("/tmp/release.log")
    );
}

/// What the file wants to be told, a variable of the runbook silences.
#[test]
fn the_runbook_variables_silence_what_the_file_tells() {
    let mut file = parse(&format!(
        "{SMALL}[notify.slack]\nwebhook = \"env:A\"\nphase_complete = true\nimport_progress = true"
    ));
    let silencers = [
        ("PP_IMPORT_PROGRESS_NOTIFICATIONS", "false"),
        ("PP_RELEASE_SLACK_PHASE_COMPLETE", "0"),
    ];
    overrides(&silencers).unwrap().apply(&mut file).unwrap();
    let slack = file.notify().slack.as_ref().unwrap();
    assert!(!slack.told.phase_complete && !slack.told.import_progress);
}

/// The names of the runbook are a promise: none may go, and none may come to mean something else.
#[test]
fn every_alias_stands_for_its_variable() {
    let aliases: Vec<(&str, &str)> = VARIABLES
        .iter()
        .filter_map(|variable| Some((variable.alias?, variable.name)))
        .collect();
    assert_eq!(
        aliases,
        [
            ("PP_RELEASE_START_AT", "CUTOVER_START_AT"),
            ("PP_RELEASE_STOP_AFTER", "CUTOVER_STOP_AFTER"),
            ("PP_RELEASE_ONLY_PHASES", "CUTOVER_ONLY_PHASES"),
            ("PP_RELEASE_DRY_RUN", "CUTOVER_DRY_RUN"),
            ("PP_RELEASE_REFRESH_VIEWS", "CUTOVER_REFRESH_VIEWS"),
            ("PP_RELEASE_STAGING_LIGHTWEIGHT", "CUTOVER_STAGING_LIGHTWEIGHT"),
            (
                "PP_RELEASE_STAGING_INCLUDE_INDEXES",
                "CUTOVER_STAGING_INCLUDE_INDEXES"
            ),
            ("PP_RELEASE_STAGING_INCLUDE_FKS", "CUTOVER_STAGING_INCLUDE_FKS"),
            ("PP_IMPORT_ONLY", "CUTOVER_IMPORT_ONLY"),
            ("PP_IMPORT_SKIP", "CUTOVER_IMPORT_SKIP"),
            ("PP_IMPORT_SAMPLE", "CUTOVER_IMPORT_SAMPLE"),
            (
                "PP_IMPORT_CHECKPOINTS_DISABLE",
                "CUTOVER_IMPORT_CHECKPOINTS_DISABLE"
            ),
            (
                "PP_IMPORT_PROGRESS_NOTIFICATIONS",
                "CUTOVER_IMPORT_PROGRESS_NOTIFICATIONS"
            ),
            ("PP_SLACK_WEBHOOK_URL", "CUTOVER_SLACK_WEBHOOK_URL"),
            ("PP_RELEASE_SLACK_PHASE_COMPLETE", "CUTOVER_SLACK_PHASE_COMPLETE"),
            ("PP_RELEASE_LOG_PATH", "CUTOVER_LOG_PATH"),
        ]
    );
}

#[test]
fn every_setting_says_where_it_comes_from() {
    let text = format!(
        "{SMALL}[[import]]\nname = \"sources\"\ninto = \"sources\"\nfrom = \"portal_sources\"\n\
         [notify.slack]\nwebhook = \"https://hooks.example/hunter2\"\n[swap]\nprewarm = true\n"
    );
    let variables = |name: &str| {
        let set = [
            ("PP_RELEASE_STAGING_LIGHTWEIGHT", "false"),
            ("CUTOVER_PREWARM", "false"),
            ("PP_IMPORT_SAMPLE", "7"),
            ("CUTOVER_IMPORT_SAMPLE", ""),
            ("CUTOVER_TARGET_URL", "env:LESS"),
        ];
        let found = set.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let mut file = parse(&text);
    let mut flags = Overrides::default();
    flags.target_url = Some(Secret::env("OTHER_URL"));
    let given = flags.or(Overrides::from_variables(variables).unwrap());
    given.apply(&mut file).unwrap();
    let settings = file.settings(&text, &BTreeMap::from([("target.url", "--target")]), variables);
    let shown = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key).unwrap();
        format!("{} from {}", setting.value, setting.origin)
    };
    assert_eq!(shown("release.name"), "\"wdpa\" from line 3");
    assert_eq!(shown("target.url"), "\"env:OTHER_URL\" from --target");
    assert_eq!(
        shown("staging.lightweight"),
        "false from PP_RELEASE_STAGING_LIGHTWEIGHT"
    );
    assert_eq!(shown("swap.prewarm"), "false from CUTOVER_PREWARM");
    assert_eq!(shown("swap.stall_budget"), "\"100ms\" from default");
    assert_eq!(shown("notify.slack.webhook"), "\"***\" from line 13");
    assert_eq!(
        shown("import[\"sources\"].from"),
        "\"portal_sources\" from line 11"
    );
    assert_eq!(shown("CUTOVER_IMPORT_SAMPLE"), "\"7\" from PP_IMPORT_SAMPLE");
}

#[test]
fn settings_of_the_file_have_variables() {
    let file = applied(&[
        ("CUTOVER_RELEASE_LABEL", "%Y-%m"),
        ("CUTOVER_KEEP_BACKUPS", "0"),
        ("CUTOVER_TARGET_URL", "env:OTHER_URL"),
        ("CUTOVER_TARGET_SCHEMA", "live"),
        ("CUTOVER_TARGET_STAGING_SCHEMA", "next"),
        ("CUTOVER_TARGET_BACKUP_SCHEMA", "past"),
        ("CUTOVER_TARGET_POOL_SIZE", "4"),
        ("CUTOVER_PORTAL_URL", "env:PORTAL_URL"),
        ("CUTOVER_SWAP_STALL_BUDGET", "20ms"),
        ("CUTOVER_SWAP_LOCK_BUDGET", "2s"),
        ("CUTOVER_SWAP_DEADLINE", "1min"),
        ("CUTOVER_SWAP_SNAPSHOT_DEADLINE", "1h"),
        ("CUTOVER_STAGING_SEQUENCES", "restart"),
        ("CUTOVER_STAGING_WORKERS", "4"),
        ("CUTOVER_STAGING_MEMORY", "1GB"),
        ("CUTOVER_IMPORT_JOBS", "2"),
        ("CUTOVER_IMPORT_MAX_RATE", "20MB"),
        ("CUTOVER_IMPORT_MAX_STANDBY_LAG", "30s"),
        ("CUTOVER_DISK_FREE", "30GB"),
        ("CUTOVER_DISK_GROWTH", "0.5"),
    ]);
    assert_eq!(file.disk().growth, Some(0.5));
    let mut asked = file.clone();
    let query = overrides(&[("CUTOVER_DISK_FREE_QUERY", "SELECT 1")]).unwrap();
    query.apply(&mut asked).unwrap();
    let both = (file.disk().free.is_some(), asked.disk().free);
    assert_eq!(both, (true, None), "one takes the other's place");
    let rate = file
        .load()
        .max_rate
        .map(cutover_core::release_file::Memory::bytes);
    assert_eq!((file.load().jobs, rate), (2, Some(20 << 20)));
    let lag = cutover_core::release_file::StandbyLag::Time(Duration::from_secs(30));
    assert_eq!(file.load().max_standby_lag, Some(lag));
    let memory = file
        .staging()
        .memory
        .map(cutover_core::release_file::Memory::bytes);
    assert_eq!((file.staging().workers, memory), (4, Some(1 << 30)));
    assert_eq!(file.release().labels.format(), "%Y-%m");
    assert_eq!(
        (file.release().keep_backups, file.target().pool_size),
        (0, Some(4))
    );
    assert_eq!(file.target().url.to_string(), "env:OTHER_URL");
    assert_eq!(file.target().schema.as_str(), "live");
    let apart = [&file.target().staging_schema, &file.target().backup_schema];
    assert_eq!(
        apart.map(|schema| schema.as_ref().unwrap().as_str()),
        ["next", "past"]
    );
    let portal = file.portal().unwrap();
    assert_eq!(portal.url.as_ref().unwrap().variable(), Some("PORTAL_URL"));
    assert!(!portal.user_mapping, "one of the two");
    assert_eq!(file.swap().stall_budget, Duration::from_millis(20));
    assert_eq!(file.swap().snapshot_deadline, Duration::from_hours(1));
}

/// Each key in the list of variables is a key of the file, and setting its variable changes the file.
#[test]
fn every_variable_with_a_key_changes_that_key() {
    let candidates = [
        "false", "true", "restart", "refuse", "ignore", "7", "3s", "7_x", "3GB", "c@d",
    ];
    let base = parse(&format!(
        "{SMALL}[notify.slack]\nwebhook = \"env:A\"\n[notify.mail]\nto = [\"a@b\"]\nfrom = \"a@b\""
    ));
    let before = toml::Table::try_from(&base).unwrap();
    for variable in VARIABLES.iter().filter(|variable| variable.key.is_some()) {
        let key = variable.key.unwrap();
        let changed = candidates.iter().any(|candidate| {
            let mut file = base.clone();
            let Ok(overrides) = overrides(&[(variable.name, candidate)]) else {
                return false;
            };
            if overrides.apply(&mut file).is_err() {
                return false;
            }
            let after = toml::Table::try_from(&file).unwrap();
            look_up(&before, key) != look_up(&after, key)
        });
        assert!(changed, "{} does not change {key}", variable.name);
    }
}

fn look_up<'t>(table: &'t toml::Table, key: &str) -> Option<&'t toml::Value> {
    let (head, rest) = key.split_once('.').unwrap_or((key, ""));
    let value = table.get(head)?;
    if rest.is_empty() {
        Some(value)
    } else {
        look_up(value.as_table()?, rest)
    }
}

#[test]
fn the_documented_table_is_the_real_one() {
    let documented = include_str!("../../../src/release_file/docs.md");
    let cell = |text: Option<&str>| text.map_or("—".to_owned(), |text| format!("`{text}`"));
    for variable in VARIABLES {
        let row = format!(
            "| `{}` | {} | {} |",
            variable.name,
            cell(variable.alias),
            cell(variable.key)
        );
        assert!(documented.lines().any(|line| line == row), "missing: {row}");
    }
    assert_eq!(
        documented.lines().filter(|line| line.starts_with("| `")).count(),
        VARIABLES.len()
    );
}

#[test]
fn unreadable_variables_are_all_named() {
    let error = overrides(&[
        ("CUTOVER_DRY_RUN", "perhaps"),
        ("PP_IMPORT_SAMPLE", "many"),
        ("CUTOVER_KEEP_BACKUPS", "-1"),
        ("PP_RELEASE_START_AT", "preflght"),
        ("CUTOVER_ONLY_PHASES", "preflight,x"),
        ("CUTOVER_SWAP_DEADLINE", "soon"),
        ("CUTOVER_TARGET_SCHEMA", &"x".repeat(64)),
        ("CUTOVER_STAGING_SEQUENCES", "reset"),
        ("CUTOVER_TARGET_URL", "env:"),
    ])
    .unwrap_err();
    insta::assert_snapshot!(error, @r#"
environment variable `PP_RELEASE_START_AT`: "preflght" is no phase; did you mean `preflight`? The phases are: acquire_lock, refresh_views, preflight, build_staging, import_core, import_related, validate_and_manifest, finalise_swap, post_swap, cleanup_and_retention, release_lock
environment variable `CUTOVER_ONLY_PHASES`: "x" is no phase; did you mean `preflight`? The phases are: acquire_lock, refresh_views, preflight, build_staging, import_core, import_related, validate_and_manifest, finalise_swap, post_swap, cleanup_and_retention, release_lock
environment variable `CUTOVER_DRY_RUN`: "perhaps" is neither `true` nor `false`
environment variable `CUTOVER_STAGING_SEQUENCES`: unknown variant `reset`, expected `continue` or `restart`
environment variable `PP_IMPORT_SAMPLE`: "many" is no whole number (invalid digit found in string)
environment variable `CUTOVER_KEEP_BACKUPS`: "-1" is no whole number (invalid digit found in string)
environment variable `CUTOVER_TARGET_URL`: `env:` must be followed by the name of an environment variable
environment variable `CUTOVER_TARGET_SCHEMA`: the name "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" has 64 bytes, PostgreSQL keeps 63
environment variable `CUTOVER_SWAP_DEADLINE`: "soon" is no length of time; write it like `100ms`, `30s`, `10min`, `1h` or `60d`
"#);
}

#[test]
fn overrides_have_to_fit_the_file() {
    let refused = |variables: &[(&str, &str)]| {
        let mut file = parse(&format!(
            "{SMALL}[[import]]\nname = \"sources\"\ninto = \"sources\"\nfrom = \"v\""
        ));
        let before = file.clone();
        let error = overrides(variables).unwrap().apply(&mut file).unwrap_err();
        assert_eq!(file, before, "a refused override changes nothing");
        error.to_string()
    };
    insta::assert_snapshot!(refused(&[("CUTOVER_IMPORT_ONLY", "sorces")]), @"no import is named `sorces`; did you mean `sources`?");
    insta::assert_snapshot!(refused(&[("CUTOVER_IMPORT_SKIP", "x")]), @"no import is named `x`; the imports are: `sources`");
    insta::assert_snapshot!(refused(&[("CUTOVER_SWAP_DEADLINE", "10ms"), ("CUTOVER_RELEASE_LABEL", "a b")]), @r#"
release file with flags and variables applied: `release.label`: the label "a b" is not allowed; use 1 to 63 letters, digits, `.`, `_` and `-`, starting with a letter or digit
release file with flags and variables applied: `swap.deadline`: must not be shorter than `swap.stall_budget`
"#);
}
