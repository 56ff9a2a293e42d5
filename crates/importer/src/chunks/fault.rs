//! Whose fault an error of the loading session is: a row's, or not.

use tokio_postgres::error::SqlState;

/// Whether PostgreSQL refused with this code because of what is in a row ([Appendix A]), so that the row can be set aside
/// and the rest go in. Everything else (no disk, no right, a cancelled statement, a deadlock, a lost connection, a missing
/// function) would refuse other rows alike.
///
/// | class | row's fault | why |
/// | --- | --- | --- |
/// | `20`, `21`, `38`, `P0` but for `P0000` | yes | what a trigger, or a function in a check, says of the row |
/// | `22`, but for `22P04` | yes | a value that its type or column cannot hold; `22P04` is the stream's format |
/// | `23` | yes | constraints |
/// | `54000`, `54001` | yes | too large for an index or a page, too deeply nested |
/// | `XX000` | yes | so PostGIS reports what it cannot read |
/// | `XX001`, `XX002` | no | damaged data or indexes |
/// | a class that PostgreSQL does not use | yes | a trigger made it up |
///
/// [Appendix A]: https://www.postgresql.org/docs/15/errcodes-appendix.html
#[must_use]
pub fn is_rows_fault(sqlstate: &SqlState) -> bool {
    let code = sqlstate.code();
    let class = code.get(..2).unwrap_or_default();
    match (class, code) {
        ("22", code) => code != "22P04",
        ("P0", code) => code != "P0000",
        ("20" | "21" | "23" | "38", _) | (_, "54000" | "54001" | "XX000") => true,
        _ => !CLASSES.contains(&class),
    }
}

/// The classes of PostgreSQL's own codes, up to version 18.
const CLASSES: [&str; 44] = [
    "00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21", "22", "23",
    "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "40", "42", "44",
    "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(codes: &[&str], expected: bool) {
        for code in codes {
            assert_eq!(is_rows_fault(&SqlState::from_code(code)), expected, "{code}");
        }
    }

    #[test]
    fn values_constraints_and_triggers_are_a_rows_fault() {
        check(
            &["22001", "22003", "22P02", "22P03", "22021", "22023", "22000"],
            true,
        );
        check(&["23502", "23503", "23505", "23514", "23P01", "23001"], true);
        check(&["P0001", "P0002", "P0004", "20000", "21000", "38000"], true);
        check(&["54000", "54001", "XX000"], true);
        check(&["R0001", "ZZ123", "5A000"], true);
    }

    #[test]
    fn surroundings_are_not() {
        check(
            &[
                "08006", "08P01", "57014", "57P01", "57P03", "53100", "53200", "53300",
            ],
            false,
        );
        check(
            &["42501", "42P01", "42703", "42883", "42804", "25006", "0A000"],
            false,
        );
        check(
            &[
                "40001", "40P01", "55P03", "58030", "HV000", "HV00N", "XX001", "XX002",
            ],
            false,
        );
        check(
            &[
                "22P04", "P0000", "39004", "54011", "54023", "27000", "3D000", "72000", "F0000",
            ],
            false,
        );
    }
}
