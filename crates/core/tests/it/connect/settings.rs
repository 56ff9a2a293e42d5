//! Resolving settings: sources, precedence, defaults, and that no password shows. No server is needed.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use cutover_core::{ConnectSettings, Environment, PassfileWarning};
use proptest::prelude::*;

use super::{chain, settings, write_private};

#[track_caller]
fn check(conninfo: &str, variables: &[(&str, &str)], expected: &str) {
    let environment: Environment = variables.iter().copied().collect();
    let settings = ConnectSettings::resolve(conninfo, &environment).unwrap();
    assert_eq!(settings.to_string(), expected);
    assert_eq!(format!("{settings:?}"), format!("ConnectSettings({expected})"));
}

#[track_caller]
fn check_error(conninfo: &str, variables: &[(&str, &str)], expected: &str) {
    let environment: Environment = variables.iter().copied().collect();
    let error = ConnectSettings::resolve(conninfo, &environment).unwrap_err();
    assert_eq!(chain(&error), expected);
    assert!(!error.remedy().is_empty());
}

#[test]
fn url_and_pairs_mean_the_same() {
    let expected = "host=db port=5433 user=ann dbname=wdpa sslmode=require";
    check("postgresql://ann:pw@db:5433/wdpa?sslmode=require", &[], expected);
    check(
        "host=db port=5433 user=ann password=pw dbname=wdpa sslmode=require",
        &[],
        expected,
    );
    let variables = [
        ("PGHOST", "db"),
        ("PGPORT", "5433"),
        ("PGUSER", "ann"),
        ("PGPASSWORD", "pw"),
        ("PGDATABASE", "wdpa"),
        ("PGSSLMODE", "require"),
    ];
    check("", &variables, expected);
}

#[test]
fn the_defaults_are_libpqs() {
    check(
        "host=db user=ann",
        &[],
        "host=db port=5432 user=ann dbname=ann sslmode=prefer",
    );
    check(
        "host=db",
        &[("USER", "bob")],
        "host=db port=5432 user=bob dbname=bob sslmode=prefer",
    );
    check_error(
        "host=db",
        &[],
        "no database user is given, and the operating system's user is not known",
    );
    let local = settings("user=ann").to_string();
    let host = if std::path::Path::new("/var/run/postgresql").is_dir() {
        "/var/run/postgresql"
    } else {
        "localhost"
    };
    assert_eq!(
        local,
        format!("host={host} port=5432 user=ann dbname=ann sslmode=prefer")
    );
}

#[test]
fn the_string_beats_the_service_beats_the_environment() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("services.conf");
    std::fs::write(&file, "[wdpa]\nhost=service\nport=1\nuser=service\n").unwrap();
    let file = file.to_str().unwrap();
    let variables = [
        ("PGSERVICEFILE", file),
        ("PGHOST", "environment"),
        ("PGPORT", "2"),
        ("PGUSER", "environment"),
        ("PGDATABASE", "environment"),
    ];
    check(
        "service=wdpa host=string",
        &variables,
        "host=string port=1 user=service dbname=environment sslmode=prefer",
    );
    check(
        "postgresql://string/?service=wdpa",
        &variables,
        "host=string port=1 user=service dbname=environment sslmode=prefer",
    );
    let mut with_service = variables.to_vec();
    with_service.push(("PGSERVICE", "wdpa"));
    check(
        "",
        &with_service,
        "host=service port=1 user=service dbname=environment sslmode=prefer",
    );
}

#[test]
fn the_service_is_looked_for_at_home_then_in_the_system() {
    let (home, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(
        system.path().join("pg_service.conf"),
        "[s]\nhost=system\nuser=u\n",
    )
    .unwrap();
    let variables = [
        ("HOME", home.path().to_str().unwrap()),
        ("PGSYSCONFDIR", system.path().to_str().unwrap()),
    ];
    check(
        "service=s",
        &variables,
        "host=system port=5432 user=u dbname=u sslmode=prefer",
    );

    std::fs::write(home.path().join(".pg_service.conf"), "[s]\nhost=home\nuser=u\n").unwrap();
    check(
        "service=s",
        &variables,
        "host=home port=5432 user=u dbname=u sslmode=prefer",
    );
    check_error(
        "service=t",
        &variables,
        &format!(
            "no service file defines service \"t\" (searched: {}/.pg_service.conf, {}/pg_service.conf)",
            home.path().display(),
            system.path().display()
        ),
    );
}

#[test]
fn several_hosts_pair_with_ports_and_addresses() {
    check(
        "host=a,b port=1,2 user=u",
        &[],
        "host=a,b port=1,2 user=u dbname=u sslmode=prefer",
    );
    check(
        "host=a,b port=7 user=u",
        &[],
        "host=a,b port=7,7 user=u dbname=u sslmode=prefer",
    );
    check(
        "hostaddr=10.0.0.1,::1 user=u",
        &[],
        "host=10.0.0.1,::1 port=5432,5432 user=u dbname=u sslmode=prefer",
    );
    check_error(
        "host=a,b port=1,2,3 user=u",
        &[],
        "port lists 3 entries for 2 hosts",
    );
    check_error(
        "host=a,b hostaddr=10.0.0.1 user=u",
        &[],
        "hostaddr lists 1 entries for 2 hosts",
    );
}

#[test]
fn errors_name_the_keyword_and_where_it_was_set() {
    let user = ("PGUSER", "u");
    check_error(
        "sslmoed=require",
        &[user],
        "unknown keyword \"sslmoed\" in the connection string: did you mean \"sslmode\"?",
    );
    check_error(
        "",
        &[user, ("PGSSLMODE", "verify")],
        "sslmode, set in the environment variable PGSSLMODE, must be one of disable, allow, prefer, require, \
         verify-ca and verify-full",
    );
    check_error(
        "port=abc",
        &[user],
        "port, set in the connection string, must be a number from 1 to 65535, or several separated by commas",
    );
    check_error(
        "port=0",
        &[user],
        "port, set in the connection string, must be a number from 1 to 65535, or several separated by commas",
    );
    check_error(
        "connect_timeout=soon",
        &[user],
        "connect_timeout, set in the connection string, must be a whole number",
    );
}

#[test]
fn what_must_not_be_ignored_is_refused() {
    check_error(
        "user=u sslcrl=/x",
        &[],
        "sslcrl, set in the connection string, is not supported",
    );
    check_error(
        "user=u gssencmode=require",
        &[],
        "gssencmode, set in the connection string, is not supported, only disable, prefer",
    );
    check_error(
        "user=u",
        &[("PGREQUIREAUTH", "scram-sha-256")],
        "require_auth, set in the environment variable PGREQUIREAUTH, is not supported",
    );
    check(
        "host=h user=u gssencmode=disable",
        &[],
        "host=h port=5432 user=u dbname=u sslmode=prefer",
    );
    check(
        "host=h user=u",
        &[("PGCLIENTENCODING", "LATIN1")],
        "host=h port=5432 user=u dbname=u sslmode=prefer",
    );
}

#[test]
fn verification_needs_a_root_certificate() {
    let home = tempfile::tempdir().unwrap();
    let home_path = home.path().to_str().unwrap();
    check_error(
        "user=u sslmode=verify-full",
        &[],
        "sslmode=verify-full needs a root certificate",
    );
    check_error(
        "user=u sslmode=verify-ca",
        &[("HOME", home_path)],
        &format!(
            "sslmode=verify-ca needs a root certificate, and {home_path}/.postgresql/root.crt does not exist"
        ),
    );
    check_error(
        "user=u sslrootcert=/no/such/file",
        &[],
        "could not read the root certificate file (sslrootcert) /no/such/file: No such file or directory \
         (os error 2)",
    );
    check_error(
        "user=u sslrootcert=system sslmode=require",
        &[],
        "sslmode=require is too weak for sslrootcert=system",
    );
    std::fs::create_dir(home.path().join(".postgresql")).unwrap();
    let root = home.path().join(".postgresql/root.crt");
    std::fs::write(&root, "not PEM").unwrap();
    check_error(
        "user=u",
        &[("HOME", home_path)],
        &format!(
            "the root certificate file (sslrootcert) {} is not usable: it holds none in PEM format",
            root.display()
        ),
    );
    // Without TLS the files do not matter.
    check(
        "host=h user=u sslmode=disable",
        &[("HOME", home_path)],
        "host=h port=5432 user=u dbname=u sslmode=disable",
    );
}

#[test]
fn a_password_file_open_to_others_is_ignored_with_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(".pgpass");
    write_private(&path, "*:*:*:*:secret\n");
    let environment = Environment::empty().with_home(home.path()).with_os_user("u");
    assert_eq!(ConnectSettings::resolve("", &environment).unwrap().warnings(), []);

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let settings = ConnectSettings::resolve("", &environment).unwrap();
    assert_eq!(
        settings.warnings(),
        [PassfileWarning::TooOpen {
            path: path.clone(),
            mode: 0o644
        }]
    );
    assert_eq!(
        settings.warnings()[0].to_string(),
        format!(
            "the password file {} is ignored: its permissions are 0644, and must be 0600 or less",
            path.display()
        )
    );
    // Not looked at when there is a password already.
    assert_eq!(
        ConnectSettings::resolve("password=pw", &environment)
            .unwrap()
            .warnings(),
        []
    );
}

/// Everything there is to print about an outcome.
fn printed(outcome: &Result<ConnectSettings, cutover_core::ConnectSettingsError>) -> String {
    let mut text = String::new();
    match outcome {
        Ok(settings) => write!(text, "{settings} {settings:?} {settings:#?}").unwrap(),
        Err(error) => write!(text, "{} {error:?} {error:#?} {}", chain(error), error.remedy()).unwrap(),
    }
    text
}

const MARK: &str = "Xyzzy7";

/// A password with a mark in it, and around it whatever breaks a connection string.
fn password() -> impl Strategy<Value = String> {
    ("[ -~]{0,6}", "[ -~]{0,6}").prop_map(|(before, after)| format!("{before}{MARK}{after}"))
}

/// Puts an unquoted, unencoded password where people put it.
fn mistyped(password: &str) -> [String; 5] {
    [
        format!("postgresql://ann:{password}@db.example.org:5432/wdpa?sslmode=require"),
        format!("postgresql://ann:{password}@db.example.org"),
        format!("postgresql://db.example.org/wdpa?user=ann&password={password}"),
        format!("host=db user=ann password={password}"),
        format!("host=db user=ann password='{password}' dbname=wdpa"),
    ]
}

proptest! {
    #[test]
    fn no_output_holds_a_password_in_order(password in "[^\0\r\n]{4,30}", other in any::<bool>()) {
        // A short password may be part of any text by chance.
        let password = format!("{MARK}{password}{MARK}");
        let escaped = password.replace('\\', r"\\").replace('\'', r"\'");
        let encoded = password.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"));
        // Make half of them fail.
        let end = if other { "nonsense" } else { "5432" };
        for conninfo in [
            format!("host=db user=ann password='{escaped}' port={end}"),
            format!("postgresql://ann:{encoded}@db:5432/wdpa?port={end}"),
        ] {
            let outcome = ConnectSettings::resolve(&conninfo, &Environment::empty());
            prop_assert_eq!(outcome.is_err(), other);
            prop_assert!(!printed(&outcome).contains(MARK), "{}", printed(&outcome));
        }
        let environment = Environment::from_iter([("PGPASSWORD", password.as_str()), ("PGPORT", end), ("USER", "u")]);
        let outcome = ConnectSettings::resolve("", &environment);
        prop_assert_eq!(outcome.is_err(), other);
        prop_assert!(!printed(&outcome).contains(MARK));
        let debugged = format!("{environment:?}");
        prop_assert!(!debugged.contains(MARK));
    }

    #[test]
    fn no_output_holds_a_piece_of_a_password_that_lacks_its_quotes(password in password()) {
        for conninfo in mistyped(&password) {
            let outcome = ConnectSettings::resolve(&conninfo, &Environment::empty());
            prop_assert!(!printed(&outcome).contains(MARK), "{conninfo}\n{}", printed(&outcome));
        }
    }
}
