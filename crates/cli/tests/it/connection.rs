//! Servers that cannot be reached, or do not let us in.

use std::os::unix::fs::PermissionsExt as _;

use cutover_testkit::Cluster;

use crate::command::{RELEASE_FILE, Workplace};

#[test]
fn a_server_that_is_not_there_is_named_with_the_remedy() {
    // Port 1 of this machine: nobody listens there.
    let workplace = Workplace::with_file(RELEASE_FILE).at("postgresql://ann@127.0.0.1:1/parks");
    let ended = workplace.run(&["status"]);
    assert_eq!(ended.status, 3, "{ended:#?}");
    for text in [
        "127.0.0.1:1",
        "user \"ann\"",
        "no server was reached",
        "remedy: is the server running",
    ] {
        assert!(
            ended.stderr.contains(text),
            "{text:?} is missing from\n{}",
            ended.stderr
        );
    }
    let document = workplace.run(&["status", "--json"]).document();
    assert_eq!(document["error"]["class"], "connection");
    assert_eq!(document["error"]["exit_status"], 3);
}

#[test]
fn a_refused_password_is_never_shown() {
    let url = Cluster::shared().url_for("postgres", "hunter2", "postgres");
    let workplace = Workplace::with_file(RELEASE_FILE);
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["status", "-vvv"],
        &["release"],
        &["release", "--json"],
    ] {
        let ended = workplace.run(&[arguments, &["--target", &url]].concat());
        assert_eq!(ended.status, 3, "{ended:#?}");
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(all.contains("password"), "{all}");
        assert!(!all.contains("hunter2"), "{all}");
    }
}

#[test]
fn a_connection_string_that_makes_no_sense_is_not_repeated() {
    let workplace = Workplace::with_file(RELEASE_FILE).at("postgresql://u:hunter2@[::1/db");
    let ended = workplace.run(&["status"]);
    assert_eq!(ended.status, 3, "{ended:#?}");
    assert!(
        ended.stderr.contains("remedy: ") && !ended.stderr.contains("hunter2"),
        "{}",
        ended.stderr
    );
}

/// Nobody watches at night: what could not even begin is told all the same, and who cannot be told changes nothing.
#[test]
fn a_release_that_cannot_begin_is_told_by_mail() {
    let mail = "[notify.mail]\nto = [\"ops@example.org\"]\nfrom = \"cutover@example.org\"\nsendmail = \"./sendmail\"\n";
    let workplace = Workplace::with_file(&format!("{RELEASE_FILE}{mail}"));
    let workplace = workplace.at("postgresql://ann@127.0.0.1:1/parks");
    let ended = workplace.run(&["release"]);
    assert_eq!(ended.status, 3, "{ended:#?}");
    let warning = "a message was not delivered: sendmail could not be started: ";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);

    let sendmail = workplace.path("sendmail");
    std::fs::write(&sendmail, "#!/bin/sh\nexec cat > \"$0.letter\"\n").unwrap();
    std::fs::set_permissions(&sendmail, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(workplace.run(&["release"]).status, 3);
    let letter = std::fs::read_to_string(workplace.path("sendmail.letter")).unwrap();
    for text in [
        "\nSubject: [cutover] parks: could not begin\n",
        "\nparks could not begin: ",
        "\nremedy: is the server running",
    ] {
        assert!(letter.contains(text), "{text:?} is missing from\n{letter}");
    }
}
