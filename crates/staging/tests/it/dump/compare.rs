//! Two dumps, before and after sets were staged.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write as _};

use cutover_staging::StagedSet;

use super::Block;
use super::tokens::{Token, qualified_names, tokens};

/// Something that is not printed for a twin as it is for live.
#[derive(Debug, Clone)]
pub(crate) struct DumpDifference {
    /// The live member it belongs to, `schema.name`; none where that cannot be told.
    pub(crate) member: Option<String>,
    what: &'static str,
    block: String,
}

impl fmt::Display for DumpDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = self.member.as_deref().unwrap_or("(no member)");
        write!(f, "{member}: {}\n{}", self.what, self.block)
    }
}

/// A relation's or statistics' name in a schema.
type Name = (String, String);

/// Who is who in the sets, by live and by staging name.
struct Directory {
    /// Live name to (set, member).
    live: HashMap<Name, (usize, String)>,
    /// Staging name to (set, member, live name).
    staging: HashMap<Name, (usize, String, String)>,
}

impl Directory {
    fn new(sets: &[&StagedSet]) -> Self {
        let mut directory = Self {
            live: HashMap::new(),
            staging: HashMap::new(),
        };
        for (number, set) in sets.iter().enumerate() {
            for member in &set.members {
                let owner = format!("{}.{}", member.live.schema.as_str(), member.live.name.as_str());
                let own = std::iter::once((&member.live, &member.staging));
                let parts = member.parts.iter().map(|part| (&part.live, &part.staging));
                for (live, staging) in own.chain(parts) {
                    let name = |name: &cutover_core::QualifiedName| {
                        (name.schema.as_str().to_owned(), name.name.as_str().to_owned())
                    };
                    directory.live.insert(name(live), (number, owner.clone()));
                    directory.staging.insert(
                        name(staging),
                        (number, owner.clone(), live.name.as_str().to_owned()),
                    );
                }
            }
        }
        directory
    }
}

/// What a comparison of two dumps found.
#[derive(Debug, Default)]
pub(crate) struct DumpComparison {
    /// What must not be.
    pub(crate) differences: Vec<DumpDifference>,
    /// Members of whose twin something is printed as it is after a dump and restore of the original, and not as before:
    /// the server prints some expressions otherwise once it has read its own print.
    pub(crate) reprinted: BTreeSet<String>,
}

/// Finds what must not be: a block of `before` that changed, a twin's block without its original's or the other way round,
/// a twin that names live. Each set knows only its own names. `restored` is the dump of `before` restored, or nothing.
pub(crate) fn compare(
    before: &[Block],
    after: &[Block],
    sets: &[&StagedSet],
    restored: &[Block],
) -> DumpComparison {
    let directory = Directory::new(sets);
    let restored: HashMap<(&str, &str), &Block> = restored
        .iter()
        .map(|block| ((block.heading.as_str(), block.name.as_str()), block))
        .collect();
    let mut differences = Vec::new();
    let mut reprinted = BTreeSet::new();
    let (gone, twins) = subtract(before, after);
    for block in gone {
        differences.push(DumpDifference {
            member: owner_in(&tokens(&block.statements), &directory.live).map(|(_, member)| member.clone()),
            what: "live is not as it was",
            block: block.to_string(),
        });
    }
    let mut expected: HashMap<Block, Vec<String>> = HashMap::new();
    let mut originals: HashMap<Block, Block> = HashMap::new();
    for block in before.iter().filter(|block| !block.is_outside_of_every_set()) {
        let cut = tokens(&block.statements);
        if let Some((set, member)) = owner_in(&cut, &directory.live) {
            let original = canonical(block, &cut, *set, &directory);
            let again = restored.get(&(block.heading.as_str(), block.name.as_str()));
            if let Some(again) = again.filter(|again| again.statements != block.statements) {
                let again = canonical(again, &tokens(&again.statements), *set, &directory);
                originals.insert(again, original.clone());
            }
            expected.entry(original).or_default().push(member.clone());
        }
    }
    for block in twins {
        let cut = tokens(&block.statements);
        let Some((set, member, _)) = owner_in(&cut, &directory.staging) else {
            differences.push(DumpDifference {
                member: None,
                what: "is new and nobody's",
                block: block.to_string(),
            });
            continue;
        };
        if names_live(&cut, *set, &directory) {
            differences.push(DumpDifference {
                member: Some(member.clone()),
                what: "the twin names live",
                block: block.to_string(),
            });
        }
        let mapped = canonical(block, &cut, *set, &directory);
        if expected.get_mut(&mapped).and_then(Vec::pop).is_some() {
            continue;
        }
        let original = originals
            .get(&mapped)
            .and_then(|original| expected.get_mut(original));
        if original.and_then(Vec::pop).is_some() {
            reprinted.insert(member.clone());
        } else {
            differences.push(DumpDifference {
                member: Some(member.clone()),
                what: "only the twin has",
                block: mapped.to_string(),
            });
        }
    }
    for (block, members) in expected {
        differences.extend(members.into_iter().map(|member| DumpDifference {
            member: Some(member),
            what: "only live has",
            block: block.to_string(),
        }));
    }
    differences.sort_by(|a, b| (&a.member, &a.block).cmp(&(&b.member, &b.block)));
    DumpComparison {
        differences,
        reprinted,
    }
}

/// What only `before` has, and what only `after` has; each as often as it has it more.
fn subtract<'a>(before: &'a [Block], after: &'a [Block]) -> (Vec<&'a Block>, Vec<&'a Block>) {
    let mut counted: HashMap<&Block, usize> = HashMap::new();
    for block in before {
        *counted.entry(block).or_default() += 1;
    }
    let mut new = Vec::new();
    for block in after {
        match counted.get_mut(block).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => new.push(block),
        }
    }
    let gone = counted
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(block, _)| block);
    (gone.collect(), new)
}

/// Whose block it is: every statement names its own object's relation before all others.
fn owner_in<'d, T>(tokens: &[Token<'_>], names: &'d HashMap<Name, T>) -> Option<&'d T> {
    let (_, schema, name) = qualified_names(tokens).into_iter().next()?;
    names.get(&(schema, name))
}

/// Whether a statement of the set's twins names a live relation of the set; a function may be called like one.
fn names_live(tokens: &[Token<'_>], set: usize, directory: &Directory) -> bool {
    let is_call = |at: usize| tokens.get(at + 1).is_some_and(|next| next.text == "(");
    let by_name = qualified_names(tokens)
        .into_iter()
        .filter(|(at, _, _)| !is_call(*at))
        .any(|(_, schema, name)| {
            directory
                .live
                .get(&(schema, name))
                .is_some_and(|(number, _)| *number == set)
        });
    let by_constant = (0..tokens.len()).any(|at| {
        regclass(tokens, at)
            .and_then(|name| directory.live.get(&name))
            .is_some_and(|(number, _)| *number == set)
    });
    by_name || by_constant
}

/// The relation that a string constant stands for: only before a cast to `regclass` is it a name, printed from an oid.
fn regclass(tokens: &[Token<'_>], at: usize) -> Option<Name> {
    let cast: String = tokens
        .get(at + 1..at + 4)?
        .iter()
        .map(|token| token.text)
        .collect();
    if cast != "::regclass" {
        return None;
    }
    let text = tokens[at].string()?;
    let inner = super::tokens::tokens(&text);
    let (at, schema, name) = qualified_names(&inner).into_iter().next()?;
    (at + 1 == inner.len()).then_some((schema, name))
}

/// The block with the set's names, live and staging alike, written as live's and always quoted, so that it does not matter
/// which of the two the server had to quote. Comments and string constants stay.
fn canonical(block: &Block, tokens: &[Token<'_>], set: usize, directory: &Directory) -> Block {
    let schema = block
        .heading
        .split("; ")
        .find_map(|part| part.strip_prefix("Schema: "))
        .unwrap_or_default();
    let live_name = |name: &Name| {
        let staged = directory
            .staging
            .get(name)
            .filter(|(number, _, _)| *number == set);
        let live = directory.live.get(name).filter(|(number, _)| *number == set);
        staged
            .map(|(_, _, live)| live.clone())
            .or_else(|| live.map(|_| name.1.clone()))
    };
    // What stands before a dot is the schema or else a table, whose columns are not mapped.
    let qualifier = |at: usize| {
        let dot = at.checked_sub(1).filter(|dot| tokens[*dot].text == ".")?;
        tokens[dot.checked_sub(1)?].identifier()
    };
    let identifier = |at: usize| {
        let name = tokens[at].identifier()?;
        live_name(&(qualifier(at).unwrap_or_else(|| schema.to_owned()), name))
    };
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut statements = String::new();
    for (at, token) in tokens.iter().enumerate() {
        if let Some(live) = identifier(at) {
            statements.push_str(&quoted(&live));
        } else if let Some((name, live)) =
            regclass(tokens, at).and_then(|name| Some((name.clone(), live_name(&name)?)))
        {
            let text = format!("{}.{}", quoted(&name.0), quoted(&live));
            let _ = write!(statements, "'{}'", text.replace('\'', "''"));
        } else {
            statements.push_str(token.text);
        }
    }
    Block {
        name: String::new(),
        heading: block.heading.clone(),
        statements,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(statements: &str) -> Block {
        Block {
            name: String::new(),
            heading: "Type: TABLE; Schema: app; Owner: me".to_owned(),
            statements: statements.to_owned(),
        }
    }

    fn directory() -> Directory {
        let name = |name: &str| ("app".to_owned(), name.to_owned());
        let parts = ["x", "user", "x_id_seq"];
        Directory {
            live: parts.map(|part| (name(part), (0, "app.x".to_owned()))).into(),
            staging: parts
                .map(|part| {
                    (
                        name(&format!("staging_{part}")),
                        (0, "app.x".to_owned(), part.to_owned()),
                    )
                })
                .into(),
        }
    }

    #[track_caller]
    fn check_mapped(twin: &str, live: &str) {
        let [twin, live] = [twin, live].map(block).map(|block| {
            let mapped = canonical(&block, &tokens(&block.statements), 0, &directory());
            mapped.statements
        });
        assert_eq!(twin, live);
    }

    #[test]
    fn only_whole_identifiers_are_mapped() {
        check_mapped("app.staging_x staging_xy", "app.x staging_xy");
        check_mapped("\"staging_x\" staging_user", "x \"user\"");
        check_mapped("staging_x.staging_x", "x.staging_x");
        check_mapped("'staging_x' 'app.staging_x'", "'staging_x' 'app.staging_x'");
        check_mapped("'app.staging_x_id_seq'::regclass", "'app.x_id_seq'::regclass");
        check_mapped(
            "COMMENT ON TABLE app.staging_x IS 'staging_x'",
            "COMMENT ON TABLE app.x IS 'staging_x'",
        );
    }

    #[test]
    fn a_twin_that_names_live_is_seen() {
        let check = |sql: &str| names_live(&tokens(sql), 0, &directory());
        assert!(check(
            "CREATE POLICY p ON app.staging_x USING (EXISTS (SELECT FROM app.x))"
        ));
        assert!(check("nextval('app.x_id_seq'::regclass)"));
        assert!(!check(
            "CREATE TRIGGER x ON app.staging_x WHEN (new.x <> 'app.x') EXECUTE FUNCTION app.x()"
        ));
    }
}
