//! SQL as `pg_dump` prints it, cut into tokens.

/// A piece of SQL; all of them together are the text again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
}

impl Token<'_> {
    /// What the token names, when it is an identifier (or a keyword, which looks the same).
    pub(super) fn identifier(self) -> Option<String> {
        let first = self.text.chars().next()?;
        if first == '"' {
            let inner = self.text.strip_prefix('"')?.strip_suffix('"')?;
            return Some(inner.replace("\"\"", "\""));
        }
        (is_word(first) && !first.is_ascii_digit() && first != '$').then(|| self.text.to_owned())
    }

    /// What a string constant holds.
    pub(super) fn string(self) -> Option<String> {
        let inner = self.text.strip_prefix('\'')?.strip_suffix('\'')?;
        Some(inner.replace("''", "'"))
    }
}

pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => quoted_length(rest, first),
            '$' => dollar_quoted_length(rest).unwrap_or(1),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (text, after) = rest.split_at(length);
        tokens.push(Token { text });
        rest = after;
    }
    tokens
}

/// The names at `schema . name`, with the place of the name among the tokens.
pub(super) fn qualified_names(tokens: &[Token<'_>]) -> Vec<(usize, String, String)> {
    let is_dot = |at: usize| tokens.get(at).is_some_and(|token| token.text == ".");
    (2..tokens.len())
        .filter(|at| is_dot(at - 1) && (*at == 2 || !is_dot(at - 3)))
        .filter_map(|at| Some((at, tokens[at - 2].identifier()?, tokens[at].identifier()?)))
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Up to the closing quote; doubled quotes belong to the token.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut at = 1;
    loop {
        at += text[at..].find(quote).expect("a closing quote") + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
}

fn dollar_quoted_length(text: &str) -> Option<usize> {
    let tag_end = text[1..].find('$')? + 2;
    let tag = &text[..tag_end];
    tag[1..tag_end - 1].chars().all(is_word).then_some(())?;
    Some(tag_end + text[tag_end..].find(tag)? + tag.len())
}

#[test]
fn tokens_are_the_text_again() {
    let sql = r#"CREATE x."a ""b""." ('it''s' || E'\\', $1, $f$ ' " $f$, 1.5) -- é"#;
    let cut = tokens(sql);
    assert_eq!(cut.iter().map(|token| token.text).collect::<String>(), sql);
    assert!(
        cut.iter()
            .any(|token| token.identifier().as_deref() == Some("a \"b\"."))
    );
    assert!(cut.iter().any(|token| token.string().as_deref() == Some("it's")));
    assert!(cut.iter().any(|token| token.text == "$f$ ' \" $f$"));
    let named: Vec<_> = qualified_names(&cut)
        .into_iter()
        .map(|(_, _, name)| name)
        .collect();
    assert_eq!(named, ["a \"b\"."]);
}
