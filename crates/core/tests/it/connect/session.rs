//! Sessions and pools with a real server.

use cutover_core::{ConnectErrorKind, ConnectSettings, Environment};
use cutover_testkit::Cluster;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{address, chain, login, settings, write_private};

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn connects_by_url_pairs_socket_and_environment() {
    let cluster = Cluster::shared();
    let by_socket = format!(
        "host={} port={} user={} password={} dbname=postgres sslmode=verify-full sslrootcert=system",
        cluster.socket_dir().display(),
        cluster.port(),
        cluster.superuser(),
        cluster.password()
    );
    for conninfo in [cluster.url("postgres"), login(cluster), by_socket] {
        let session = settings(&conninfo).connect("").await.unwrap();
        assert_eq!(
            text(&session, "SELECT current_database()::text").await,
            "postgres",
            "{conninfo}"
        );
    }

    let port = cluster.port().to_string();
    let environment = Environment::from_iter([
        ("PGHOST", "nonexistent.invalid"),
        ("PGHOSTADDR", cluster.host()),
        ("PGPORT", &port),
        ("PGUSER", cluster.superuser()),
        ("PGPASSWORD", cluster.password()),
        ("PGDATABASE", "postgres"),
        ("PGOPTIONS", "-c work_mem=1234kB"),
        ("PGAPPNAME", "mine"),
    ]);
    let session = ConnectSettings::resolve("", &environment)
        .unwrap()
        .connect("audit")
        .await
        .unwrap();
    assert_eq!(
        text(&session, "SELECT current_setting('work_mem')").await,
        "1234kB"
    );
    assert_eq!(
        text(&session, "SELECT current_setting('application_name')").await,
        "mine"
    );
}

#[tokio::test]
async fn the_application_name_says_what_the_session_is_for() {
    let conninfo = login(Cluster::shared());
    for (conninfo, purpose, expected) in [
        (conninfo.clone(), "", "cutover"),
        (conninfo.clone(), "release lock", "cutover: release lock"),
        (
            format!("{conninfo} fallback_application_name=svc"),
            "copy",
            "svc: copy",
        ),
        (format!("{conninfo} application_name=svc"), "copy", "svc"),
    ] {
        let session = settings(&conninfo).connect(purpose).await.unwrap();
        assert_eq!(
            text(&session, "SELECT current_setting('application_name')").await,
            expected
        );
    }
}

#[tokio::test]
async fn takes_the_password_from_service_and_password_files() {
    let cluster = Cluster::shared();
    let home = tempfile::tempdir().unwrap();
    let environment = Environment::empty().with_home(home.path());
    let service = format!(
        "[wdpa]\nhost={}\nport={}\nuser={}\ndbname=postgres\n",
        cluster.host(),
        cluster.port(),
        cluster.superuser()
    );
    std::fs::write(home.path().join(".pg_service.conf"), service).unwrap();
    write_private(
        &home.path().join(".pgpass"),
        &format!(
            "# passwords\nother:*:*:*:wrong\n127.0.0.1:*:postgres:*:{}\n",
            cluster.password()
        ),
    );
    ConnectSettings::resolve("service=wdpa", &environment)
        .unwrap()
        .connect("")
        .await
        .unwrap();
}

#[tokio::test]
async fn goes_on_to_the_next_host_when_the_first_is_unreachable() {
    let cluster = Cluster::shared();
    let conninfo = login(cluster).replace(
        &address(cluster),
        &format!(
            "host=/no/such/directory,{} port=1,{}",
            cluster.host(),
            cluster.port()
        ),
    );
    let session = settings(&conninfo).connect("").await.unwrap();
    assert!(session.backend_pid() > 0);
}

#[tokio::test]
async fn keeps_to_the_kind_of_server_asked_for() {
    let conninfo = login(Cluster::shared());
    for wanted in ["any", "read-write", "primary", "prefer-standby"] {
        let conninfo = format!("{conninfo} target_session_attrs={wanted}");
        settings(&conninfo).connect("").await.unwrap();
    }
    settings(&format!(
        "{conninfo} target_session_attrs=read-only options='-c default_transaction_read_only=on'"
    ))
    .connect("")
    .await
    .unwrap();
    for wanted in ["read-only", "standby"] {
        let conninfo = format!("{conninfo} target_session_attrs={wanted}");
        let error = settings(&conninfo).connect("").await.unwrap_err();
        assert!(
            matches!(error.kind, ConnectErrorKind::WrongServer { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn cancels_a_running_statement() {
    let session = settings(&login(Cluster::shared())).connect("").await.unwrap();
    let cancel = session.cancel_token();
    let observer = settings(&login(Cluster::shared())).connect("").await.unwrap();
    let pid = session.backend_pid();
    let sleeping = session.query("SELECT pg_sleep(600)", &[]);
    let cancelling = async {
        // Wait until it runs: a request that comes too early cancels nothing.
        let active = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'";
        while observer
            .query_one(active, &[&pid])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 0
        {}
        cancel.cancel().await.unwrap();
    };
    let (slept, ()) = tokio::join!(sleeping, cancelling);
    assert_eq!(slept.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
}

#[tokio::test]
async fn says_why_a_session_ended() {
    let session = settings(&login(Cluster::shared())).connect("").await.unwrap();
    assert!(session.closed_reason().is_none());
    let observer = settings(&login(Cluster::shared())).connect("").await.unwrap();
    observer
        .query("SELECT pg_terminate_backend($1)", &[&session.backend_pid()])
        .await
        .unwrap();
    let reason = session.closed().await.unwrap();
    assert_eq!(reason.sqlstate(), Some(&SqlState::ADMIN_SHUTDOWN), "{reason}");
    assert!(session.closed_reason().is_some());
    assert!(session.is_closed());
}

/// Waits until the server has ended the backend.
async fn wait_until_gone(observer: &Client, pid: i32) {
    let alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
    while observer.query_one(alive, &[&pid]).await.unwrap().get::<_, i64>(0) > 0 {}
}

#[tokio::test]
async fn close_and_drop_end_the_backend() {
    let settings = settings(&login(Cluster::shared()));
    let observer = settings.connect("").await.unwrap();

    let session = settings.connect("").await.unwrap();
    let pid = session.backend_pid();
    session.close().await;
    wait_until_gone(&observer, pid).await;

    let session = settings.connect("").await.unwrap();
    let pid = session.backend_pid();
    drop(session);
    wait_until_gone(&observer, pid).await;
}

#[tokio::test]
async fn a_pool_hands_out_clean_sessions() {
    let settings = settings(&login(Cluster::shared()));
    let pool = settings.pool("import", 1).await.unwrap();
    let pid = {
        let client = pool.get().await.unwrap();
        assert_eq!(
            text(&client, "SELECT current_setting('application_name')").await,
            "cutover: import"
        );
        client
            .batch_execute("SET work_mem = '1234kB'; SELECT pg_advisory_lock(77)")
            .await
            .unwrap();
        client
            .query_one("SELECT pg_backend_pid()", &[])
            .await
            .unwrap()
            .get::<_, i32>(0)
    };
    let client = pool.get().await.unwrap();
    assert_eq!(
        client
            .query_one("SELECT pg_backend_pid()", &[])
            .await
            .unwrap()
            .get::<_, i32>(0),
        pid
    );
    assert_ne!(
        text(&client, "SELECT current_setting('work_mem')").await,
        "1234kB"
    );
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
    assert_eq!(client.query_one(locks, &[]).await.unwrap().get::<_, i64>(0), 0);

    let cancel = settings.cancel_token(&client);
    cancel.cancel().await.unwrap();
}

#[tokio::test]
async fn a_pool_that_cannot_work_is_refused_at_once() {
    let cluster = Cluster::shared();
    let conninfo = format!(
        "{} user={} password=wrong dbname=postgres",
        address(cluster),
        cluster.superuser()
    );
    let error = settings(&conninfo).pool("import", 2).await.unwrap_err();
    assert!(
        matches!(error.kind, ConnectErrorKind::PasswordRefused { .. }),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn a_pools_errors_are_readable_later_too() {
    let cluster = Cluster::shared();
    let database = cluster.empty_database().await.unwrap();
    let settings = settings(database.url());
    let pool = settings.pool("import", 2).await.unwrap();
    let admin = super::settings(&login(cluster)).connect("").await.unwrap();
    admin
        .batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", database.name()))
        .await
        .unwrap();
    let error = settings.pool_error("import", pool.get().await.unwrap_err());
    assert_eq!(error.kind, ConnectErrorKind::DatabaseMissing, "{}", chain(&error));
    pool.close();
    let error = settings.pool_error("import", pool.get().await.unwrap_err());
    assert_eq!(error.kind, ConnectErrorKind::PoolClosed, "{}", chain(&error));
}
