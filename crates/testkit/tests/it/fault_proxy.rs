use cutover_testkit::{Cluster, FaultProxy, TestDatabase};
use tokio_postgres::{Client, NoTls};

async fn start() -> (TestDatabase, FaultProxy) {
    let cluster = Cluster::shared();
    let database = cluster.empty_database().await.unwrap();
    let proxy = FaultProxy::start(cluster.host(), cluster.port()).await.unwrap();
    (database, proxy)
}

async fn try_connect(database: &TestDatabase, proxy: &FaultProxy) -> Result<Client, tokio_postgres::Error> {
    let mut config: tokio_postgres::Config = database.url().parse().unwrap();
    let direct = config.get_ports()[0];
    config = database
        .url()
        .replace(&direct.to_string(), &proxy.port().to_string())
        .parse()
        .unwrap();
    let (client, connection) = config.connect(NoTls).await?;
    drop(tokio::spawn(connection));
    Ok(client)
}

#[tokio::test]
async fn what_is_not_cut_passes() {
    let (database, proxy) = start().await;
    let client = try_connect(&database, &proxy).await.unwrap();
    let rows = client
        .query("SELECT repeat('x', 1000) FROM generate_series(1, 5000)", &[])
        .await
        .unwrap();
    assert_eq!(rows.len(), 5000);
    assert!(!proxy.tripped());
}

#[tokio::test]
async fn a_cut_closes_open_connections_and_not_later_ones() {
    let (database, proxy) = start().await;
    let client = try_connect(&database, &proxy).await.unwrap();
    proxy.cut();
    assert!(client.simple_query("SELECT 1").await.is_err());
    assert!(proxy.tripped());
    let client = try_connect(&database, &proxy).await.unwrap();
    client.simple_query("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn refused_connections_fail_and_open_ones_go_on() {
    let (database, proxy) = start().await;
    let client = try_connect(&database, &proxy).await.unwrap();
    proxy.refuse(true);
    assert!(try_connect(&database, &proxy).await.is_err());
    client.simple_query("SELECT 1").await.unwrap();
    proxy.refuse(false);
    try_connect(&database, &proxy).await.unwrap();
}

#[tokio::test]
async fn a_message_whose_answer_is_lost_is_carried_out() {
    let (database, proxy) = start().await;
    database.execute("CREATE TABLE t (x int)").await.unwrap();
    let client = try_connect(&database, &proxy).await.unwrap();
    proxy.cut_after_client_messages(1);
    let error = client.simple_query("INSERT INTO t VALUES (1)").await.unwrap_err();
    assert!(error.is_closed(), "{error}");
    assert!(proxy.tripped());
    // The server is not waited for by the cut, but it commits.
    loop {
        if database.query_text("SELECT count(*) FROM t").await.unwrap() == "1" {
            break;
        }
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT%' AND datname = current_database()";
        let busy = database.query_text(busy).await.unwrap();
        let rows = database.query_text("SELECT count(*) FROM t").await.unwrap();
        assert!(busy != "0" || rows == "1", "the statement was lost");
    }
}

#[tokio::test]
async fn a_lost_message_is_not_carried_out_and_earlier_answers_arrive() {
    let (database, proxy) = start().await;
    database.execute("CREATE TABLE t (x int)").await.unwrap();
    let client = try_connect(&database, &proxy).await.unwrap();
    proxy.cut_before_client_message(1);
    client.simple_query("INSERT INTO t VALUES (1)").await.unwrap();
    client.simple_query("INSERT INTO t VALUES (2)").await.unwrap_err();
    assert!(proxy.tripped());
    assert_eq!(
        database.query_texts("SELECT x FROM t").await.unwrap(),
        [Some("1".to_owned())]
    );
}

#[tokio::test]
async fn the_server_can_be_lost_in_the_middle_of_an_answer() {
    let (database, proxy) = start().await;
    let client = try_connect(&database, &proxy).await.unwrap();
    proxy.cut_after_server_bytes(10_000);
    assert!(
        client
            .query("SELECT repeat('x', 1000) FROM generate_series(1, 5000)", &[])
            .await
            .is_err()
    );
    assert!(proxy.tripped());
}

/// The shape of a sweep: a cut at each message in turn, until the work gets through without one.
#[tokio::test]
async fn a_sweep_over_all_messages_ends() {
    let (database, proxy) = start().await;
    database.execute("CREATE TABLE t (x int)").await.unwrap();
    let mut lost = 0;
    for messages in 1.. {
        proxy.cut_after_client_messages(messages);
        let outcome = async {
            let client = try_connect(&database, &proxy).await?;
            client.execute("INSERT INTO t VALUES ($1)", &[&1_i32]).await
        };
        let outcome = outcome.await;
        if !proxy.tripped() {
            outcome.unwrap();
            break;
        }
        outcome.unwrap_err();
        lost += 1;
    }
    // Start-up, two SASL messages, Parse, Describe, Sync, Bind, Execute, Sync: the last one's answer is awaited.
    assert_eq!(lost, 9);
}
