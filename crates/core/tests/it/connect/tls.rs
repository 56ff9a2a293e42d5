//! Every `sslmode` against servers with and without TLS.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use cutover_core::{ConnectErrorKind, Session};
use cutover_testkit::Cluster;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::{address, chain, login, settings, write_private};

/// A server with TLS. Its `pg_hba.conf` knows some roles by how they may come.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::builder().tls(true).start().unwrap())
}

fn authority() -> String {
    cluster().ca_certificate().unwrap().display().to_string()
}

async fn over_tls(session: &Session) -> bool {
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    session.query_one(sql, &[]).await.unwrap().get(0)
}

#[track_caller]
fn assert_kind(outcome: Result<Session, cutover_core::ConnectError>, kind: &ConnectErrorKind) {
    let error = outcome.unwrap_err();
    assert_eq!(&error.kind, kind, "{}", chain(&error));
    assert!(!error.remedy().is_empty());
}

#[tokio::test]
async fn each_mode_encrypts_as_libpq_does() {
    for (mode, encrypted) in [
        ("disable", false),
        ("allow", true),
        ("prefer", true),
        ("require", true),
    ] {
        let session = settings(&format!("{} sslmode={mode}", login(cluster())))
            .connect("")
            .await
            .unwrap();
        assert_eq!(over_tls(&session).await, encrypted, "{mode}");
    }
    let root = authority();
    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        let conninfo = format!("{} sslmode={mode} sslrootcert={root}", login(cluster()));
        let session = settings(&conninfo).connect("").await.unwrap();
        assert!(over_tls(&session).await, "{mode}");
    }
}

#[tokio::test]
async fn only_verify_full_looks_at_the_name() {
    let conninfo = login(cluster()).replace("host=127.0.0.1", "host=other.example.org hostaddr=127.0.0.1");
    let conninfo = format!("{conninfo} sslrootcert={}", authority());
    for mode in ["require", "verify-ca"] {
        let session = settings(&format!("{conninfo} sslmode={mode}"))
            .connect("")
            .await
            .unwrap();
        assert!(over_tls(&session).await, "{mode}");
    }
    let outcome = settings(&format!("{conninfo} sslmode=verify-full"))
        .connect("")
        .await;
    assert_kind(outcome, &ConnectErrorKind::CertificateForOtherHost);
}

#[tokio::test]
async fn a_strange_authority_is_not_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root.crt");
    std::fs::write(&root, Authority::new().certificate).unwrap();
    let conninfo = format!("{} sslrootcert={}", login(cluster()), root.display());
    for mode in ["require", "verify-ca", "verify-full"] {
        let outcome = settings(&format!("{conninfo} sslmode={mode}")).connect("").await;
        assert_kind(outcome, &ConnectErrorKind::CertificateNotTrusted);
    }
    // As in libpq, prefer goes on without TLS then.
    let session = settings(&format!("{conninfo} sslmode=prefer"))
        .connect("")
        .await
        .unwrap();
    assert!(!over_tls(&session).await);
}

#[tokio::test]
async fn the_systems_authorities_do_not_know_ours() {
    // Where the system has none at all, resolving says so.
    let conninfo = format!("{} sslrootcert=system", login(cluster()));
    let environment = cutover_core::Environment::empty();
    match cutover_core::ConnectSettings::resolve(&conninfo, &environment) {
        Ok(settings) => {
            assert_eq!(settings.ssl_mode(), cutover_core::SslMode::VerifyFull);
            assert_kind(
                settings.connect("").await,
                &ConnectErrorKind::CertificateNotTrusted,
            );
        }
        Err(error) => assert!(
            error.to_string().starts_with("sslrootcert=system, but"),
            "{error}"
        ),
    }
}

#[tokio::test]
async fn a_server_without_tls() {
    let without = Cluster::shared();
    let outcome = settings(&format!("{} sslmode=require", login(without)))
        .connect("")
        .await;
    assert_kind(outcome, &ConnectErrorKind::TlsNotSupported);
    for mode in ["allow", "prefer"] {
        let session = settings(&format!("{} sslmode={mode}", login(without)))
            .connect("")
            .await
            .unwrap();
        assert!(!over_tls(&session).await, "{mode}");
    }
}

#[tokio::test]
async fn cancels_over_tls() {
    let conninfo = format!(
        "{} sslmode=verify-full sslrootcert={}",
        login(cluster()),
        authority()
    );
    let session = settings(&conninfo).connect("").await.unwrap();
    let observer = settings(&conninfo).connect("").await.unwrap();
    let (cancel, pid) = (session.cancel_token(), session.backend_pid());
    let cancelling = async {
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
    let (slept, ()) = tokio::join!(session.query("SELECT pg_sleep(600)", &[]), cancelling);
    assert_eq!(
        slept.unwrap_err().code(),
        Some(&tokio_postgres::error::SqlState::QUERY_CANCELED)
    );
}

#[tokio::test]
async fn a_pool_uses_the_same_tls() {
    let conninfo = format!(
        "{} sslmode=verify-full sslrootcert={}",
        login(cluster()),
        authority()
    );
    let pool = settings(&conninfo).pool("", 1).await.unwrap();
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert!(
        pool.get()
            .await
            .unwrap()
            .query_one(sql, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
    );
}

/// An authority of the test's own, which can sign client certificates.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Another authority");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// Certificate and key for a role.
    fn client(&self, role: &str) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, role);
        let key = KeyPair::generate().unwrap();
        (
            params.signed_by(&key, &self.issuer).unwrap().pem(),
            key.serialize_pem(),
        )
    }
}

#[tokio::test]
async fn the_servers_rules_about_tls_and_client_certificates() {
    // A server of its own, because the rules change.
    let cluster = Cluster::builder().tls(true).start().unwrap();
    let authority = Authority::new();
    let rules = "hostssl   all tls_refused   all reject\n\
                 hostnossl all plain_refused all reject\n\
                 hostssl   all certified     all cert\n\
                 host      all all_refused   all reject\n";
    let hba = cluster.data_dir().join("pg_hba.conf");
    let others = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("{rules}{others}")).unwrap();
    let client_authority: PathBuf = cluster.data_dir().join("client_ca.crt");
    std::fs::write(&client_authority, &authority.certificate).unwrap();
    let admin = settings(&login(&cluster)).connect("").await.unwrap();
    for role in ["tls_refused", "plain_refused", "all_refused", "certified"] {
        admin
            .batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'pw'"))
            .await
            .unwrap();
    }
    admin
        .batch_execute("ALTER SYSTEM SET ssl_ca_file = 'client_ca.crt'")
        .await
        .unwrap();
    cluster.restart().unwrap();

    let conninfo = |role: &str, rest: &str| {
        format!(
            "{} user={role} password=pw dbname=postgres {rest}",
            address(&cluster)
        )
    };
    let session = settings(&conninfo("tls_refused", "sslmode=prefer"))
        .connect("")
        .await
        .unwrap();
    assert!(!over_tls(&session).await);
    let outcome = settings(&conninfo("tls_refused", "sslmode=require"))
        .connect("")
        .await;
    assert_kind(outcome, &ConnectErrorKind::NotAllowed);

    let session = settings(&conninfo("plain_refused", "sslmode=prefer"))
        .connect("")
        .await
        .unwrap();
    assert!(over_tls(&session).await);
    for (role, mode) in [("plain_refused", "disable"), ("all_refused", "prefer")] {
        let outcome = settings(&conninfo(role, &format!("sslmode={mode}")))
            .connect("")
            .await;
        assert_kind(outcome, &ConnectErrorKind::NotAllowed);
    }

    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (
        directory.path().join("client.crt"),
        directory.path().join("client.key"),
    );
    let (certificate_pem, key_pem) = authority.client("certified");
    std::fs::write(&certificate, certificate_pem).unwrap();
    write_private(&key, &key_pem);
    let files = format!(
        "sslmode=require sslcert={} sslkey={}",
        certificate.display(),
        key.display()
    );
    let session = settings(&conninfo("certified", &files))
        .connect("")
        .await
        .unwrap();
    assert!(over_tls(&session).await);
    assert!(
        settings(&conninfo("certified", "sslmode=require"))
            .connect("")
            .await
            .is_err()
    );

    // A key that others may read is refused, as by libpq.
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let environment = cutover_core::Environment::empty();
    let error =
        cutover_core::ConnectSettings::resolve(&conninfo("certified", &files), &environment).unwrap_err();
    assert!(
        error.to_string().contains("its permissions must be 0600 or less"),
        "{error}"
    );
}
