//! The word that was probably meant.

/// The candidate most like `word`, where one is near enough to be worth proposing.
///
/// ```
/// use cutover_core::release_file::nearest;
///
/// assert_eq!(nearest("iso_3", ["site_id", "iso3"]), Some("iso3"));
/// assert_eq!(nearest("country", ["site_id", "iso3"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let reach = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `; did you mean …?`, or the list of what there is when nothing is near: the end of a message that a word is not known.
///
/// ```
/// use cutover_core::release_file::suggestion;
///
/// let columns = ["site_id", "iso3"];
/// assert_eq!(suggestion("iso_3", &columns, "it has"), "; did you mean `iso3`?");
/// assert_eq!(suggestion("country", &columns, "it has"), "; it has: `site_id`, `iso3`");
/// ```
#[must_use]
pub fn suggestion(word: &str, candidates: &[&str], what: &str) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if candidates.is_empty() => String::new(),
        None => format!("; {what}: {}", listed(candidates)),
    }
}

/// `` `a`, `b`, `c` ``
pub(super) fn listed(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposes_only_what_is_near() {
        let keys = ["columns", "query", "csv"];
        assert_eq!(nearest("colums", keys), Some("columns"));
        assert_eq!(nearest("cvs", keys), Some("csv"));
        assert_eq!(nearest("sql", keys), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(
            suggestion("sql", &keys, "known are"),
            "; known are: `columns`, `query`, `csv`"
        );
    }
}
