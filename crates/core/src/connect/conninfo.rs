//! Key/value connection strings ([34.1.1.1]).
//!
//! [34.1.1.1]: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE

use std::iter::Peekable;
use std::str::Chars;

use super::keyword::Keyword;
use super::{ConnectSettingsError, Origin, url};

/// Reads a connection string of either form; later values of one keyword replace earlier ones.
pub(super) fn parse(conninfo: &str) -> Result<Vec<(&'static Keyword, String)>, ConnectSettingsError> {
    if url::is_url(conninfo) {
        return url::parse(conninfo);
    }
    let mut scanner = Scanner {
        rest: conninfo.chars().peekable(),
        position: 1,
    };
    let mut pairs: Vec<(&'static Keyword, String)> = Vec::new();
    loop {
        scanner.skip_spaces();
        let start = scanner.position;
        let name = scanner.word();
        if name.is_empty() && scanner.rest.peek().is_none() {
            return Ok(pairs);
        }
        scanner.skip_spaces();
        if scanner.next() != Some('=') {
            // What stands here may be the tail of a password, so it is not repeated.
            return Err(ConnectSettingsError::Syntax {
                problem: "a keyword lacks its \"=\"",
                position: start,
            });
        }
        let keyword = match Keyword::require(&name, &Origin::ConnectionString) {
            Err(_)
                if pairs
                    .last()
                    .is_some_and(|(previous, _)| previous.name == "password") =>
            {
                return Err(ConnectSettingsError::Syntax {
                    problem: "a password with a space in it must stand in single quotes",
                    position: start,
                });
            }
            found => found?,
        };
        scanner.skip_spaces();
        pairs.push((keyword, scanner.value()?));
    }
}

struct Scanner<'a> {
    rest: Peekable<Chars<'a>>,
    position: usize,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        self.position += 1;
        Some(next)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        if wanted(*self.rest.peek()?) {
            self.next()
        } else {
            None
        }
    }

    fn skip_spaces(&mut self) {
        while self.next_if(|c| c.is_ascii_whitespace()).is_some() {}
    }

    fn word(&mut self) -> String {
        std::iter::from_fn(|| self.next_if(|c| !c.is_ascii_whitespace() && c != '=')).collect()
    }

    fn value(&mut self) -> Result<String, ConnectSettingsError> {
        let start = self.position;
        let quoted = self.next_if(|c| c == '\'').is_some();
        let mut value = String::new();
        loop {
            match self.rest.peek() {
                None if quoted => {
                    return Err(ConnectSettingsError::Syntax {
                        problem: "a quoted value lacks its closing quote",
                        position: start,
                    });
                }
                None => return Ok(value),
                Some('\'') if quoted => {
                    self.next();
                    return Ok(value);
                }
                Some(c) if !quoted && c.is_ascii_whitespace() => return Ok(value),
                Some('\\') => {
                    self.next();
                    value.extend(self.next());
                }
                Some(_) => value.extend(self.next()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(conninfo: &str, expected: &[(&str, &str)]) {
        let pairs = parse(conninfo).unwrap();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(keyword, value)| (keyword.name, value.as_str()))
            .collect();
        assert_eq!(pairs, expected);
    }

    #[track_caller]
    fn check_error(conninfo: &str, expected: &str) {
        assert_eq!(parse(conninfo).unwrap_err().to_string(), expected);
    }

    #[test]
    fn reads_pairs_quotes_and_escapes() {
        check("", &[]);
        check(" \n", &[]);
        check("host=a port = 1", &[("host", "a"), ("port", "1")]);
        check(
            r"password='it\'s a \\' user=b",
            &[("password", r"it's a \"), ("user", "b")],
        );
        check(r"password=a\ b", &[("password", "a b")]);
        check("host='' user=x", &[("host", ""), ("user", "x")]);
        check("host= ", &[("host", "")]);
        check("user=ä€ dbname='日 本'", &[("user", "ä€"), ("dbname", "日 本")]);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        check_error(
            "host",
            "the connection string is not valid: a keyword lacks its \"=\" (at character 1)",
        );
        check_error(
            "mydb",
            "the connection string is not valid: a keyword lacks its \"=\" (at character 1)",
        );
        check_error(
            "user='a",
            "the connection string is not valid: a quoted value lacks its closing quote (at character 6)",
        );
        check_error(
            "hots=a",
            "unknown keyword \"hots\" in the connection string: did you mean \"host\"?",
        );
        check_error("=a", "unknown keyword \"\" in the connection string");
        check_error(
            "password=correct horse=battery",
            "the connection string is not valid: a password with a space in it must stand in single quotes \
             (at character 18)",
        );
    }

    proptest! {
        #[test]
        fn escapes_round_trip(value in any::<String>()) {
            let escaped = value.replace('\\', r"\\").replace('\'', r"\'");
            let pairs = parse(&format!("password='{escaped}'")).unwrap();
            prop_assert_eq!(&pairs[0].1, &value);
        }

        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
