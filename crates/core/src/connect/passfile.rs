//! The password file ([34.16]).
//!
//! [34.16]: https://www.postgresql.org/docs/18/libpq-pgpass.html

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::{Origin, Password};

/// Why a password file was not used. Connecting goes on without it, as in libpq.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PassfileWarning {
    /// Others than its owner may use it; libpq ignores it then, and so do we.
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is a directory, a device or the like.
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// It exists, and cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl fmt::Display for PassfileWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooOpen { path, mode } => write!(
                f,
                "the password file {} is ignored: its permissions are {mode:04o}, and must be 0600 or less",
                path.display()
            ),
            Self::NotAFile { path } => {
                write!(
                    f,
                    "the password file {} is ignored: it is not a plain file",
                    path.display()
                )
            }
            Self::Unreadable { path, reason } => {
                write!(f, "the password file {} is ignored: {reason}", path.display())
            }
        }
    }
}

/// The text of a password file that may be used.
pub(super) struct Passfile {
    path: PathBuf,
    text: String,
}

impl Passfile {
    /// Reads the file; `None` when there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, PassfileWarning> {
        let unreadable = |error: io::Error| PassfileWarning::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        if !metadata.is_file() {
            return Err(PassfileWarning::NotAFile {
                path: path.to_owned(),
            });
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = metadata.permissions().mode() & 0o7777;
            if mode & 0o077 != 0 {
                return Err(PassfileWarning::TooOpen {
                    path: path.to_owned(),
                    mode,
                });
            }
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Ok(Some(Self {
            path: path.to_owned(),
            text,
        }))
    }

    /// The password of the first line that fits.
    pub(super) fn find(&self, host: &str, port: u16, dbname: &str, user: &str) -> Option<(Password, Origin)> {
        let (line, password) = find(&self.text, &[host, &port.to_string(), dbname, user])?;
        Some((
            Password::new(password),
            Origin::Passfile {
                path: self.path.clone(),
                line,
            },
        ))
    }
}

/// Finds the first line `host:port:database:user:password` whose four fields fit.
fn find(text: &str, wanted: &[&str; 4]) -> Option<(usize, String)> {
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        let mut rest = line;
        let fits = wanted.iter().all(|wanted| {
            let Some((field, after)) = split_field(rest) else {
                return false;
            };
            rest = after;
            field == "*" || unescape(field) == *wanted
        });
        if fits {
            // Whatever follows another unescaped colon is not part of the password, as in libpq.
            let password = split_field(rest).map_or(rest, |(field, _)| field);
            return Some((index + 1, unescape(password)));
        }
    }
    None
}

/// Splits at the first colon that no backslash escapes.
fn split_field(line: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (index, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b':' => return Some((&line[..index], &line[index + 1..])),
            _ => {}
        }
    }
    None
}

/// Takes each escaped character as it is; a backslash at the end stands for itself.
fn unescape(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut characters = field.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(usize, &str)>) {
        let found = find(text, &["db.example.org", "5432", "wdpa", "ann"]);
        assert_eq!(
            found.as_ref().map(|(line, password)| (*line, password.as_str())),
            expected
        );
    }

    #[test]
    fn the_first_line_that_fits_wins() {
        check("", None);
        check("db.example.org:5432:wdpa:ann:pw", Some((1, "pw")));
        check(
            "# comment\nother:*:*:*:no\n*:*:*:*:yes\ndb.example.org:5432:wdpa:ann:late",
            Some((3, "yes")),
        );
        check("*:*:*:bob:no\r\n*:5432:*:ann:pw\r\n", Some((2, "pw")));
        check("*:*:*:ann", None);
        check("*:*:*:ann:", Some((1, "")));
    }

    #[test]
    fn only_a_lone_star_is_a_wildcard() {
        check("db*:*:*:*:pw", None);
        check(r"\*:*:*:*:pw", None);
    }

    #[test]
    fn colons_and_backslashes_are_escaped() {
        check(r"*:*:*:*:a\:b\\c", Some((1, r"a:b\c")));
        check(r"*:*:*:*:a:b", Some((1, "a")));
        check(r"*:*:*:a\nn:pw", Some((1, "pw")));
        check(r"*:*:*:*:pw\", Some((1, r"pw\")));
    }

    fn escape(text: &str) -> String {
        text.replace('\\', r"\\").replace(':', r"\:")
    }

    proptest! {
        #[test]
        fn escapes_round_trip(
            // A field that is exactly * is the wildcard, and a line cannot start with #.
            host in "[^\r\n#*][^\r\n]*", dbname in "[^\r\n*]+", user in "[^\r\n*]+", password in "[^\r\n]*",
        ) {
            let line = format!("{}:1:{}:{}:{}", escape(&host), escape(&dbname), escape(&user), escape(&password));
            prop_assert_eq!(find(&line, &[&host, "1", &dbname, &user]), Some((1, password)));
        }

        #[test]
        fn never_panics(text in any::<String>(), wanted in any::<[String; 4]>()) {
            let _ = find(&text, &[&wanted[0], &wanted[1], &wanted[2], &wanted[3]]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_open_to_others_is_ignored() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pgpass");
        std::fs::write(&path, "*:*:*:*:pw\n").unwrap();
        for (mode, usable) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o660, false),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = Passfile::read(&path);
            assert_eq!(read.is_ok(), usable, "{mode:o}");
            if let Err(warning) = read {
                assert_eq!(
                    warning,
                    PassfileWarning::TooOpen {
                        path: path.clone(),
                        mode
                    }
                );
            }
        }
    }

    #[test]
    fn a_missing_file_is_silent_and_a_directory_is_not() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(Passfile::read(&directory.path().join("none")), Ok(None)));
        assert!(matches!(
            Passfile::read(directory.path()),
            Err(PassfileWarning::NotAFile { .. })
        ));
    }
}
