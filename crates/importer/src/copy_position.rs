//! Where in a COPY the server says that an error happened.

use cutover_core::{DatabaseError, Ident, QualifiedName};

/// Where in a COPY the server says an error happened: `COPY staging_x, line 3, column year: "abc"`.
///
/// The words may be translated (`lc_messages`); their order is not.
pub(crate) fn copy_position(
    error: &DatabaseError,
    table: &QualifiedName,
    columns: &[Ident],
) -> Option<(u64, Option<Ident>)> {
    let context = error.inner().as_db_error()?.where_()?;
    parse_position(context, table.name.as_str(), columns)
}

fn parse_position(context: &str, table: &str, columns: &[Ident]) -> Option<(u64, Option<Ident>)> {
    context.lines().find_map(|line| {
        let rest = line
            .strip_prefix("COPY ")?
            .strip_prefix(table)?
            .strip_prefix(", ")?;
        let (_, rest) = rest.split_once(' ')?;
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = rest[..digits].parse().ok()?;
        let column = rest[digits..].strip_prefix(", ").and_then(|rest| {
            let (_, rest) = rest.split_once(' ')?;
            // The longest match: one column's name may begin with another's.
            let matching = columns.iter().filter(|column| rest.starts_with(column.as_str()));
            matching.max_by_key(|column| column.as_str().len()).cloned()
        });
        Some((number, column))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(context: &str, expected: Option<(u64, Option<&str>)>) {
        let columns = ["year", "year, line 2", "area"].map(|name| Ident::new(name).unwrap());
        let expected = expected.map(|(line, column)| (line, column.map(|name| Ident::new(name).unwrap())));
        assert_eq!(parse_position(context, "staging, x", &columns), expected);
    }

    #[test]
    fn the_servers_context_names_line_and_column() {
        check(
            "COPY staging, x, line 3, column year: \"abc, line 9\"",
            Some((3, Some("year"))),
        );
        check("COPY staging, x, line 12: \"1\t2\"", Some((12, None)));
        check(
            "COPY staging, x, line 1, column year, line 2: \"\"",
            Some((1, Some("year, line 2"))),
        );
        check(
            "COPY staging, x, Zeile 7, Spalte area: »x«",
            Some((7, Some("area"))),
        );
        check(
            "JSON data, line 1: {\nCOPY staging, x, line 4, column area: \"{\"",
            Some((4, Some("area"))),
        );
        check("SQL function \"f\"", None);
    }
}
