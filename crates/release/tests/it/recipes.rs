//! The recipes of `docs/hooks.md`, as they stand there, in real releases and rollbacks: against a real Redis and a real PgBouncer,
//! and against servers of a few lines that answer as the documentation of Elasticsearch and S3 says.

pub(crate) mod pgbouncer;
mod redis;
mod search;
mod server;
mod store;
mod wire;

use std::collections::BTreeMap;

use cutover::{HookOutcome, HookReport, RollbackOptions, StopSignal};
use cutover_core::Events;
use cutover_testkit::TestDatabase;
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::parks::Parks;
use crate::world::swap_what_is_staged;
use pgbouncer::PgBouncer;
use redis::Redis;
use search::Search;
use store::Store;

const DOCUMENT: &str = include_str!("../../../../docs/hooks.md");

/// The snippets of the document, and what it says a rollback needs: each once more at `post_rollback`, under a name of its own.
fn recipes() -> String {
    let snippets: Vec<&str> = DOCUMENT
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect();
    assert_eq!(snippets.len(), 5, "a recipe without its test?");
    let snippets = snippets.concat();
    let twins: String = snippets
        .replace("\"post_swap\"", "\"post_rollback\"")
        .lines()
        .map(|line| match line.strip_prefix("name ") {
            Some(_) => format!("{}-again\"\n", line.trim_end_matches('"')),
            None => format!("{line}\n"),
        })
        .collect();
    snippets + &twins
}

/// What a session hears that listens, with what is live at that moment.
async fn listen(database: &TestDatabase) -> mpsc::UnboundedReceiver<(String, String)> {
    let (client, mut connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    let (tells, told) = mpsc::unbounded_channel();
    let asks = database.connect().await.unwrap();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(|context| connection.poll_message(context)).boxed();
        while let Some(Ok(message)) = messages.next().await {
            let AsyncMessage::Notification(message) = message else {
                continue;
            };
            let live = asks
                .query_one("SELECT min(left(name, 7)) FROM sites", &[])
                .await
                .unwrap();
            let text = format!("{} {}", message.channel(), message.payload());
            if tells.send((text, live.get(0))).is_err() {
                break;
            }
        }
    });
    client.batch_execute("LISTEN pgrst; LISTEN tiles").await.unwrap();
    // The session is to live as long as its connection.
    std::mem::forget(client);
    told
}

#[track_caller]
fn assert_all_succeeded(reports: &[HookReport]) {
    assert_eq!(reports.len(), 6, "{reports:#?}");
    for report in reports {
        assert_eq!(report.outcome, HookOutcome::Done, "{report:#?}");
    }
}

#[tokio::test]
async fn every_recipe_does_what_the_document_says() {
    let parks = Parks::staged().await;
    let redis = Redis::start().await;
    let bouncer = PgBouncer::before(&parks.database).await;
    let search = Search::start(&["parks-jan2026", "parks-feb2026"]).await;
    let store = Store::start(&["generated/a b.zip", "generated/ü.csv", "kept/a.zip"]).await;
    std::fs::write(parks.directory().join("s3.cfg"), store.settings()).unwrap();
    let variables = [
        ("REDIS_URL", redis.url()),
        ("PGBOUNCER_ADMIN_URL", bouncer.admin_url()),
        ("SEARCH_ALIASES_URL", search.url()),
        ("SEARCH_TOKEN", "ApiKey 0123456789".to_owned()),
    ];
    let cutover = parks.with_variables(&recipes(), &variables);

    search.point("parks", "parks-jan2026");
    let fill = || async {
        let keys: Vec<String> = (0..1200).map(|n| format!("parks:tile {n}")).collect();
        redis.set(&keys).await;
        redis.set(&["other:1".to_owned()]).await;
    };
    fill().await;
    let mut notified = listen(&parks.database).await;
    let before = bouncer.server_process().await;

    let release = {
        let cutover = cutover.clone();
        let options = swap_what_is_staged().hold(true);
        tokio::spawn(async move {
            cutover
                .release(&options, StopSignal::never(), &Events::none())
                .await
        })
    };
    parks
        .until("SELECT count(*) > 0 FROM cutover.event WHERE kind = 'held'")
        .await;
    // Everything is ready, and nobody has been told.
    assert!(notified.try_recv().is_err());
    assert_eq!(
        (search.indexes_of("parks"), redis.keys().await),
        (vec!["parks-jan2026".to_owned()], 1201)
    );
    parks.cutover.go().await.unwrap();
    assert_all_succeeded(&release.await.unwrap().unwrap().hooks);

    assert_eq!(redis.keys().await, 1, "what is not the release's stays");
    assert_ne!(bouncer.server_process().await, before, "a new connection");
    let heard = [notified.recv().await.unwrap(), notified.recv().await.unwrap()];
    let heard_after = |live: &str| {
        [
            ("pgrst reload schema".to_owned(), live.to_owned()),
            (format!("tiles {live}"), live.to_owned()),
        ]
    };
    assert_eq!(heard, heard_after("Feb2026"));
    assert_eq!(search.indexes_of("parks"), ["parks-feb2026"]);
    assert_eq!(store.keys(), ["kept/a.zip"]);

    // And back.
    fill().await;
    let before = bouncer.server_process().await;
    let report = parks
        .roll_back(&cutover, &RollbackOptions::default())
        .await
        .unwrap();
    assert_all_succeeded(&report.hooks);
    assert_eq!(redis.keys().await, 1);
    assert_ne!(bouncer.server_process().await, before);
    assert_eq!(
        [notified.recv().await.unwrap(), notified.recv().await.unwrap()],
        heard_after("Jan2026")
    );
    assert_eq!(search.indexes_of("parks"), ["parks-jan2026"]);

    // Everything is down: the release goes live all the same, and says what was not done.
    drop((redis, bouncer, store));
    let report = parks
        .roll_back(&cutover, &RollbackOptions::default())
        .await
        .unwrap();
    assert_eq!(search.indexes_of("parks"), ["parks-feb2026"]);
    search.forget("parks-jan2026");
    let failed: BTreeMap<&str, bool> = report
        .hooks
        .iter()
        .map(|report| (report.hook.as_str(), report.outcome == HookOutcome::Failed))
        .collect();
    let expected = [
        ("clear-cache-again", true),
        ("move-alias-again", false),
        ("reconnect-again", true),
        ("reload-postgrest-again", false),
        ("remove-downloads-again", true),
        ("tell-the-map-again", false),
    ];
    assert_eq!(failed, BTreeMap::from(expected));
    let report = parks
        .roll_back(&cutover, &RollbackOptions::default())
        .await
        .unwrap();
    let alias = report
        .hooks
        .iter()
        .find(|report| report.hook == "move-alias-again")
        .unwrap();
    assert_eq!(alias.outcome, HookOutcome::Failed);
    assert!(alias.output.contains("index_not_found_exception"), "{alias:?}");
}
