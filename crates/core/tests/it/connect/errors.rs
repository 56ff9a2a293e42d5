//! Each way not to get a connection is told apart, with its remedy and without the password.

use cutover_core::{ConnectError, ConnectErrorKind, ConnectSettings, Environment, Origin};
use cutover_testkit::Cluster;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};

use super::{address, chain, login, settings, write_private};

const WRONG: &str = "Wr0ng-s3cret";

#[track_caller]
fn check(error: &ConnectError, kind: &ConnectErrorKind, sqlstate: Option<&str>, parts: &[&str]) {
    let text = chain(error);
    assert_eq!(&error.kind, kind, "{text}");
    assert_eq!(
        error.sqlstate().map(tokio_postgres::error::SqlState::code),
        sqlstate,
        "{text}"
    );
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    let everything = format!("{text} {error:?} {error:#?} {}", error.remedy());
    assert!(!everything.contains(WRONG), "{everything}");
    assert!(!everything.contains(Cluster::shared().password()), "{everything}");
}

async fn refused(conninfo: &str) -> ConnectError {
    settings(conninfo).connect("test").await.unwrap_err()
}

#[tokio::test]
async fn a_wrong_password_names_its_source() {
    let cluster = Cluster::shared();
    let (host, port, user) = (cluster.host(), cluster.port(), cluster.superuser());
    let home = tempfile::tempdir().unwrap();
    let passfile = home.path().join(".pgpass");
    write_private(&passfile, &format!("\n*:*:*:*:{WRONG}\n"));
    let service_file = home.path().join(".pg_service.conf");
    std::fs::write(&service_file, format!("[s]\npassword={WRONG}\n")).unwrap();
    let home = Environment::empty().with_home(home.path());
    let address = format!("{} user={user} dbname=postgres", address(cluster));

    for (conninfo, environment, origin) in [
        (
            format!("postgresql://{user}:{WRONG}@{host}:{port}/postgres"),
            Environment::empty(),
            Origin::ConnectionString,
        ),
        (
            address.clone(),
            Environment::from_iter([("PGPASSWORD", WRONG)]),
            Origin::Variable("PGPASSWORD"),
        ),
        (
            address.clone(),
            home.clone(),
            Origin::Passfile {
                path: passfile,
                line: 2,
            },
        ),
        (
            format!("{address} service=s"),
            home,
            Origin::ServiceFile {
                path: service_file,
                line: 2,
            },
        ),
    ] {
        let settings = ConnectSettings::resolve(&conninfo, &environment).unwrap();
        let error = settings.connect("release lock").await.unwrap_err();
        let expected = format!(
            "could not connect to 127.0.0.1:{port} as user \"{user}\", database \"postgres\" (release lock): \
             the password from {origin} was refused: password authentication failed"
        );
        let kind = ConnectErrorKind::PasswordRefused { origin: Some(origin) };
        check(&error, &kind, Some("28P01"), &[&expected]);
    }
}

#[tokio::test]
async fn a_missing_password_says_where_to_put_it() {
    let cluster = Cluster::shared();
    let error = refused(&format!("{} user={}", address(cluster), cluster.superuser())).await;
    check(
        &error,
        &ConnectErrorKind::PasswordMissing,
        None,
        &["the server asks for a password, and none was found"],
    );
    assert!(error.remedy().contains("PGPASSWORD"));
}

#[tokio::test]
async fn a_missing_database_and_a_missing_role() {
    let cluster = Cluster::shared();
    let error = refused(&cluster.url("nowhere")).await;
    check(
        &error,
        &ConnectErrorKind::DatabaseMissing,
        Some("3D000"),
        &["database \"nowhere\" does not exist"],
    );

    // With password authentication the server does not tell a missing role from a wrong password.
    let error = refused(&cluster.url_for("nobody", WRONG, "postgres")).await;
    let kind = ConnectErrorKind::PasswordRefused {
        origin: Some(Origin::ConnectionString),
    };
    check(&error, &kind, Some("28P01"), &["user \"nobody\""]);

    let admin = settings(&login(cluster)).connect("").await.unwrap();
    admin
        .batch_execute("CREATE ROLE group_only NOLOGIN PASSWORD 'pw'")
        .await
        .unwrap();
    let error = refused(&cluster.url_for("group_only", "pw", "postgres")).await;
    check(
        &error,
        &ConnectErrorKind::RoleRefused,
        Some("28000"),
        &["\"group_only\" is not permitted to log in"],
    );
}

#[tokio::test]
async fn too_many_connections() {
    let cluster = Cluster::shared();
    let admin = settings(&login(cluster)).connect("").await.unwrap();
    admin
        .batch_execute("CREATE ROLE crowded LOGIN PASSWORD 'pw' CONNECTION LIMIT 0")
        .await
        .unwrap();
    let error = refused(&cluster.url_for("crowded", "pw", "postgres")).await;
    check(
        &error,
        &ConnectErrorKind::TooManyConnections,
        Some("53300"),
        &["too many connections for role"],
    );
}

#[tokio::test]
async fn a_start_up_parameter_that_the_server_refuses() {
    let error = refused(&format!(
        "{} options='-c no_such_parameter=1'",
        login(Cluster::shared())
    ))
    .await;
    check(
        &error,
        &ConnectErrorKind::StartupParameterRefused,
        Some("42704"),
        &["no_such_parameter"],
    );
}

#[tokio::test]
async fn nobody_listens() {
    // Bound and never listening, so nobody else gets the port while we ask.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = refused(&format!("host=127.0.0.1 port={port} user=u password={WRONG}")).await;
    let place = format!("127.0.0.1:{port}");
    check(&error, &ConnectErrorKind::Unreachable, None, &[&place, "refused"]);
    assert!(error.remedy().contains("reachable from here?"));

    let error = refused("host=/no/such/directory user=u").await;
    check(
        &error,
        &ConnectErrorKind::Unreachable,
        None,
        &["/no/such/directory/.s.PGSQL.5432"],
    );

    let error = refused("host=nonexistent.invalid user=u").await;
    check(
        &error,
        &ConnectErrorKind::Unreachable,
        None,
        &["nonexistent.invalid:5432"],
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let error = refused(&format!("host=127.0.0.1 port={port} user=u connect_timeout=1")).await;
    let kind = ConnectErrorKind::TimedOut {
        after: std::time::Duration::from_secs(1),
    };
    check(&error, &kind, None, &["no answer within 1 s"]);
}

#[tokio::test]
async fn a_server_that_hangs_up() {
    let rude = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = rude.local_addr().unwrap().port();
    let conninfo = format!("host=127.0.0.1 port={port} user=u sslmode=disable");
    let hang_up = async { drop(rude.accept().await.unwrap()) };
    let (error, ()) = tokio::join!(refused(&conninfo), hang_up);
    check(&error, &ConnectErrorKind::Other, None, &["the connection failed"]);
}

/// Answers the start-up message as PgBouncer does: one SQLSTATE for everything.
async fn refuse_as_pgbouncer(listener: &TcpListener, message: &str) {
    let (mut client, _) = listener.accept().await.unwrap();
    let length = client.read_u32().await.unwrap();
    client
        .read_exact(&mut vec![0; length as usize - 4])
        .await
        .unwrap();
    let fields = format!("SFATAL\0C08P01\0M{message}\0\0");
    client.write_u8(b'E').await.unwrap();
    client
        .write_u32(u32::try_from(fields.len()).unwrap() + 4)
        .await
        .unwrap();
    client.write_all(fields.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_pooling_proxys_refusals_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let conninfo = format!("host=127.0.0.1 port={port} user=u password={WRONG} sslmode=disable");
    for (message, kind) in [
        (
            "unsupported startup parameter: options",
            ConnectErrorKind::StartupParameterRefused,
        ),
        (
            "SASL authentication failed",
            ConnectErrorKind::PasswordRefused {
                origin: Some(Origin::ConnectionString),
            },
        ),
        ("something else", ConnectErrorKind::Other),
    ] {
        let (error, ()) = tokio::join!(refused(&conninfo), refuse_as_pgbouncer(&listener, message));
        check(&error, &kind, Some("08P01"), &[message]);
    }
}
