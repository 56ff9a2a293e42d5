//! What is told of a release, and receivers that answer late, wrongly or never.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cutover_core::records::ReleaseKind;
use cutover_core::release_file::ReleaseFile;
use cutover_core::{Event, EventKind, Events, Phase, RowsMeasured};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::message::Message;
use super::teller::{Interest, Teller};
use super::{Notifications, NotifyError};

const SECRET: &str = "0123456789abcdef";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
const GONE: &str = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const TOO_MANY: &str =
    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// A receiver that gives one answer a connection, the last one again and again; none hangs.
struct Receiver {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    _accepting: JoinSet<()>,
}

impl Receiver {
    async fn answering(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/services/{SECRET}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut hanging = Vec::new();
            let mut given = 0;
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let Some(answer) = answers.get(given).or(answers.last()) else {
                    hanging.push(socket);
                    continue;
                };
                given += 1;
                let mut request = Vec::new();
                while !is_whole(&request) {
                    socket.read_buf(&mut request).await.unwrap();
                }
                heard.lock().unwrap().push(String::from_utf8(request).unwrap());
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self {
            url,
            requests,
            _accepting: accepting,
        }
    }

    fn bodies(&self) -> Vec<serde_json::Value> {
        let requests = self.requests.lock().unwrap();
        let body =
            |request: &String| serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        requests.iter().map(body).collect()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let line = line.to_ascii_lowercase();
        line.strip_prefix("content-length: ")?.parse::<usize>().ok()
    });
    body.len() >= length.unwrap()
}

/// The channels of a release file's `[notify]`.
fn start(notify: &str, folder: &Path) -> Result<Notifications, NotifyError> {
    let text =
        format!("[release]\nname = \"wdpa\"\ntables = [\"sources\"]\n[target]\nurl = \"env:URL\"\n{notify}");
    let file = ReleaseFile::parse(&text, "release.toml").unwrap();
    let variables = |name: &str| (name == "TOKEN").then(|| format!("Bearer {SECRET}"));
    Notifications::start(file.notify(), folder, variables)
}

fn slack(receiver: &Receiver) -> Notifications {
    let notify = format!("[notify.slack]\nwebhook = \"{}\"\n", receiver.url);
    start(&notify, Path::new("")).unwrap()
}

fn started(operation: ReleaseKind) -> EventKind {
    EventKind::ReleaseStarted {
        release: 7,
        name: "wdpa".into(),
        label: "Sep2025".into(),
        operation,
        live_since: None,
    }
}

fn warning(message: &str) -> EventKind {
    EventKind::Warning {
        message: message.into(),
    }
}

/// A release from its beginning to its end, with everything that is told of one.
fn everything() -> Vec<EventKind> {
    let rows = |relation: &str, live_rows, rows| RowsMeasured {
        relation: relation.into(),
        live_rows,
        rows,
    };
    let moment: Timestamp = "2025-09-01T22:00:00Z".parse().unwrap();
    let backup: cutover_core::Stamp = "2509012201".parse().unwrap();
    let swapped = EventKind::Swapped {
        backup,
        relations: 2,
        attempts: 3,
        exclusive_ms: 12,
    };
    vec![
        EventKind::NotBegun {
            name: "wdpa".into(),
            operation: ReleaseKind::Release,
            label: None,
            error: "could not connect".into(),
            remedy: "start it".into(),
        },
        started(ReleaseKind::Release),
        EventKind::PhaseFinished {
            phase: Phase::Preflight,
            summary: "5 checks <&>".into(),
            took_ms: 1500,
        },
        EventKind::ImportTotals {
            done: 1,
            importers: 5,
            rows: 250_000,
            bytes: 0,
            rows_per_s: 8000,
            bytes_per_s: 0,
            left_ms: Some(754_000),
        },
        EventKind::ImportFinished {
            importer: "sources".into(),
            rows: 700,
            bytes: 0,
            took_ms: 300,
        },
        EventKind::Measured {
            relations: vec![rows("protected_areas", 296_051, 298_114), rows("sources", 0, 700)],
        },
        EventKind::Held {
            release: 7,
            waits_for_go: true,
            not_before: Some(moment),
            staging_bytes: 3 << 30,
        },
        EventKind::StillHeld {
            release: 7,
            waits_for_go: true,
            not_before: None,
            staging_bytes: 3 << 30,
            held_ms: 9_000_000,
        },
        EventKind::Released {
            release: 7,
            go: None,
            held_ms: 9_060_000,
        },
        swapped.clone(),
        warning("a hook\nsaid two lines"),
        EventKind::PhaseFailed {
            phase: Phase::ImportCore,
            error: "the disk is full".into(),
            remedy: "make room, then `cutover resume`".into(),
        },
        EventKind::ReleaseFinished {
            release: 7,
            state: "completed".into(),
        },
        EventKind::NotBegun {
            name: "wdpa".into(),
            operation: ReleaseKind::Rollback,
            label: Some("rollback to 2509012201".into()),
            error: "another release is running".into(),
            remedy: "wait".into(),
        },
        started(ReleaseKind::Rollback),
        EventKind::Measured {
            relations: vec![rows("protected_areas", 298_114, 296_051)],
        },
        swapped,
    ]
}

/// What is told of these, one a minute.
fn told(kinds: Vec<EventKind>) -> Vec<(Message, Interest)> {
    let mut teller = Teller::new(Duration::from_mins(3));
    let mut elapsed_ms = 0;
    let told = kinds.into_iter().filter_map(|kind| {
        elapsed_ms += 60_000;
        let event = Event {
            at: "2025-09-02T00:00:00Z".parse().unwrap(),
            elapsed_ms,
            kind,
        };
        teller.follow(&event)
    });
    told.collect()
}

#[test]
fn people_are_told_in_plain_words() {
    let texts: Vec<String> = told(everything())
        .iter()
        .map(|(message, interest)| format!("{interest:?}: {}", message.slack_text()))
        .collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn programs_are_told_in_documents_of_one_shape() {
    let documents: Vec<serde_json::Value> = told(everything())
        .iter()
        .map(|(message, _)| serde_json::to_value(message).unwrap())
        .collect();
    insta::assert_json_snapshot!(documents);
}

#[test]
fn progress_is_told_at_intervals_from_the_beginning_of_a_phase() {
    let totals = || EventKind::ImportTotals {
        done: 0,
        importers: 2,
        rows: 1,
        bytes: 1,
        rows_per_s: 1,
        bytes_per_s: 1,
        left_ms: None,
    };
    let phase = EventKind::PhaseStarted {
        phase: Phase::ImportCore,
    };
    let mut kinds = vec![started(ReleaseKind::Release), phase.clone()];
    kinds.extend(std::iter::repeat_with(totals).take(7));
    kinds.push(phase);
    kinds.extend(std::iter::repeat_with(totals).take(2));
    // Minutes 5 and 8; the second phase is shorter than the interval.
    assert_eq!(told(kinds).len(), 1 + 2);
}

#[test]
fn a_long_list_of_relations_is_cut_in_texts_only() {
    let relations = (0..1000).map(|n| RowsMeasured {
        relation: format!("t{n}"),
        live_rows: 1,
        rows: 2,
    });
    let measured = EventKind::Measured {
        relations: relations.collect(),
    };
    let held = EventKind::Held {
        release: 7,
        waits_for_go: true,
        not_before: None,
        staging_bytes: 0,
    };
    let (message, _) = told(vec![measured, held]).remove(0);
    assert_eq!(message.text.lines().count(), 2 + 40 + 1);
    assert!(message.text.ends_with("\nand 960 more"));
    let document = serde_json::to_value(&message).unwrap();
    assert_eq!(document["relations"].as_array().unwrap().len(), 1000);
}

#[tokio::test]
async fn every_channel_gets_what_it_asked_for_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (slack, webhook) = (
        Receiver::answering(&[OK]).await,
        Receiver::answering(&[TOO_MANY, OK]).await,
    );
    let sendmail = program(folder.path(), "printf '%s\\n' \"$@\" > args; cat > letter-$$");
    let notify = format!(
        "[notify.slack]\nwebhook = \"{}\"\nphase_complete = true\n\
         [notify.webhook]\nurl = \"{}\"\nheaders = {{ Authorization = \"env:TOKEN\" }}\nimport_progress = true\n\
         [notify.mail]\nto = [\"Équipe “données” <a@example.org>\", \"b@example.org\"]\nfrom = \"c@example.org\"\n\
         sendmail = \"{sendmail}\"\n",
        slack.url, webhook.url
    );
    let notifications = start(&notify, folder.path()).unwrap();
    let events = Events::to(notifications.sink());
    for kind in everything().into_iter().filter(|kind| {
        matches!(
            kind,
            EventKind::ReleaseStarted {
                operation: ReleaseKind::Release,
                ..
            } | EventKind::PhaseFinished { .. }
                | EventKind::ImportFinished { .. }
                | EventKind::Measured { .. }
                | EventKind::Swapped { .. }
        )
    }) {
        events.emit(kind);
    }
    // A listener that is still there is nothing to wait for.
    assert_eq!(notifications.finish().await, Vec::<String>::new());

    let news = |receiver: &Receiver, field: &str| -> Vec<String> {
        let text = |body: &serde_json::Value| body[field].as_str().unwrap().to_owned();
        receiver.bodies().iter().map(text).collect()
    };
    let texts = news(&slack, "text");
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(
        texts[1].starts_with(":heavy_check_mark: *wdpa* Sep2025 preflight is done"),
        "{texts:?}"
    );
    // The first one was asked to come again.
    assert_eq!(
        news(&webhook, "news"),
        ["started", "started", "import_complete", "swapped", "swapped"]
    );
    assert!(webhook.requests.lock().unwrap()[0].contains(&format!("authorization: Bearer {SECRET}\r\n")));

    let args = std::fs::read_to_string(folder.path().join("args")).unwrap();
    assert_eq!(args, "-i\n-f\nc@example.org\n--\na@example.org\nb@example.org\n");
    let mut letters: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("letter-"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    letters.sort_by_key(|letter| letter.contains("is live"));
    let date = regex::Regex::new("(?m)^Date: .*$").unwrap();
    insta::assert_snapshot!(date.replace(&letters[0], "Date: [date]"));
    // Its arrows are no ASCII.
    assert!(
        letters[1].contains("\nContent-Transfer-Encoding: base64\n\n"),
        "{}",
        letters[1]
    );
    assert!(
        letters
            .iter()
            .all(|letter| letter.is_ascii() && letter.lines().all(|line| line.len() < 78))
    );
}

/// A program for a shell, run in its folder.
fn program(folder: &Path, script: &str) -> String {
    let path: PathBuf = folder.join("sendmail");
    std::fs::write(&path, format!("#!/bin/sh\ncd {}\n{script}\n", folder.display())).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Two messages to whoever does not take them; what is said of it in the end, after ten seconds at most, and without a secret.
/// Where nothing else happens the clock goes on at once.
#[track_caller]
fn check_failing(lost: &[String], began: Instant, expected: &[&str]) {
    assert!(
        began.elapsed() <= Duration::from_secs(11),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(lost, expected);
    assert!(!format!("{lost:?}").contains(SECRET));
}

fn two_messages(notifications: &Notifications) {
    let events = Events::to(notifications.sink());
    events.emit(started(ReleaseKind::Release));
    events.emit(warning("second"));
    assert!(!format!("{notifications:?}").contains(SECRET));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_take_a_message_is_named_without_a_secret() {
    let dead = Receiver::answering(&[OK]).await.url;
    let dead = start(&format!("[notify.webhook]\nurl = \"{dead}\""), Path::new("")).unwrap();
    let began = Instant::now();
    two_messages(&dead);
    let lost = dead.finish().await;
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(
        lost[0].starts_with("2 messages were not delivered: the webhook could not be reached: "),
        "{lost:?}"
    );
    check_failing(&lost, began, &[&lost[0]]);

    let folder = tempfile::tempdir().unwrap();
    let mail = |script: &str| {
        let sendmail = program(folder.path(), script);
        let mail = format!("[notify.mail]\nto = [\"a@b\"]\nfrom = \"c@d\"\nsendmail = \"{sendmail}\"");
        start(&mail, folder.path()).unwrap()
    };
    let began = Instant::now();
    let hanging = mail("exec sleep 600");
    two_messages(&hanging);
    let lost = hanging.finish().await;
    check_failing(
        &lost,
        began,
        &["sendmail did not take every message within 10 s of the end"],
    );

    std::fs::remove_file(folder.path().join("sendmail")).unwrap();
    let missing = start(
        "[notify.mail]\nto = [\"a@b\"]\nfrom = \"c@d\"\nsendmail = \"./sendmail\"",
        folder.path(),
    );
    let missing = missing.unwrap();
    two_messages(&missing);
    let lost = missing.finish().await;
    let expected = "2 messages were not delivered: sendmail could not be started: No such file or directory (os error 2)";
    check_failing(&lost, Instant::now(), &[expected]);
}

#[tokio::test]
async fn who_says_no_is_told() {
    let receiver = Receiver::answering(&[GONE]).await;
    let gone = slack(&receiver);
    two_messages(&gone);
    assert_eq!(
        gone.finish().await,
        ["2 messages were not delivered: the Slack webhook answered 410 Gone"]
    );

    let folder = tempfile::tempdir().unwrap();
    let sendmail = program(folder.path(), "exit 75");
    let mail = format!("[notify.mail]\nto = [\"a@b\"]\nfrom = \"c@d\"\nsendmail = \"{sendmail}\"");
    let failing = start(&mail, folder.path()).unwrap();
    two_messages(&failing);
    assert_eq!(
        failing.finish().await,
        ["2 messages were not delivered: sendmail did not take a mail: exit status: 75"]
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_receiver_that_never_answers() {
    let receiver = Receiver::answering(&[]).await;
    let notifications = slack(&receiver);
    let events = Events::to(notifications.sink());
    let began = Instant::now();
    events.emit(started(ReleaseKind::Release));
    // Beside the queue one may be under way.
    for n in 0..200 {
        events.emit(warning(&n.to_string()));
    }
    assert!(began.elapsed().is_zero(), "emitting takes no time");
    let lost = notifications.finish().await;
    assert!(
        began.elapsed() <= Duration::from_secs(11),
        "{:?}",
        began.elapsed()
    );
    let expected = [
        "not delivered: the Slack webhook did not answer within 5 s",
        "137 messages were not delivered: too many were waiting already",
        "the Slack webhook did not take every message within 10 s of the end",
    ];
    for expected in expected {
        assert!(lost.iter().any(|line| line.contains(expected)), "{lost:?}");
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused_without_repeating_it() {
    let refused = [
        format!("[notify.slack]\nwebhook = \"{SECRET}\""),
        format!("[notify.webhook]\nurl = \"ftp://host/{SECRET}\""),
        format!("[notify.webhook]\nurl = \"http://host\"\nheaders = {{ X = \"a\\n{SECRET}\" }}"),
        "[notify.webhook]\nurl = \"env:NOT_SET\"".to_owned(),
    ];
    let errors: Vec<String> = refused
        .iter()
        .map(|notify| start(notify, Path::new("")).unwrap_err().to_string())
        .collect();
    assert_eq!(
        errors,
        [
            "`notify.slack.webhook` is no http or https URL",
            "`notify.webhook.url` is no http or https URL",
            "`notify.webhook.headers.X` is no header",
            "the environment variable `NOT_SET` that `notify.webhook.url` of the release file asks for is not set",
        ]
    );
}
