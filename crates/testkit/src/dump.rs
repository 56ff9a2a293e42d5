//! Dumps that can be compared byte for byte.

use anyhow::Result;

use crate::Cluster;

/// Lines that pg_dump itself makes different from run to run, or from version to version.
const VARYING: [&str; 4] = [
    r"\restrict ",
    r"\unrestrict ",
    "-- Dumped from database version ",
    "-- Dumped by pg_dump version ",
];

/// The output of `pg_dump ARGS` on `database`, without the lines that pg_dump itself varies: two dumps are equal exactly when
/// the databases are, as far as `args` look. Blocks.
///
/// # Errors
/// With the program's stderr when it fails.
pub fn normalised_dump(cluster: &Cluster, database: &str, args: &[&str]) -> Result<String> {
    Ok(normalise(&cluster.pg_dump(database, args)?))
}

fn normalise(dump: &str) -> String {
    let lines = dump.split_inclusive('\n');
    lines
        .filter(|line| !VARYING.iter().any(|prefix| line.starts_with(prefix)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_varies_is_taken_out() {
        let dump = "--\n\\restrict abc\n\n-- Dumped from database version 15.14\n-- Dumped by pg_dump version 15.14\n\
                    COPY t FROM stdin;\n\\\\restrict x\n\\.\n\\unrestrict abc\n";
        assert_eq!(normalise(dump), "--\n\nCOPY t FROM stdin;\n\\\\restrict x\n\\.\n");
    }
}
