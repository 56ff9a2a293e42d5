//! What a hook printed or was answered: its end, with secrets masked.

use std::fmt;

use reqwest::Url;

/// How much of an output is kept, in bytes.
const KEPT: usize = 8 * 1024;
/// A shorter text is no secret worth hiding, and would be found in every other word.
const SHORTEST: usize = 4;
/// A path of a webhook that is shorter holds no token.
const TOKEN: usize = 16;
const MASK: &str = "***";

/// The values that are not shown.
#[derive(Clone, Default)]
pub(super) struct Masks(Vec<String>);

impl Masks {
    /// Hides a value; of a URL its password as well, of a webhook what may be a token, of a header the word after its scheme
    /// (`Bearer …`).
    pub(super) fn add(&mut self, value: &str) {
        self.hide(value);
        if let Some((_, last)) = value.rsplit_once(' ') {
            self.hide(last);
        }
        if let Ok(url) = value.parse::<Url>() {
            // As it is written there: whoever prints it most likely had it from there.
            self.hide(url.password().unwrap_or_default());
            if url.scheme().starts_with("http") && url.path().len() >= TOKEN {
                self.hide(url.path());
            }
            self.hide(url.query().unwrap_or_default());
        }
    }

    fn hide(&mut self, value: &str) {
        if value.len() >= SHORTEST && !self.0.iter().any(|known| known == value) {
            self.0.push(value.to_owned());
            // What holds another is replaced first.
            self.0.sort_by_key(|value| std::cmp::Reverse(value.len()));
        }
    }

    /// The text with every value replaced.
    pub(super) fn mask(&self, text: &str) -> String {
        let replace = |text: String, value: &String| text.replace(value.as_str(), MASK);
        self.0.iter().fold(text.to_owned(), replace)
    }

    fn longest(&self) -> usize {
        self.0.first().map_or(0, String::len)
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masks({})", self.0.len())
    }
}

/// The end of an output, however long it is.
#[derive(Debug, Default)]
pub(super) struct Tail {
    kept: Vec<u8>,
    left_out: usize,
}

impl Tail {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        // Not at every write: what is before is moved each time.
        if self.kept.len() > 2 * KEPT {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let beyond = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..beyond);
        self.left_out += beyond;
    }

    /// The text: no control characters but line ends and tabs, no secrets, no end of the line.
    pub(super) fn into_text(mut self, masks: &Masks) -> String {
        self.cut();
        let mut kept = self.kept.as_slice();
        if self.left_out > 0 {
            // Where it was cut, a secret may have been cut too, and its rest would not be found: what could be one goes.
            let skipped = masks.longest().min(kept.len());
            self.left_out += skipped;
            kept = &kept[skipped..];
        }
        let text = String::from_utf8_lossy(kept);
        let text: String = text.chars().filter_map(printable).collect();
        let text = masks.mask(text.trim_end());
        if self.left_out > 0 {
            format!("[{} bytes before] {text}", self.left_out)
        } else {
            text
        }
    }
}

/// A terminal acts on control characters, and `jsonb` cannot hold NUL.
fn printable(c: char) -> Option<char> {
    match c {
        '\n' | '\t' => Some(c),
        '\r' => None,
        c if c.is_control() => Some(char::REPLACEMENT_CHARACTER),
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks() -> Masks {
        let mut masks = Masks::default();
        masks.add("postgresql://ann:hunter2@db/wdpa");
        masks.add("Bearer 0123456789");
        masks.add("abc");
        masks
    }

    #[track_caller]
    fn check(written: &[&[u8]], expected: &str) {
        let mut tail = Tail::default();
        for bytes in written {
            tail.push(bytes);
        }
        assert_eq!(tail.into_text(&masks()), expected);
    }

    #[test]
    fn secrets_are_masked_however_they_were_written() {
        check(&[b"postgresql://ann:hunter2@db/wdpa"], "***");
        check(&[b"the password is hun", b"ter2\n"], "the password is ***");
        check(
            &[b"Authorization: Bearer 0123456789 or 0123456789, abc"],
            "Authorization: *** or ***, abc",
        );
    }

    #[test]
    fn control_characters_do_not_come_through() {
        check(
            &[b"a\x1b[31m\0b\r\n\tc \xff\n\n"],
            "a\u{fffd}[31m\u{fffd}b\n\tc \u{fffd}",
        );
    }

    /// Wherever the end begins, no piece of a secret is left of the one it begins in.
    #[test]
    fn of_a_long_output_the_end_is_kept() {
        for before in 0..=40 {
            let mut tail = Tail::default();
            for _ in 0..1000 {
                tail.push(b"0123456789 hunter2 ");
            }
            tail.push(&vec![b'x'; KEPT - before]);
            tail.push(b"the end");
            let text = tail.into_text(&masks());
            assert!(text.len() <= KEPT + 40, "{}", text.len());
            assert!(text.starts_with('[') && text.ends_with("xthe end"), "{text:.60}");
            let end = &text[text.find(']').unwrap()..];
            assert!(!end.contains(['1', '2', '9', 'u', 'r']), "{end:.60}");
        }
    }
}
