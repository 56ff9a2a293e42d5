//! libpq's keywords, as one table: what we use, what changes nothing for us, and what must not be ignored.

use std::collections::BTreeMap;

use super::{ConnectSettingsError, Environment, Origin};

/// A keyword of a connection string ([34.1.2]) and the environment variable behind it ([34.15]).
///
/// [34.1.2]: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS
/// [34.15]: https://www.postgresql.org/docs/18/libpq-envars.html
#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    variable: Option<&'static str>,
    support: Support,
}

#[derive(Debug)]
enum Support {
    /// Does here what it does in libpq.
    Used,
    /// Has no effect on what we do, whatever its value.
    Ignored,
    /// Not implemented, and only these values ask for what we do anyway. Ignoring others could weaken security.
    Only(&'static [&'static str]),
}

const fn used(name: &'static str, variable: &'static str) -> Keyword {
    Keyword {
        name,
        variable: Some(variable),
        support: Support::Used,
    }
}

const fn used_without_variable(name: &'static str) -> Keyword {
    Keyword {
        name,
        variable: None,
        support: Support::Used,
    }
}

const fn ignored(name: &'static str, variable: &'static str) -> Keyword {
    Keyword {
        name,
        variable: Some(variable),
        support: Support::Ignored,
    }
}

const fn only(
    name: &'static str,
    variable: Option<&'static str>,
    values: &'static [&'static str],
) -> Keyword {
    Keyword {
        name,
        variable,
        support: Support::Only(values),
    }
}

static KEYWORDS: &[Keyword] = &[
    used("host", "PGHOST"),
    used("hostaddr", "PGHOSTADDR"),
    used("port", "PGPORT"),
    used("dbname", "PGDATABASE"),
    used("user", "PGUSER"),
    used("password", "PGPASSWORD"),
    used("passfile", "PGPASSFILE"),
    used("service", "PGSERVICE"),
    used("servicefile", "PGSERVICEFILE"),
    used("options", "PGOPTIONS"),
    used("application_name", "PGAPPNAME"),
    used_without_variable("fallback_application_name"),
    used("connect_timeout", "PGCONNECT_TIMEOUT"),
    used("target_session_attrs", "PGTARGETSESSIONATTRS"),
    used("channel_binding", "PGCHANNELBINDING"),
    used_without_variable("keepalives"),
    used_without_variable("keepalives_idle"),
    used_without_variable("keepalives_interval"),
    used_without_variable("keepalives_count"),
    used_without_variable("tcp_user_timeout"),
    used("sslmode", "PGSSLMODE"),
    used("sslrootcert", "PGSSLROOTCERT"),
    used("sslcert", "PGSSLCERT"),
    used("sslkey", "PGSSLKEY"),
    // We always speak UTF-8, never GSSAPI, and TLS compression is long gone.
    ignored("client_encoding", "PGCLIENTENCODING"),
    ignored("krbsrvname", "PGKRBSRVNAME"),
    ignored("gsslib", "PGGSSLIB"),
    ignored("gssdelegation", "PGGSSDELEGATION"),
    ignored("sslcompression", "PGSSLCOMPRESSION"),
    only("gssencmode", Some("PGGSSENCMODE"), &["disable", "prefer"]),
    only("sslnegotiation", Some("PGSSLNEGOTIATION"), &["postgres"]),
    only("sslsni", Some("PGSSLSNI"), &["1"]),
    only("sslcertmode", Some("PGSSLCERTMODE"), &["allow"]),
    only(
        "ssl_min_protocol_version",
        Some("PGSSLMINPROTOCOLVERSION"),
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
    ),
    only(
        "ssl_max_protocol_version",
        Some("PGSSLMAXPROTOCOLVERSION"),
        &["TLSv1.3"],
    ),
    only("min_protocol_version", Some("PGMINPROTOCOLVERSION"), &["3.0"]),
    only(
        "max_protocol_version",
        Some("PGMAXPROTOCOLVERSION"),
        &["3.0", "3.2", "latest"],
    ),
    only("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), &["disable"]),
    only("replication", None, &["false", "off", "no", "0"]),
    only("requirepeer", Some("PGREQUIREPEER"), &[]),
    only("require_auth", Some("PGREQUIREAUTH"), &[]),
    only("sslcrl", Some("PGSSLCRL"), &[]),
    only("sslcrldir", Some("PGSSLCRLDIR"), &[]),
    only("sslpassword", None, &[]),
    only("sslkeylogfile", None, &[]),
    only("scram_client_key", None, &[]),
    only("scram_server_key", None, &[]),
    only("oauth_issuer", None, &[]),
    only("oauth_client_id", None, &[]),
    only("oauth_client_secret", None, &[]),
    only("oauth_scope", None, &[]),
];

impl Keyword {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        KEYWORDS.iter().find(|keyword| keyword.name == name)
    }

    /// Finds a keyword, or names the nearest one.
    pub(super) fn require(name: &str, origin: &Origin) -> Result<&'static Self, ConnectSettingsError> {
        Self::find(name).ok_or_else(|| ConnectSettingsError::UnknownKeyword {
            keyword: name.to_owned(),
            nearest: nearest(name),
            origin: origin.clone(),
        })
    }
}

/// The keyword most like `name`, when one is alike at all.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    // What most other clients call it.
    if strsim::jaro_winkler(&name, "database") > 0.9 {
        return Some("dbname");
    }
    let (likeness, nearest) = KEYWORDS
        .iter()
        .map(|keyword| (strsim::jaro_winkler(&name, keyword.name), keyword.name))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (likeness > 0.75).then_some(nearest)
}

/// The values of the keywords, each with its origin.
#[derive(Default)]
pub(super) struct Values(BTreeMap<&'static str, (String, Origin)>);

impl Values {
    /// Sets a value; the last of several wins, as within one connection string.
    pub(super) fn replace(&mut self, keyword: &'static Keyword, value: String, origin: Origin) {
        self.0.insert(keyword.name, (value, origin));
    }

    /// Sets a value that nothing of higher precedence has set.
    pub(super) fn set_default(&mut self, keyword: &'static Keyword, value: String, origin: Origin) {
        self.0.entry(keyword.name).or_insert((value, origin));
    }

    /// Fills what is still open from the environment.
    pub(super) fn fill_from(&mut self, environment: &Environment) {
        for keyword in KEYWORDS {
            let Some(variable) = keyword.variable else {
                continue;
            };
            if let Some(value) = environment.get(variable) {
                self.set_default(keyword, value.to_owned(), Origin::Variable(variable));
            }
        }
    }

    /// The value and where it comes from. An explicitly empty value asks for the default, as in libpq.
    pub(super) fn get(&self, name: &'static str) -> Option<(&str, &Origin)> {
        debug_assert!(Keyword::find(name).is_some(), "{name} is no keyword");
        let (value, origin) = self.0.get(name)?;
        (!value.is_empty()).then_some((value.as_str(), origin))
    }

    pub(super) fn text(&self, name: &'static str) -> Option<&str> {
        self.get(name).map(|(value, _)| value)
    }

    /// Reads a value with `parse`; `expected` tells the user what it should have been. The error does not repeat
    /// the value: in a mistyped connection string it may be a piece of the password.
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConnectSettingsError> {
        let Some((value, origin)) = self.get(name) else {
            return Ok(None);
        };
        match parse(value) {
            Some(value) => Ok(Some(value)),
            None => Err(ConnectSettingsError::InvalidValue {
                keyword: name,
                expected,
                origin: origin.clone(),
            }),
        }
    }

    /// Refuses what we do not implement and must not ignore.
    pub(super) fn refuse_unsupported(&self) -> Result<(), ConnectSettingsError> {
        for keyword in KEYWORDS {
            let (Support::Only(values), Some((value, origin))) = (&keyword.support, self.get(keyword.name))
            else {
                continue;
            };
            if !values.contains(&value) {
                return Err(ConnectSettingsError::UnsupportedKeyword {
                    keyword: keyword.name,
                    allowed: values,
                    origin: origin.clone(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_nearest_keyword() {
        for (mistyped, meant) in [
            ("hots", Some("host")),
            ("databse", Some("dbname")),
            ("db_name", Some("dbname")),
            ("sslrootcret", Some("sslrootcert")),
            ("ssl_mode", Some("sslmode")),
            ("PASSWORD", Some("password")),
            ("zzz", None),
        ] {
            assert_eq!(nearest(mistyped), meant, "{mistyped}");
        }
    }

    #[test]
    fn keywords_and_variables_are_listed_once() {
        for (index, keyword) in KEYWORDS.iter().enumerate() {
            for other in &KEYWORDS[index + 1..] {
                assert_ne!(keyword.name, other.name);
                assert!(
                    keyword.variable.is_none() || keyword.variable != other.variable,
                    "{keyword:?}"
                );
            }
        }
    }
}
