//! `postgresql://` connection strings ([34.1.1.2]).
//!
//! [34.1.1.2]: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING-URIS
//!
//! A password with an unencoded `/`, `?` or `@` is the usual mistake here, and moves pieces of the password to
//! where host, port, database or keywords stand. Errors therefore never quote the URL, and a host or database
//! with an unencoded `@` is refused, because it would be shown in messages later.

use super::keyword::Keyword;
use super::{ConnectSettingsError, Origin};

const PREFIXES: [&str; 2] = ["postgresql://", "postgres://"];

pub(super) fn is_url(conninfo: &str) -> bool {
    PREFIXES.iter().any(|prefix| conninfo.starts_with(prefix))
}

/// Reads a URL; the parameters after `?` replace what stands before it.
pub(super) fn parse(url: &str) -> Result<Vec<(&'static Keyword, String)>, ConnectSettingsError> {
    let after_scheme = PREFIXES
        .iter()
        .find_map(|prefix| url.strip_prefix(prefix))
        .unwrap_or(url);
    let mut reader = Reader {
        url,
        pairs: Vec::new(),
    };

    // As in libpq, credentials end at the first @ that comes before any /.
    let before_slash = after_scheme.split('/').next().unwrap_or_default();
    let (credentials, rest) = match before_slash.find('@') {
        Some(at) => (Some(&after_scheme[..at]), &after_scheme[at + 1..]),
        None => (None, after_scheme),
    };
    let (location, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = location.split_once('/').unwrap_or((location, ""));

    if let Some(credentials) = credentials {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        reader.push("user", user)?;
        reader.push("password", password)?;
    }
    reader.hosts(authority)?;
    if database.contains('@') {
        return Err(reader.error(database, UNENCODED));
    }
    reader.push("dbname", database)?;
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        reader.parameter(parameter, rest.contains('@'))?;
    }
    Ok(reader.pairs)
}

const UNENCODED: &str = "an @, or a / before it, must be percent-encoded";

struct Reader<'a> {
    url: &'a str,
    pairs: Vec<(&'static Keyword, String)>,
}

impl Reader<'_> {
    /// An error at `part`, which is a slice of the URL.
    fn error(&self, part: &str, problem: &'static str) -> ConnectSettingsError {
        let bytes = (part.as_ptr() as usize).saturating_sub(self.url.as_ptr() as usize);
        let position = self.url.get(..bytes).unwrap_or_default().chars().count() + 1;
        ConnectSettingsError::Syntax { problem, position }
    }

    /// Adds a value unless it is empty: `postgresql://host/` leaves the database to the sources after it.
    fn push(&mut self, name: &str, encoded: &str) -> Result<(), ConnectSettingsError> {
        if !encoded.is_empty() {
            let value = self.decode(encoded)?;
            self.pairs
                .push((Keyword::require(name, &Origin::ConnectionString)?, value));
        }
        Ok(())
    }

    fn hosts(&mut self, authority: &str) -> Result<(), ConnectSettingsError> {
        if authority.is_empty() {
            return Ok(());
        }
        if authority.contains('@') {
            return Err(self.error(authority, UNENCODED));
        }
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        for entry in authority.split(',') {
            let (host, port) = if let Some(bracketed) = entry.strip_prefix('[') {
                let Some((host, after)) = bracketed.split_once(']') else {
                    return Err(self.error(entry, "an IPv6 address lacks its closing bracket"));
                };
                match after.strip_prefix(':') {
                    Some(port) => (host, port),
                    None if after.is_empty() => (host, ""),
                    None => return Err(self.error(after, "only a port may follow an IPv6 address")),
                }
            } else {
                entry.split_once(':').unwrap_or((entry, ""))
            };
            if !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(self.error(
                    port,
                    "a port must be a number; if this is the password, its / and ? must be percent-encoded",
                ));
            }
            hosts.push(host);
            ports.push(port);
        }
        if hosts.iter().any(|host| !host.is_empty()) {
            let decoded: Result<Vec<_>, _> = hosts.iter().map(|host| self.decode(host)).collect();
            self.pairs.push((
                Keyword::require("host", &Origin::ConnectionString)?,
                decoded?.join(","),
            ));
        }
        if ports.iter().any(|port| !port.is_empty()) {
            self.pairs.push((
                Keyword::require("port", &Origin::ConnectionString)?,
                ports.join(","),
            ));
        }
        Ok(())
    }

    /// `ambiguous`: there is an @ after the credentials, so a name may be a piece of a password.
    fn parameter(&mut self, parameter: &str, ambiguous: bool) -> Result<(), ConnectSettingsError> {
        let Some((name, value)) = parameter.split_once('=') else {
            return Err(self.error(parameter, "a parameter lacks its \"=\""));
        };
        if value.contains('=') {
            return Err(self.error(parameter, "a parameter has a second \"=\"; write it as %3D"));
        }
        let (decoded_name, decoded_value) = (self.decode(name)?, self.decode(value)?);
        // As libpq, take what the JDBC driver writes.
        if decoded_name == "ssl" && decoded_value == "true" {
            return self.push("sslmode", "require");
        }
        match Keyword::require(&decoded_name, &Origin::ConnectionString) {
            Ok(keyword) => self.pairs.push((keyword, decoded_value)),
            Err(_) if ambiguous => return Err(self.error(parameter, UNENCODED)),
            Err(_)
                if self
                    .pairs
                    .last()
                    .is_some_and(|(previous, _)| previous.name == "password") =>
            {
                return Err(self.error(parameter, "an & in a password must be written %26"));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn decode(&self, encoded: &str) -> Result<String, ConnectSettingsError> {
        let mut decoded = Vec::with_capacity(encoded.len());
        let mut bytes = encoded.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                decoded.push(byte);
                continue;
            }
            match (bytes.next().and_then(hex_digit), bytes.next().and_then(hex_digit)) {
                (Some(0), Some(0)) => return Err(self.error(encoded, "%00 is not allowed")),
                (Some(high), Some(low)) => decoded.push(high << 4 | low),
                _ => {
                    return Err(self.error(
                        encoded,
                        "two hexadecimal digits must follow a %; a % itself is %25",
                    ));
                }
            }
        }
        match String::from_utf8(decoded) {
            Ok(decoded) => Ok(decoded),
            // The cause would hold the bytes, which may be the password.
            Err(_) => Err(self.error(encoded, "the percent-encoded text is not UTF-8")),
        }
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(url: &str, expected: &[(&str, &str)]) {
        let pairs = parse(url).unwrap();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(keyword, value)| (keyword.name, value.as_str()))
            .collect();
        assert_eq!(pairs, expected);
    }

    #[track_caller]
    fn check_error(url: &str, expected: &str) {
        assert_eq!(parse(url).unwrap_err().to_string(), expected);
    }

    #[test]
    fn reads_what_libpq_reads() {
        check("postgresql://", &[]);
        check("postgres://localhost", &[("host", "localhost")]);
        check(
            "postgresql://localhost:5433/",
            &[("host", "localhost"), ("port", "5433")],
        );
        check(
            "postgresql://ann@localhost",
            &[("user", "ann"), ("host", "localhost")],
        );
        check(
            "postgresql://ann:s%2Fp%40t@localhost/my%20db?sslmode=require",
            &[
                ("user", "ann"),
                ("password", "s/p@t"),
                ("host", "localhost"),
                ("dbname", "my db"),
                ("sslmode", "require"),
            ],
        );
        check(
            "postgresql://a:1,b,[::1]:3/db",
            &[("host", "a,b,::1"), ("port", "1,,3"), ("dbname", "db")],
        );
        check(
            "postgresql:///db?host=/tmp&port=1",
            &[("dbname", "db"), ("host", "/tmp"), ("port", "1")],
        );
        check("postgresql://%2Ftmp/db", &[("host", "/tmp"), ("dbname", "db")]);
        check("postgresql:///?user=a@b", &[("user", "a@b")]);
        check(
            "postgresql://u:p?q=r@h",
            &[("user", "u"), ("password", "p?q=r"), ("host", "h")],
        );
        check("postgres://h?ssl=true", &[("host", "h"), ("sslmode", "require")]);
    }

    #[test]
    fn quotes_nothing_that_may_be_a_password() {
        check_error(
            "postgres://u:pa/ss@h/db",
            "the connection string is not valid: a port must be a number; if this is the password, \
             its / and ? must be percent-encoded (at character 14)",
        );
        let unencoded = "the connection string is not valid: an @, or a / before it, must be percent-encoded";
        check_error(
            "postgres://u:1/ss@h/db",
            &format!("{unencoded} (at character 16)"),
        );
        check_error(
            "postgres://u:1/s?secret=1@h/db",
            &format!("{unencoded} (at character 18)"),
        );
        check_error(
            "postgres://u:pa@ss@h/db",
            &format!("{unencoded} (at character 17)"),
        );
        check_error(
            "postgres://u:p%zz@h/db",
            "the connection string is not valid: two hexadecimal digits must follow a %; \
             a % itself is %25 (at character 14)",
        );
    }

    #[test]
    fn names_an_unknown_keyword() {
        check_error(
            "postgres://h/db?sslmod=require",
            "unknown keyword \"sslmod\" in the connection string: did you mean \"sslmode\"?",
        );
    }

    fn encode(text: &str) -> String {
        text.bytes()
            .fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"))
    }

    proptest! {
        #[test]
        fn percent_encoding_round_trips(user in "[^\0]{1,20}", password in "[^\0]{1,20}", dbname in "[^\0]{1,20}") {
            let url = format!("postgresql://{}:{}@h/{}", encode(&user), encode(&password), encode(&dbname));
            let pairs = parse(&url).unwrap();
            let values: Vec<_> = pairs.into_iter().map(|(_, value)| value).collect();
            prop_assert_eq!(values, vec![user, password, "h".to_owned(), dbname]);
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = parse(&format!("postgresql://{text}"));
        }
    }
}
