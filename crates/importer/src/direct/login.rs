//! Where the foreign server is, and as whom to go there, from the catalog.

use cutover_core::{ConnectSettings, Environment, Password};
use tokio_postgres::Transaction;

use super::{Direct, NotDirect, undone};
use crate::error::ImportError;

/// Options of `postgres_fdw` itself, which say nothing of the connection ([F.38.1]).
///
/// [F.38.1]: https://www.postgresql.org/docs/18/postgres-fdw.html#POSTGRES-FDW-OPTIONS
const OF_THE_WRAPPER: [&str; 14] = [
    "analyze_sampling",
    "async_capable",
    "batch_size",
    "extensions",
    "fdw_startup_cost",
    "fdw_tuple_cost",
    "fetch_size",
    "keep_connections",
    "parallel_abort",
    "parallel_commit",
    "truncatable",
    "updatable",
    "use_remote_estimate",
    "use_scram_passthrough",
];

/// These name files, or services in files, of the machine that the server with the foreign tables runs on.
const OF_ITS_MACHINE: [&str; 9] = [
    "passfile",
    "service",
    "servicefile",
    "sslcert",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslrootcert",
    "sslkeylogfile",
];

impl Direct {
    /// How to connect: by the server's options, as the user mapping of who reads the foreign tables says.
    ///
    /// PostgreSQL shows a mapping's options to the role that it is for, to the server's owner where it is everybody's,
    /// and to superusers. The password is in the settings and nowhere else, and they do not print it. The host is as
    /// the **server's** machine knows it; [`verify`](Self::verify) tells whether this machine means the same by it,
    /// but only after the password has been used there.
    ///
    /// # Errors
    /// The inner one says what the options leave open. [`ImportError::Statement`] when the connection is lost.
    pub async fn login(
        &self,
        target: &Transaction<'_>,
    ) -> Result<Result<ConnectSettings, NotDirect>, ImportError> {
        undone(&self.import, target, self.read_login(target)).await
    }

    async fn read_login(
        &self,
        target: &Transaction<'_>,
    ) -> Result<Result<ConnectSettings, NotDirect>, tokio_postgres::Error> {
        let sql = include_str!("sql/login.sql");
        let rows = target
            .query(sql, &[&self.server.as_str(), &self.role.as_str()])
            .await?;
        let options: Vec<(String, Password, bool)> = rows
            .iter()
            .map(|row| (row.get(0), Password::new(row.get::<_, String>(1)), row.get(2)))
            .collect();
        Ok(connect_settings(&options).map_err(|why| {
            NotDirect::because(format!(
                "{why} (server {}, user mapping of {})",
                self.server, self.role
            ))
        }))
    }
}

/// Options by name, each with whether it is the server's.
fn connect_settings(options: &[(String, Password, bool)]) -> Result<ConnectSettings, String> {
    let has = |name: &str| options.iter().any(|(option, _, _)| option == name);
    if options.iter().all(|(_, _, of_server)| *of_server) {
        return Err("there is no user mapping, or the role may not see its options".to_owned());
    }
    for needed in ["user", "password"] {
        if !has(needed) {
            return Err(format!("the user mapping names no {needed}"));
        }
    }
    if !has("host") && !has("hostaddr") {
        return Err("the server's options name no host".to_owned());
    }
    if !has("dbname") {
        return Err("the server's options name no dbname".to_owned());
    }
    if let Some((file, _, _)) = options
        .iter()
        .find(|(name, _, _)| OF_ITS_MACHINE.contains(&name.as_str()))
    {
        return Err(format!("option {file} names a file of the server's machine"));
    }
    let conninfo = options
        .iter()
        .filter(|(name, _, _)| !OF_THE_WRAPPER.contains(&name.as_str()) && name != "password_required")
        .map(|(name, value, _)| {
            let value = value.expose().replace('\\', r"\\").replace('\'', r"\'");
            format!("{name}='{value}'")
        });
    let conninfo = Password::new(conninfo.collect::<Vec<_>>().join(" "));
    // Its errors hold no value.
    ConnectSettings::resolve(conninfo.expose(), &Environment::empty()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(given: &[(&str, &str, bool)]) -> Vec<(String, Password, bool)> {
        let options = given.iter();
        options
            .map(|(name, value, of_server)| ((*name).to_owned(), Password::new(*value), *of_server))
            .collect()
    }

    const SERVER: [(&str, &str, bool); 4] = [
        ("host", "portal.example.org", true),
        ("dbname", "it's", true),
        ("fetch_size", "1000", true),
        ("sslmode", "require", true),
    ];

    #[test]
    fn options_become_settings_that_do_not_print_the_password() {
        let mapping = [("user", "reader", false), ("password", r"hunter'2\", false)];
        let settings = connect_settings(&options(&[&SERVER[..], &mapping[..]].concat())).unwrap();
        let expected = "host=portal.example.org port=5432 user=reader dbname=it's sslmode=require";
        assert_eq!(settings.to_string(), expected);
        assert!(!format!("{settings:?}").contains("hunter"));
    }

    #[track_caller]
    fn check_missing(mapping: &[(&str, &str, bool)], expected: &str) {
        let why = connect_settings(&options(&[&SERVER[..], mapping].concat())).unwrap_err();
        assert_eq!(why, expected);
    }

    #[test]
    fn what_options_leave_open_is_said() {
        check_missing(
            &[],
            "there is no user mapping, or the role may not see its options",
        );
        check_missing(&[("user", "u", false)], "the user mapping names no password");
        let both = [("user", "u", false), ("password", "p", false)];
        let with_file = [&both[..], &[("sslcert", "/x", false)]].concat();
        check_missing(&with_file, "option sslcert names a file of the server's machine");
        let unknown = [&[("fetch_sise", "hunter2", true)], &both[..]].concat();
        let why = connect_settings(&options(&[&SERVER[..], &unknown[..]].concat())).unwrap_err();
        assert!(why.contains("fetch_sise") && !why.contains("hunter2"), "{why}");
    }
}
