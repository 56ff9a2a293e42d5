//! Hooks: what they are told, what they may stop, and what becomes of those that fail.

pub(crate) mod server;

use std::path::Path;

use cutover::{
    Cutover, FailureClass, HookOutcome, HookReport, ReleaseError, ReleaseOptions, RollbackOptions, Selection,
    StopReason, StopSignal, stop_pair,
};
use cutover_core::release_file::{HookPoint, Label};
use cutover_core::{EventKind, Events, Phase, Stamp};
use regex::Regex;
use serde_json::Value;

use crate::manifest_schema::assert_fits_schema;
use crate::parks::Parks;
use crate::world::{Ear, redact, swap_what_is_staged, told, wait_until};
use server::{Answer, Server};

fn feb2026() -> ReleaseOptions {
    ReleaseOptions::default().label(Label::new("Feb2026").unwrap())
}

/// A hook with a command for the shell.
fn shell(name: &str, on: &str, script: &str, more: &str) -> String {
    format!("[[hook]]\nname = \"{name}\"\non = \"{on}\"\ncommand = [\"sh\", \"-c\", '{script}']\n{more}\n")
}

fn http(name: &str, on: &str, server: &Server, more: &str) -> String {
    let url = &server.url;
    format!(
        "[[hook]]\nname = \"{name}\"\non = \"{on}\"\nhttp = {{ url = \"{url}\", headers = {{ Authorization = \"env:TOKEN\" }}, \
         body = '{{\"month\": \"{{{{ month }}}}\", \"facts\": {{{{ facts }}}}}}' }}\n{more}\n"
    )
}

fn sql(name: &str, on: &str, sql: &str, more: &str) -> String {
    format!("[[hook]]\nname = \"{name}\"\non = \"{on}\"\nsql = \"{sql}\"\n{more}\n")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Name, point and outcome of each, in order.
fn outcomes(reports: &[HookReport]) -> Vec<String> {
    let line = |report: &HookReport| {
        let phase = report.phase.map(|phase| format!(" {phase}")).unwrap_or_default();
        let outcome = format!("{:?}", report.outcome).to_lowercase();
        format!("{} {}{phase}: {outcome}", report.hook, report.point)
    };
    reports.iter().map(line).collect()
}

/// A hook of each kind, and one at each point.
fn one_of_each(server: &Server) -> String {
    let keep = "cat > $CUTOVER_HOOK.json; env | grep ^CUTOVER_ | sort > $CUTOVER_HOOK.env; echo done; echo $PGPASSWORD";
    [
        shell("begin", "started", keep, "required = true"),
        shell(
            "checked",
            "phase_complete",
            keep,
            "phases = [\"validate_and_manifest\", \"post_swap\"]\nrequired = true",
        ),
        shell("live", "post_swap", keep, ""),
        http("search", "post_swap", server, ""),
        sql(
            "rows",
            "post_swap",
            "INSERT INTO told SELECT current_setting('cutover.facts')::jsonb; NOTIFY cutover, '{{ label }}'",
            "",
        ),
        shell("back", "post_rollback", keep, ""),
        shell("never", "failed", keep, ""),
    ]
    .join("\n")
}

#[tokio::test]
async fn they_are_told_of_the_release_at_their_points() {
    let parks = Parks::staged().await;
    parks
        .database
        .execute("CREATE TABLE told (facts jsonb)")
        .await
        .unwrap();
    let server = Server::answering(&[
        Answer::Status("500 Internal Server Error"),
        Answer::Status("503 Service Unavailable"),
        Answer::Status("200 OK"),
    ])
    .await;
    let cutover = parks.with(&one_of_each(&server));
    let plan = cutover.plan().await.unwrap().to_string();
    let hooks: Vec<&str> = plan.lines().filter(|line| line.starts_with("-- hook")).collect();
    insta::assert_snapshot!(hooks.join("\n"), @"
    -- hook begin at started: command sh -c cat > $CUTOVER_HOOK.json; env | grep ^CUTOVER_ | sort …; can stop the release
    -- hook checked at phase_complete of validate_and_manifest: command sh -c cat > $CUTOVER_HOOK.json; env | grep ^CUTOVER_ | sort …; can stop the release
    -- hook live at post_swap: command sh -c cat > $CUTOVER_HOOK.json; env | grep ^CUTOVER_ | sort …
    -- hook search at post_swap: POST ***
    -- hook rows at post_swap: SQL INSERT INTO told SELECT current_setting('cutover.facts')::js…
    -- hook checked at phase_complete of post_swap: command sh -c cat > $CUTOVER_HOOK.json; env | grep ^CUTOVER_ | sort …
    -- hook never at failed: command sh -c cat > $CUTOVER_HOOK.json; env | grep ^CUTOVER_ | sort …
    ");

    let ear = Ear::default();
    let options = feb2026().discard_staging();
    let report = cutover
        .release(&options, StopSignal::never(), &ear.events())
        .await
        .unwrap();
    assert_eq!(parks.whole().await, "Feb2026");
    assert_eq!(
        outcomes(&report.hooks),
        [
            "begin started: done",
            "checked phase_complete validate_and_manifest: done",
            "live post_swap: done",
            "search post_swap: done",
            "rows post_swap: done",
            "checked phase_complete post_swap: done",
        ]
    );
    // What was to be said before it was written.
    let manifest = report.manifest.unwrap();
    assert_fits_schema(&manifest);
    assert_eq!(outcomes(&manifest.hooks), ["begin started: done"]);
    let phases: Vec<Phase> = manifest.phases.iter().map(|took| took.phase).collect();
    assert_eq!(phases, Phase::ALL[..6], "all before it, in their order");
    assert!(
        manifest.extensions.contains_key("plpgsql"),
        "{:?}",
        manifest.extensions
    );
    // The password was in the environment that the commands got.
    assert_eq!(report.hooks[0].output, "done\n***");
    assert_eq!(report.hooks[3].output, "so");

    let backup = report.swap.unwrap().backup;
    assert_told_in_full(&parks, &backup, report.release);
    let begun = read(&parks.directory().join("begin.env"));
    assert!(!begun.contains("CUTOVER_BACKUP"), "{begun}");
    // The last time, it was after the phase post_swap.
    let checked = read(&parks.directory().join("checked.env"));
    assert!(checked.contains("CUTOVER_PHASE=post_swap\n"), "{checked}");
    let told = parks
        .text("SELECT (facts->>'hook') || (facts->>'label') FROM told")
        .await;
    assert_eq!(told, "rowsFeb2026");
    assert_asked_three_times(&server);

    // Events and the record tell of them, and keep no secret.
    let heard = ear.heard();
    let count = |is: fn(&EventKind) -> bool| heard.iter().filter(|event| is(event)).count();
    assert_eq!(count(|event| matches!(event, EventKind::HookStarted { .. })), 6);
    assert_eq!(count(|event| matches!(event, EventKind::HookFinished { .. })), 6);
    let recorded = parks
        .text(
            "SELECT count(*) FILTER (WHERE kind = 'hook_finished') || ' ' || count(*) FILTER (WHERE payload::text ~ \
             'swordfish|0123456789') FROM cutover.event",
        )
        .await;
    assert_eq!(recorded, "6 0");

    let planned = cutover
        .plan_rollback(&backup, &RollbackOptions::default())
        .await
        .unwrap();
    assert!(
        planned
            .to_string()
            .starts_with("-- hook back at post_rollback: command sh"),
        "{planned}"
    );
    let back = cutover
        .rollback(
            &backup,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    assert_eq!(outcomes(&back.hooks), ["back post_rollback: done"]);
    let facts: Value = serde_json::from_str(&read(&parks.directory().join("back.json"))).unwrap();
    assert_eq!(facts["restored"], backup.as_str());
    assert_eq!(facts["backup"], back.swap.backup.as_str());
    assert_eq!(parks.whole().await, "Jan2026");
}

/// By a command that was run when the release was live, and kept what it was told.
#[track_caller]
fn assert_told_in_full(parks: &Parks, backup: &Stamp, release: i64) {
    let facts: Value = serde_json::from_str(&read(&parks.directory().join("live.json"))).unwrap();
    assert_eq!(
        (&facts["hook"], &facts["point"]),
        (&"live".into(), &"post_swap".into())
    );
    assert_eq!(facts["manifest"]["relations"]["sites"]["rows"], 60);
    assert_eq!(facts["swap"]["backup"], backup.as_str());
    let variables = read(&parks.directory().join("live.env"));
    let expected = format!(
        "CUTOVER_BACKUP={backup}\nCUTOVER_EXCLUSIVE_MS={}\nCUTOVER_HOOK=live\nCUTOVER_LABEL=Feb2026\n\
         CUTOVER_POINT=post_swap\nCUTOVER_RELEASE={}\nCUTOVER_RELEASE_SET=parks\n",
        facts["swap"]["exclusive_ms"], release
    );
    assert_eq!(variables, expected);
}

/// The first two times in vain.
#[track_caller]
fn assert_asked_three_times(server: &Server) {
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert!(
            request.starts_with("POST /hooks/0123456789abcdef HTTP/1.1\r\n"),
            "{request}"
        );
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(head.contains("authorization: bearer 0123456789"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&body["month"], &body["facts"]["hook"]),
            (&"Feb2026".into(), &"search".into())
        );
    }
}

/// One of every way to fail, each with what is told of it when it is required before the swap, and when it comes after it.
#[tokio::test]
async fn before_the_swap_a_required_one_stops_the_release_and_after_it_none_does() {
    let parks = Parks::staged().await;
    parks.database.execute("CREATE TABLE busy ()").await.unwrap();
    let holder = parks.database.connect().await.unwrap();
    holder
        .batch_execute("BEGIN; LOCK TABLE busy IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let soon = "timeout = \"400ms\"";
    let (closes, hangs, gone) = tokio::join!(
        Server::answering(&[Answer::Close]),
        Server::answering(&[Answer::Hang]),
        Server::answering(&[Answer::Status("410 Gone")]),
    );
    let ways = |on: &str, more: &str| {
        let soon = format!("{soon}\n{more}");
        vec![
            shell("exits", on, "echo no such $0; echo $PGPASSWORD >&2; exit 3", more),
            shell("killed", on, "kill -9 $$", more),
            shell("hangs", on, "sleep 1000 & echo $! > background; wait", &soon),
            shell("loud", on, "yes swordfish | head -c 3000000; exit 1", more),
            format!("[[hook]]\nname = \"none\"\non = \"{on}\"\ncommand = [\"bin/none\"]\n{more}\n"),
            sql("fails", on, "CREATE TABLE half (); SELECT 1 / 0", more),
            sql("waits", on, "SELECT count(*) FROM busy", &soon),
            http("closes", on, &closes, &format!("timeout = \"2s\"\n{more}")),
            http("silent", on, &hangs, &soon),
            http("gone", on, &gone, more),
        ]
    };
    let mut all = String::new();
    let tries = Regex::new(r", \d+ times").unwrap();
    for way in ways("started", "required = true") {
        let error = parks.go_live(&parks.with(&way)).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Vetoed, "{error}");
        let text = told(&error);
        let text = text.split("\nremedy: ").next().unwrap();
        let text = tries.replace(text, ", several times");
        // How much `yes` had written into its pipe is chance.
        let lines: Vec<&str> = text.lines().filter(|line| *line != "***").collect();
        all.push_str(&lines.join("\n"));
        all.push('\n');
    }
    insta::assert_snapshot!(all, @"
    Vetoed: the required hook `exits` (command sh -c echo no such $0; echo $PGPASSWORD >&2; exit 3) stopped the release at started: it ended with exit status 3; it said:
    no such sh
    Vetoed: the required hook `killed` (command sh -c kill -9 $$) stopped the release at started: it was ended by signal 9
    Vetoed: the required hook `hangs` (command sh -c sleep 1000 & echo $! > background; wait) stopped the release at started: it was not done within 400ms and was stopped
    Vetoed: the required hook `loud` (command sh -c yes *** | head -c 3000000; exit 1) stopped the release at started: it ended with exit status 1; it said:
    [2991840 bytes before] ***
    Vetoed: the required hook `none` (command bin/none) stopped the release at started: the program could not be started: No such file or directory (os error 2)
    Vetoed: the required hook `fails` (SQL CREATE TABLE half (); SELECT 1 / 0) stopped the release at started: the statement failed: division by zero (SQLSTATE 22012)
    Vetoed: the required hook `waits` (SQL SELECT count(*) FROM busy) stopped the release at started: it was not done within 400ms and was stopped
    Vetoed: the required hook `closes` (POST ***) stopped the release at started: 127.0.0.1:[port] could not be reached: connection closed before message completed, several times
    Vetoed: the required hook `silent` (POST ***) stopped the release at started: 127.0.0.1:[port] could not be reached: operation timed out
    Vetoed: the required hook `gone` (POST ***) stopped the release at started: 127.0.0.1:[port] answered 410 Gone; it said:
    so
    ");
    assert_eq!(
        parks.text("SELECT name FROM sites WHERE id = 1").await,
        "Jan2026 site 1"
    );

    let after = ways("post_swap", "").join("\n");
    let report = parks.go_live(&parks.with(&after)).await.unwrap();
    assert_eq!(report.hooks.len(), 10);
    assert!(
        report
            .hooks
            .iter()
            .all(|hook| hook.outcome == HookOutcome::Failed),
        "{:?}",
        outcomes(&report.hooks)
    );
    // Nothing of a transaction that failed stays, and of a program that was killed nothing runs.
    assert_eq!(
        parks.text("SELECT (to_regclass('half') IS NULL)::text").await,
        "true"
    );
    let background = read(&parks.directory().join("background"));
    wait_until("the whole process group is killed", async || {
        !runs(background.trim())
    })
    .await;
    drop(holder);
    for server in [closes, hangs, gone] {
        assert!(server.requests().len() >= 2);
    }
    assert_eq!(parks.whole().await, "Feb2026");
}

/// Whether a process runs; one that is dead and not yet waited for does not.
fn runs(process: &str) -> bool {
    let stat = read(Path::new(&format!("/proc/{process}/stat")));
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

/// Staging is ready by then: taking it up must not be a way around the hook that said no.
#[tokio::test]
async fn one_that_said_no_after_validation_is_asked_again() {
    let parks = Parks::staged().await;
    let hook = shell(
        "approved",
        "phase_complete",
        "test -e approval",
        "phases = [\"validate_and_manifest\"]\nrequired = true",
    );
    let cutover = parks.with(&hook);
    let build = feb2026()
        .discard_staging()
        .selection(Selection::all().stop_after(Phase::ValidateAndManifest).unwrap());
    let run = async |options: &ReleaseOptions| {
        cutover
            .release(options, StopSignal::never(), &Events::none())
            .await
    };
    let vetoed = run(&build).await.unwrap_err();
    insta::assert_snapshot!(told(&vetoed), @"
    Vetoed: the required hook `approved` (command sh -c test -e approval) stopped the release at phase_complete of validate_and_manifest: it ended with exit status 1
    remedy: do what it asks for, or mend it; staging is kept and ready: `cutover resume` asks it again and puts it live, `cutover abort` removes it
    ");
    for _ in 0..2 {
        let vetoed = run(&swap_what_is_staged()).await.unwrap_err();
        assert!(matches!(vetoed, ReleaseError::Hook(_)), "{vetoed}");
        assert_eq!(
            parks.text("SELECT name FROM sites WHERE id = 1").await,
            "Jan2026 site 1"
        );
    }
    std::fs::write(parks.directory().join("approval"), "").unwrap();
    let report = run(&swap_what_is_staged()).await.unwrap();
    assert_eq!(
        outcomes(&report.hooks),
        ["approved phase_complete validate_and_manifest: done"]
    );
    assert_eq!(parks.whole().await, "Feb2026");
}

#[tokio::test]
async fn a_dry_run_names_them_and_a_release_that_failed_or_stopped_has_its_own() {
    let parks = Parks::staged().await;
    let file = [
        shell("begin", "started", "touch begun", ""),
        shell(
            "page",
            "failed",
            "printf %s \"$CUTOVER_ERROR\" > page; exit 1",
            "",
        ),
    ]
    .join("\n");
    let options = feb2026().discard_staging();
    let run = async |cutover: &Cutover, options: &ReleaseOptions, stop: StopSignal, events: &Events| {
        cutover.release(options, stop, events).await
    };
    let (cutover, ear) = (parks.with(&file), Ear::default());
    let dry = options.clone().dry_run();
    let report = run(&cutover, &dry, StopSignal::never(), &ear.events())
        .await
        .unwrap();
    assert_eq!(outcomes(&report.hooks), ["begin started: skipped"]);
    assert!(!parks.directory().join("begun").exists());
    let skipped = |event: &EventKind| matches!(event, EventKind::HookSkipped { hook, point: HookPoint::Started, .. } if hook == "begin");
    assert!(ear.heard().iter().any(skipped));

    let gate = "[[validate]]\ntable = \"sites\"\nmin_rows = 1000\n";
    let failing = parks.with(&format!("{gate}{file}"));
    let failed = run(&failing, &options, StopSignal::never(), &Events::none()).await;
    assert_eq!(failed.unwrap_err().class(), FailureClass::Validation);
    let page = read(&parks.directory().join("page"));
    assert_eq!(
        page,
        "1 checks of the new release failed\nsites: 60 rows, at least 1000 wanted"
    );

    // Stopped in the middle of a hook, which is killed with all it has started.
    let hanging = shell(
        "hangs",
        "started",
        "sleep 1000 & echo $! > background; touch hangs; wait",
        "timeout = \"10m\"",
    );
    let hanging = parks.with(&hanging);
    let (stop, signal) = stop_pair();
    let (began, events) = (parks.directory().join("hangs"), Events::none());
    let (outcome, ()) = tokio::join!(run(&hanging, &options, signal, &events), async {
        wait_until("the hook runs", async || began.exists()).await;
        stop.ask();
    });
    let stopped = outcome.unwrap_err();
    assert_eq!(stopped.class(), FailureClass::Stopped, "{stopped}");
    let interrupted = |error: &ReleaseError| {
        matches!(
            error,
            ReleaseError::Stopped {
                reason: StopReason::Interrupted,
                ..
            }
        )
    };
    assert!(interrupted(&stopped), "{stopped:?}");
    let background = read(&parks.directory().join("background"));
    wait_until("the whole process group is killed", async || {
        !runs(background.trim())
    })
    .await;
    assert_eq!(redact(&parks.whole().await), "Jan2026");
}
