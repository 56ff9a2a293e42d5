//! What a release must not run over.

use cutover_core::{UnsafeSession, refuse_unsafe_session};
use cutover_testkit::Cluster;

use super::pooling_proxy::{MADE_UP_PID, PoolingProxy};
use super::{login, settings};

#[tokio::test]
async fn a_direct_session_is_safe() {
    let session = settings(&login(Cluster::shared())).connect("").await.unwrap();
    refuse_unsafe_session(&session).await.unwrap();
    // In a transaction too, and after an error.
    session.batch_execute("BEGIN").await.unwrap();
    refuse_unsafe_session(&session).await.unwrap();
}

#[tokio::test]
async fn a_direct_session_over_tls_is_safe() {
    let cluster = Cluster::builder().tls(true).start().unwrap();
    for mode in ["require", "prefer"] {
        let session = settings(&format!("{} sslmode={mode}", login(&cluster)))
            .connect("")
            .await
            .unwrap();
        refuse_unsafe_session(&session).await.unwrap();
    }
}

/// A server that trusts, because the proxy cannot log in twice by itself.
fn trusting_cluster() -> Cluster {
    let cluster = Cluster::builder().start().unwrap();
    std::fs::write(
        cluster.data_dir().join("pg_hba.conf"),
        "host all all 127.0.0.1/32 trust\nlocal all all trust\n",
    )
    .unwrap();
    cluster.restart().unwrap();
    cluster
}

#[tokio::test]
async fn proxies_that_pool_are_refused() {
    let cluster = trusting_cluster();
    let server = format!("{}:{}", cluster.host(), cluster.port()).parse().unwrap();
    for (backends, pooled) in [(1, false), (2, true), (3, true)] {
        let proxy = PoolingProxy::start(server, backends).await;
        let conninfo = format!(
            "host=127.0.0.1 port={} user={} dbname=postgres sslmode=disable",
            proxy.address.port(),
            cluster.superuser()
        );
        let session = settings(&conninfo).connect("").await.unwrap();
        let verdict = refuse_unsafe_session(&session).await.unwrap_err();
        match verdict {
            UnsafeSession::BackendChanged { first, later } if pooled => assert_ne!(first, later),
            // With a single backend nothing moves, and the made-up process id still tells.
            UnsafeSession::Proxy { announced, .. } if !pooled => assert_eq!(announced, MADE_UP_PID),
            verdict => panic!("{backends} backends: {verdict}"),
        }
        assert!(verdict.remedy().contains("not through the pooling proxy"));
    }
}

#[tokio::test]
async fn a_standby_is_refused() {
    let cluster = Cluster::builder().start().unwrap();
    cluster.stop_immediately().unwrap();
    // A standby of nobody: it replays what it has, and answers queries.
    std::fs::write(cluster.data_dir().join("standby.signal"), "").unwrap();
    cluster.start_again().unwrap();
    let session = settings(&login(&cluster)).connect("").await.unwrap();
    let verdict = refuse_unsafe_session(&session).await.unwrap_err();
    assert!(matches!(verdict, UnsafeSession::Standby), "{verdict}");
    assert_eq!(verdict.to_string(), "the server is a standby and takes no writes");

    let standby = settings(&format!("{} target_session_attrs=standby", login(&cluster)));
    standby.connect("").await.unwrap();
    let primary = settings(&format!("{} target_session_attrs=primary", login(&cluster)));
    assert!(primary.connect("").await.is_err());
}
