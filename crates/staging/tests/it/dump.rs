//! `pg_dump` as an oracle: the twins' definitions, with names mapped back token by token, are live's.
//!
//! What the mapping could hide is looked for beside it: a twin that still names live would print, after mapping, as one
//! that does not ([`compare`] looks before it maps), and so would facts that `pg_dump` does not print at all
//! (`catalog_facts` reads them).

mod compare;
mod tokens;

use cutover_staging::StagedSet;
use cutover_testkit::{Cluster, TestDatabase};

pub(crate) use compare::compare;

/// An entry of a dump: what it is, and its statements.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Block {
    /// The name in the heading, as the archive keeps it: not quoted, and told better by the statements.
    name: String,
    /// The rest of the heading: kind, schema, owner, tablespace, access method.
    heading: String,
    statements: String,
}

impl std::fmt::Display for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "-- {}\n{}", self.heading, self.statements)
    }
}

/// What `pg_dump --schema-only` prints for the relations of a schema: a block for each object, sorted.
pub(crate) fn blocks(database: &TestDatabase, schema: &str) -> Vec<Block> {
    let mut blocks = blocks_of(database, &[schema]);
    blocks.retain(|block| !block.is_outside_of_every_set());
    blocks
}

/// The same for all that is in some schemas, in one dump.
pub(crate) fn blocks_of(database: &TestDatabase, schemas: &[&str]) -> Vec<Block> {
    let mut args = vec!["--schema-only"];
    args.extend(schemas.iter().flat_map(|schema| ["-n", schema]));
    let dump = Cluster::shared().pg_dump(database.name(), &args).unwrap();
    let mut blocks = parse(&dump);
    blocks.sort();
    blocks
}

/// Settings that the following blocks rely on stand at the end of the block before; they are told with each block.
fn parse(dump: &str) -> Vec<Block> {
    let mut access_method = String::new();
    let mut blocks = Vec::new();
    for (number, text) in dump.split("\n--\n-- Name: ").enumerate() {
        let (heading, body) = if number == 0 {
            ("", text)
        } else {
            text.split_once("\n--\n").unwrap()
        };
        let kind = heading.rfind("; Type: ").map_or("", |at| &heading[at + 2..]);
        // Partitioned tables have none before PostgreSQL 17, so the setting does not matter to them.
        let is_stored = !body.contains("\nPARTITION BY ")
            && (kind.starts_with("Type: TABLE;") || kind.starts_with("Type: MATERIALIZED VIEW;"));
        let mut told = kind.to_owned();
        if is_stored {
            told = format!("{told}; {access_method}");
        }
        if let Some((object, _)) = heading.split_once(' ').filter(|_| is_about_another_object(kind)) {
            told = format!("{told}; of {object}");
        }
        let mut statements = Vec::new();
        for line in body.lines() {
            if line.starts_with("SET default_table_access_method") {
                line.clone_into(&mut access_method);
            } else if !line.starts_with("SET default_tablespace") && !line.starts_with('\\') {
                statements.push(line);
            }
        }
        if number > 0 {
            let statements = statements.join("\n").trim().to_owned();
            let statements = statements
                .trim_end_matches("--\n-- PostgreSQL database dump complete\n--")
                .trim()
                .to_owned();
            blocks.push(Block {
                name: heading
                    .strip_suffix(&format!("; {kind}"))
                    .unwrap_or_default()
                    .to_owned(),
                heading: told,
                statements,
            });
        }
    }
    blocks
}

fn is_about_another_object(kind: &str) -> bool {
    ["COMMENT", "ACL", "SECURITY LABEL"].iter().any(|name| {
        kind.strip_prefix("Type: ")
            .is_some_and(|kind| kind.starts_with(name))
    })
}

impl Block {
    /// Schemas, functions, types and default privileges have no twins, whatever they name.
    fn is_outside_of_every_set(&self) -> bool {
        [
            "SCHEMA",
            "FUNCTION",
            "PROCEDURE",
            "AGGREGATE",
            "OPERATOR",
            "TYPE",
            "DOMAIN",
            "COLLATION",
            "DEFAULT ACL",
        ]
        .iter()
        .any(|kind| {
            self.heading.starts_with(&format!("Type: {kind};"))
                || self.heading.ends_with(&format!("; of {kind}"))
        })
    }
}

/// Asserts that what is in `after` and not in `before` is `before` with staging names.
#[track_caller]
pub(crate) fn assert_identical(before: &[Block], after: &[Block], set: &StagedSet) {
    let comparison = compare(before, after, &[set], &[]);
    let printed: Vec<String> = comparison.differences.iter().map(ToString::to_string).collect();
    assert!(printed.is_empty(), "{}", printed.join("\n\n"));
}

#[test]
fn settings_between_blocks_belong_to_the_next_table() {
    let dump = "--\n-- PostgreSQL database dump\n--\n\nSET default_tablespace = fast;\n\nSET default_table_access_method = heap;\n\n\
        --\n-- Name: t; Type: TABLE; Schema: app; Owner: me; Tablespace: fast\n--\n\nCREATE TABLE app.t (\n    a text DEFAULT 'x\n\n-- y'::text\n);\n\n\n\
        SET default_table_access_method = other;\n\n--\n-- Name: u; Type: TABLE; Schema: app; Owner: me\n--\n\nCREATE TABLE app.u (\n);\n\n\n\
        --\n-- PostgreSQL database dump complete\n--\n\n";
    let blocks = parse(dump);
    assert_eq!(
        blocks[0].to_string(),
        "-- Type: TABLE; Schema: app; Owner: me; Tablespace: fast; SET default_table_access_method = heap;\n\
         CREATE TABLE app.t (\n    a text DEFAULT 'x\n\n-- y'::text\n);"
    );
    assert_eq!(
        blocks[1].to_string(),
        "-- Type: TABLE; Schema: app; Owner: me; SET default_table_access_method = other;\nCREATE TABLE app.u (\n);"
    );
}
