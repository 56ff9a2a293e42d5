//! The connection service file ([34.17]).
//!
//! [34.17]: https://www.postgresql.org/docs/18/libpq-pgservice.html

use std::io;
use std::path::{Path, PathBuf};

use super::keyword::{Keyword, Values};
use super::{ConnectSettingsError, Environment, Origin};

/// Where Debian and its derivatives keep `pg_service.conf`; others set `PGSYSCONFDIR`.
const SYSTEM_DIRECTORY: &str = "/etc/postgresql-common";

/// Adds the values of the service that is asked for, if one is, below what is set already.
///
/// The user's file comes first; the system's is read when that one does not define the service.
pub(super) fn apply(values: &mut Values, environment: &Environment) -> Result<(), ConnectSettingsError> {
    let Some(service) = values
        .text("service")
        .or_else(|| environment.get("PGSERVICE"))
        .map(str::to_owned)
    else {
        return Ok(());
    };
    let users_file = values
        .text("servicefile")
        .or_else(|| environment.get("PGSERVICEFILE"))
        .map(PathBuf::from)
        .or_else(|| environment.home().map(|home| home.join(".pg_service.conf")));
    let system_directory = environment.get("PGSYSCONFDIR").unwrap_or(SYSTEM_DIRECTORY);
    let system_file = Path::new(system_directory).join("pg_service.conf");

    let searched: Vec<_> = users_file.into_iter().chain([system_file]).collect();
    for path in &searched {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(ConnectSettingsError::ReadFile {
                    what: "service file",
                    path: path.clone(),
                    source,
                });
            }
        };
        if let Some(entries) = parse(&text, &service, path)? {
            for entry in entries {
                let origin = Origin::ServiceFile {
                    path: path.clone(),
                    line: entry.line,
                };
                values.set_default(entry.keyword, entry.value, origin);
            }
            return Ok(());
        }
    }
    Err(ConnectSettingsError::ServiceNotFound { service, searched })
}

#[derive(Debug)]
struct Entry {
    line: usize,
    keyword: &'static Keyword,
    value: String,
}

/// Reads the section `[service]`; `None` when there is none. As in libpq, spaces around `=` are not allowed.
fn parse(text: &str, service: &str, path: &Path) -> Result<Option<Vec<Entry>>, ConnectSettingsError> {
    let mut entries: Option<Vec<Entry>> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let bad = |problem| {
            Err(ConnectSettingsError::ServiceFile {
                path: path.to_owned(),
                line: number,
                problem,
            })
        };
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            if entries.is_some() {
                break;
            }
            if header.strip_suffix(']') == Some(service) {
                entries = Some(Vec::new());
            }
            continue;
        }
        let Some(entries) = &mut entries else { continue };
        if line.starts_with("ldap") && line.contains("://") {
            return bad("LDAP lookup is not supported");
        }
        let Some((name, value)) = line.split_once('=') else {
            return bad("neither [service] nor keyword=value");
        };
        if name.ends_with(|c: char| c.is_ascii_whitespace()) {
            return bad("spaces around the \"=\" are not allowed");
        }
        if name == "service" || name == "servicefile" {
            return bad("a service cannot refer to another");
        }
        let origin = Origin::ServiceFile {
            path: path.to_owned(),
            line: number,
        };
        let keyword = Keyword::require(name, &origin)?;
        entries.push(Entry {
            line: number,
            keyword,
            value: value.to_owned(),
        });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str =
        "# services\n[first]\nhost=a\n\n[second]\n  host=b \nport=1\nport=2\n[third]\nhost=c\n";

    #[track_caller]
    fn check(text: &str, service: &str, expected: Option<&[(usize, &str, &str)]>) {
        let entries = parse(text, service, Path::new("f")).unwrap();
        let entries = entries.as_ref().map(|entries| {
            entries
                .iter()
                .map(|e| (e.line, e.keyword.name, e.value.as_str()))
                .collect::<Vec<_>>()
        });
        assert_eq!(entries.as_deref(), expected);
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(
            parse(text, "s", Path::new("f")).unwrap_err().to_string(),
            expected
        );
    }

    #[test]
    fn reads_one_section() {
        check(FILE, "first", Some(&[(3, "host", "a")]));
        check(
            FILE,
            "second",
            Some(&[(6, "host", "b"), (7, "port", "1"), (8, "port", "2")]),
        );
        check(FILE, "third", Some(&[(10, "host", "c")]));
        check(FILE, "sec", None);
        check("[s]\r\nhost=a=b c\r\n", "s", Some(&[(2, "host", "a=b c")]));
        // Other sections are not ours to judge.
        check("[other]\nnonsense\n[s]\n", "s", Some(&[]));
    }

    #[test]
    fn names_file_and_line() {
        check_error(
            "[s]\nhost",
            "line 2 of the service file f is not valid: neither [service] nor keyword=value",
        );
        check_error(
            "[s]\n\nhost = a",
            "line 3 of the service file f is not valid: spaces around the \"=\" are not allowed",
        );
        check_error(
            "[s]\nservice=t",
            "line 2 of the service file f is not valid: a service cannot refer to another",
        );
        check_error(
            "[s]\nhots=a",
            "unknown keyword \"hots\" in line 2 of the service file f: did you mean \"host\"?",
        );
    }

    #[test]
    fn the_first_value_of_a_section_wins() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("services");
        std::fs::write(&path, FILE).unwrap();
        let mut values = Values::default();
        let environment =
            Environment::from_iter([("PGSERVICE", "second"), ("PGSERVICEFILE", path.to_str().unwrap())]);
        apply(&mut values, &environment).unwrap();
        assert_eq!(values.text("port"), Some("1"));
    }

    proptest! {
        #[test]
        fn any_value_round_trips(value in "[^\r\n]*") {
            let value = value.trim_ascii_end();
            let text = format!("[s]\npassword={value}\n");
            let entries = parse(&text, "s", Path::new("f")).unwrap().unwrap();
            prop_assert_eq!(&entries[0].value, value);
        }

        #[test]
        fn never_panics(text in any::<String>(), service in any::<String>()) {
            let _ = parse(&text, &service, Path::new("f"));
            let _ = parse(&format!("[{service}]\n{text}"), &service, Path::new("f"));
        }
    }
}
