//! How much of somebody else's query is told: it goes into events, the record store and logs, where no value belongs.

/// The query up to its first literal, or a comment that is not at its beginning: quoted and dollar-quoted strings, numbers,
/// parameters. Names are told, also quoted ones; comments at the beginning are left out.
pub(crate) fn beginning_of(query: &str) -> String {
    let text = after_comments(query);
    let (mut before, mut in_name) = (' ', false);
    for (at, character) in text.char_indices() {
        let begins = |what: &str| text.get(at..).is_some_and(|rest| rest.starts_with(what));
        let in_word = before.is_alphanumeric() || before == '_';
        let is_literal = match character {
            _ if in_name => false,
            '\'' | '$' => true,
            _ if character.is_ascii_digit() => !in_word,
            _ => begins("--") || begins("/*"),
        };
        if is_literal {
            let told = text.get(..at).unwrap_or_default();
            return format!("{told}…");
        }
        in_name ^= character == '"';
        before = character;
    }
    text.to_owned()
}

fn after_comments(query: &str) -> &str {
    let text = query.trim_start();
    if let Some(comment) = text.strip_prefix("--") {
        return comment
            .split_once('\n')
            .map_or("", |(_, rest)| after_comments(rest));
    }
    if let Some(comment) = text.strip_prefix("/*") {
        // Of comments in comments the rest is told no further than its own first literal either.
        return comment
            .split_once("*/")
            .map_or("", |(_, rest)| after_comments(rest));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::beginning_of;

    #[track_caller]
    fn check(query: &str, expected: &str) {
        assert_eq!(beginning_of(query), expected);
    }

    #[test]
    fn no_value_is_told() {
        check("SELECT count(*) FROM sites", "SELECT count(*) FROM sites");
        check("ALTER ROLE app PASSWORD 'secret'", "ALTER ROLE app PASSWORD …");
        check("SELECT 4711", "SELECT …");
        check(
            "SELECT * FROM t2 WHERE id=-17 AND x = 1",
            "SELECT * FROM t2 WHERE id=-…",
        );
        check("SELECT E'\\'secret', x", "SELECT E…");
        check("DO $$ secret $$", "DO …");
        check("SELECT $1, $2", "SELECT …");
        check("UPDATE t SET a = b -- secret\n, c = d", "UPDATE t SET a = b …");
        check("SELECT a /* secret */ FROM t", "SELECT a …");
    }

    #[test]
    fn names_are_told_whatever_is_in_them() {
        check(
            r#"SELECT "it's 1 --name" FROM "ünï 2""#,
            r#"SELECT "it's 1 --name" FROM "ünï 2""#,
        );
        check(r#"SELECT "cut in the mid"#, r#"SELECT "cut in the mid"#);
    }

    #[test]
    fn comments_at_the_beginning_are_left_out() {
        check("/* app: secret */ -- more\n SELECT a FROM t", "SELECT a FROM t");
        check("-- nothing else", "");
        check("/* never ended SELECT 1", "");
        check("", "");
    }
}
