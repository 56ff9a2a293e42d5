//! Help, and arguments and release files that make no sense.

use crate::command::{Ended, RELEASE_FILE, Workplace};

#[track_caller]
fn refused(ended: &Ended, says: &[&str]) {
    assert_eq!(ended.status, 2, "{ended:#?}");
    assert_eq!(ended.stdout, "");
    for text in says {
        assert!(
            ended.stderr.contains(text),
            "{text:?} is missing from\n{}",
            ended.stderr
        );
    }
}

#[test]
fn the_help_tells_commands_statuses_and_variables() {
    let ended = Workplace::empty().run(&["--help"]);
    assert_eq!(ended.status, 0);
    insta::assert_snapshot!(ended.stdout);
}

#[test]
fn the_help_of_a_release_tells_its_flags() {
    let ended = Workplace::empty().run(&["release", "-h"]);
    assert_eq!(ended.status, 0);
    insta::assert_snapshot!(ended.stdout);
}

#[test]
fn the_settings_are_told_with_where_they_come_from() {
    let workplace = Workplace::with_file(RELEASE_FILE);
    let mut command = workplace.command(&["config", "--target", "postgresql://ann:hunter2@db/parks"]);
    command.env("PP_RELEASE_STAGING_LIGHTWEIGHT", "no");
    let ended: Ended = command.output().unwrap().into();
    assert_eq!(ended.status, 0, "{ended:#?}");
    insta::assert_snapshot!(ended.stdout);
    let ended = workplace.run(&["config", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let settings = document["config"]["settings"].as_array().unwrap();
    let find = |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap();
    assert_eq!(find("release.name")["origin"], serde_json::json!({ "line": 3 }));
    assert_eq!(find("swap.hold")["origin"], "default");
}

#[test]
fn an_unknown_flag_is_refused_with_the_nearest() {
    let ended = Workplace::empty().run(&["release", "--dryrun"]);
    refused(&ended, &["unexpected argument '--dryrun'", "--dry-run"]);
}

/// Taken for UTC it would let the release go live hours early or late.
#[test]
fn a_time_zone_that_does_not_exist_is_refused() {
    let workplace = Workplace::with_file(RELEASE_FILE);
    let run = |moment: &str| -> Ended {
        let mut command = workplace.command(&["release", "--not-before", moment]);
        command.env("TZ", "Mars/Phobos").output().unwrap().into()
    };
    refused(
        &run("2099-11-21 22:00"),
        &["TZ is \"Mars/Phobos\"", "set TZ to the name of a time zone"],
    );
    // A moment with an offset asks for no zone: what is missing then is the database's URL.
    let exact = run("2099-11-21T22:00+01:00").stderr;
    assert!(exact.contains("DATABASE_URL") && !exact.contains("TZ"), "{exact}");
}

#[test]
fn an_unknown_phase_is_refused_with_the_nearest() {
    let ended = Workplace::with_file(RELEASE_FILE).run(&["release", "--stop-after", "validate"]);
    refused(&ended, &["\"validate\" is no phase; did you mean `"]);
}

#[test]
fn arguments_that_make_no_sense_are_a_document_with_json() {
    let ended = Workplace::empty().run(&["--json", "publish"]);
    assert_eq!(ended.status, 2);
    let document = ended.document();
    assert_eq!(document["error"]["class"], "usage");
    assert_eq!(document["error"]["exit_status"], 2);
    assert!(
        document["error"]["message"].as_str().unwrap().contains("publish"),
        "{document}"
    );
}

#[test]
fn without_a_release_file_there_is_a_remedy() {
    let ended = Workplace::empty().run(&["status"]);
    assert_eq!(ended.status, 2);
    insta::assert_snapshot!(ended.stderr, @r"
    error: there is no release file: neither release.toml nor cutover.toml exists here
      remedy: name one with --file or CUTOVER_FILE
    ");
}

#[test]
fn a_release_file_that_is_not_there_is_named_with_the_cause() {
    let ended = Workplace::empty().run(&["status", "--file", "none.toml"]);
    assert_eq!(ended.status, 2);
    insta::assert_snapshot!(ended.stderr, @r"
    error: could not read the release file none.toml
      caused by: No such file or directory (os error 2)
      remedy: check the path given with --file or CUTOVER_FILE
    ");
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest() {
    let ended = Workplace::with_file(&RELEASE_FILE.replace("min_rows", "min_row")).run(&["status"]);
    refused(
        &ended,
        &["release.toml:27:", "min_row", "did you mean `min_rows`?"],
    );
}

#[test]
fn a_variable_that_the_file_asks_for_must_be_set() {
    let ended = Workplace::with_file(RELEASE_FILE).run(&["status"]);
    refused(
        &ended,
        &["`DATABASE_URL`", "`target.url`", "remedy: set the variable"],
    );
}

#[test]
fn a_variable_that_cannot_be_read_is_named() {
    let workplace = Workplace::with_file(RELEASE_FILE);
    let ended = workplace
        .command(&["release"])
        .env("PP_IMPORT_SAMPLE", "many")
        .output()
        .unwrap()
        .into();
    refused(
        &ended,
        &["PP_IMPORT_SAMPLE", "\"many\"", "remedy: correct the variable"],
    );
}

#[test]
fn a_label_that_does_not_match_is_refused_before_anything_is_connected() {
    let workplace = Workplace::with_file(RELEASE_FILE).at("postgresql://nobody@127.0.0.1:1/none");
    let ended = workplace.run(&["release", "not/a/label"]);
    refused(&ended, &["not/a/label"]);
    let ended = workplace.run(&["release", "September"]);
    refused(&ended, &["the label `September`", "remedy:"]);
}

#[test]
fn phases_that_cannot_work_together_are_refused() {
    let workplace = Workplace::with_file(RELEASE_FILE).at("postgresql://nobody@127.0.0.1:1/none");
    let ended = workplace.run(&["release", "--only", "import_core,finalise_swap"]);
    refused(
        &ended,
        &["cannot run finalise_swap without validate_and_manifest"],
    );
}

#[test]
fn an_unknown_importer_is_refused_with_those_there_are() {
    let workplace = Workplace::with_file(RELEASE_FILE).at("postgresql://nobody@127.0.0.1:1/none");
    let ended = workplace.run(&["release", "--only-importer", "site"]);
    refused(&ended, &["`site`", "sites"]);
}

#[test]
fn completions_and_the_manual_come_from_the_same_definition() {
    let workplace = Workplace::empty();
    for (arguments, says) in [
        (&["completions", "bash"][..], "--only-importer"),
        (&["man"], "rollback"),
    ] {
        let ended = workplace.run(arguments);
        assert_eq!(ended.status, 0, "{ended:#?}");
        assert!(ended.stdout.replace('\\', "").contains(says), "{}", ended.stdout);
    }
}
