//! The comparison as people read it: a heading for each relation, a line for each difference.

use std::fmt;

use cutover_core::{ObjectKind, ObjectName};

use super::difference::or_none;
use super::{Change, Difference, RelationDiff, StructuralDiff};

/// Values are shown from here on before the first character that differs, and only so much of them.
const BEFORE: usize = 24;
const SHOWN: usize = 96;

impl fmt::Display for StructuralDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no differences");
        }
        for (n, relation) in self.relations.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{relation}")?;
        }
        Ok(())
    }
}

/// Missing things first, then what is extra, then what is not the same; no line break at the end.
impl fmt::Display for RelationDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.live, self.staging)?;
        let rank = |difference: &&Difference| match difference.change {
            Change::Missing => 0,
            Change::Extra => 1,
            Change::Different { .. } => 2,
        };
        let mut differences: Vec<&Difference> = self.differences.iter().collect();
        differences.sort_by_key(rank);
        for difference in differences {
            let object = short(&difference.object, self);
            match &difference.change {
                Change::Missing => write!(f, "\n  missing    {object}")?,
                Change::Extra => write!(f, "\n  extra      {object}")?,
                Change::Different {
                    property,
                    live,
                    staging,
                } => {
                    let (live, staging) = excerpts(or_none(live), or_none(staging));
                    write!(f, "\n  different  {object}: {property} {live} → {staging}")?;
                }
            }
        }
        Ok(())
    }
}

/// An object without what the heading says already.
fn short(object: &ObjectName, of: &RelationDiff) -> String {
    let is_the_relation = object.of.is_none()
        && object.name == of.live.name
        && !matches!(
            object.kind,
            ObjectKind::Index | ObjectKind::Sequence | ObjectKind::ExtendedStatistics
        );
    if is_the_relation {
        return object.kind.to_string();
    }
    let elsewhere = object.of.as_ref().filter(|relation| **relation != of.live);
    match elsewhere {
        None => format!("{} {}", object.kind, object.name),
        Some(_) => object.to_string(),
    }
}

/// Two values on one line: long ones are cut to where they differ.
fn excerpts(a: &str, b: &str) -> (String, String) {
    let (a, b) = (one_line(a), one_line(b));
    if a.len() <= SHOWN && b.len() <= SHOWN {
        return (as_text(&a), as_text(&b));
    }
    let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let from = same.saturating_sub(BEFORE);
    (cut(&a, from), cut(&b, from))
}

fn one_line(text: &str) -> Vec<char> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().collect()
}

fn cut(text: &[char], from: usize) -> String {
    let rest = text.get(from..).unwrap_or_default();
    let before = if from > 0 { "…" } else { "" };
    let after = if rest.len() > SHOWN { "…" } else { "" };
    let shown = rest.get(..SHOWN).unwrap_or(rest);
    format!("{before}{}{after}", as_text(shown))
}

fn as_text(chars: &[char]) -> String {
    chars.iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, expected: (&str, &str)) {
        let (a, b) = excerpts(a, b);
        assert_eq!((a.as_str(), b.as_str()), expected);
    }

    #[test]
    fn short_values_are_shown_whole_on_one_line() {
        check("a\n  b", "c", ("a b", "c"));
    }

    #[test]
    fn long_values_are_cut_to_where_they_differ() {
        let common = "é".repeat(200);
        check(
            &format!("{common}x"),
            &format!("{common}y"),
            (
                &format!("…{}x", "é".repeat(BEFORE)),
                &format!("…{}y", "é".repeat(BEFORE)),
            ),
        );
        check(
            &format!("x{common}"),
            "y",
            (&format!("x{}…", "é".repeat(SHOWN - 1)), "y"),
        );
    }
}
