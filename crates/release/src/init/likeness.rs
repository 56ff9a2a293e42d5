//! Which column of a source is meant for which column of a table: by name, else by likeness of name and type.

use super::landscape::{Column, Relation};

/// A column of a table and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pairing {
    pub(super) into: String,
    pub(super) from: String,
    /// Whether only likeness speaks for it.
    pub(super) guessed: bool,
}

/// How alike two names must be for a column that may stay empty, and for one that must not.
const LIKE: u32 = 70;
const LIKE_ENOUGH: u32 = 50;

/// Pairs columns: those of the same name first, then the only geometries, then the most alike of what is left. A key that its
/// table draws itself is left to it, unless the source has a column of that name and it is needed.
pub(super) fn pair(table: &Relation, source: &Relation) -> Vec<Pairing> {
    let mut pairings: Vec<Pairing> = Vec::new();
    let wanted: Vec<&Column> = table.columns.iter().filter(|column| !is_drawn(column)).collect();
    for column in &wanted {
        let same = source
            .columns
            .iter()
            .find(|other| other.name.eq_ignore_ascii_case(&column.name) && fits(column, other));
        if let Some(other) = same {
            pairings.push(paired(column, other, false));
        }
    }
    let is_left =
        |pairings: &[Pairing], column: &Column| pairings.iter().all(|pairing| pairing.into != column.name);
    let is_unused =
        |pairings: &[Pairing], column: &Column| pairings.iter().all(|pairing| pairing.from != column.name);
    let mut candidates: Vec<(u32, usize, usize)> = Vec::new();
    for (at, column) in wanted.iter().enumerate() {
        for (of, other) in source.columns.iter().enumerate() {
            if !is_left(&pairings, column) || !is_unused(&pairings, other) || !fits(column, other) {
                continue;
            }
            let like = if column.is_geometry() {
                100
            } else {
                likeness(&column.name, &other.name)
            };
            let least = if column.is_required() { LIKE_ENOUGH } else { LIKE };
            if like >= least {
                candidates.push((like, at, of));
            }
        }
    }
    // The most alike first; of equals those that come first.
    candidates.sort_by_key(|(like, at, of)| (std::cmp::Reverse(*like), *at, *of));
    for (_, at, of) in candidates {
        let (column, other) = (wanted[at], &source.columns[of]);
        if is_left(&pairings, column) && is_unused(&pairings, other) {
            pairings.push(paired(column, other, true));
        }
    }
    // In the table's order.
    pairings.sort_by_key(|pairing| {
        table
            .columns
            .iter()
            .position(|column| column.name == pairing.into)
    });
    pairings
}

fn paired(column: &Column, other: &Column, guessed: bool) -> Pairing {
    Pairing {
        into: column.name.clone(),
        from: other.name.clone(),
        guessed,
    }
}

/// A sequence's own column is the table's business, and so is one that is computed.
fn is_drawn(column: &Column) -> bool {
    column.generated || (column.filled && column.not_null && column.name == "id")
}

/// Whether a value of the source's column can be assigned to the table's.
fn fits(column: &Column, other: &Column) -> bool {
    let (into, from) = (family(&column.family), family(&other.family));
    into == from || into == "text" || (into == "number" && from == "integer")
}

/// Types between which the server assigns.
fn family(name: &str) -> &str {
    match name {
        "int2" | "int4" | "int8" => "integer",
        "numeric" | "float4" | "float8" => "number",
        "varchar" | "bpchar" | "citext" | "name" => "text",
        "timestamptz" | "timestamp" => "time",
        name => name,
    }
}

/// How alike two names are, in percent: the share of their words that are the same or stand for each other, as `resp_party` and
/// `responsible_party` do.
pub(super) fn likeness(one: &str, other: &str) -> u32 {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let (mut fewer, mut more): (Vec<&str>, Vec<&str>) =
        (one.split('_').collect(), other.split('_').collect());
    if fewer.len() > more.len() {
        std::mem::swap(&mut fewer, &mut more);
    }
    let mut alike = 0;
    let mut rest = more.clone();
    for word in &fewer {
        if let Some(found) = rest.iter().position(|candidate| stands_for(word, candidate)) {
            rest.remove(found);
            alike += 1;
        }
    }
    // All words of the shorter one in the longer one, as `title` in `data_title`, say more than some of each.
    if alike == fewer.len() {
        return if rest.is_empty() { 100 } else { 75 };
    }
    u32::try_from(100 * alike / more.len()).unwrap_or(0)
}

/// Whether one word is the other, or a way to write it shorter: its letters in their order, from the same first one.
fn stands_for(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    if short.len() < 2 {
        return short == long;
    }
    let mut letters = long.chars();
    short.chars().next() == long.chars().next()
        && short.chars().all(|letter| letters.any(|next| next == letter))
}

/// How well a source's name goes with a table's: it ends in it.
pub(super) fn is_named_after(source: &Relation, table: &Relation) -> bool {
    let (source, table) = (source.name.name.as_str(), table.name.name.as_str());
    source == table
        || source
            .strip_suffix(table)
            .is_some_and(|before| before.ends_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_by_their_words() {
        let like = [
            ("title", "data_title", 75),
            ("responsible_party", "resp_party", 100),
            ("update_year", "update_yr", 100),
            ("character_set", "char_set", 100),
            ("metadataid", "eff_metaid", 75),
            ("expiry_date", "gl_expiry", 50),
            ("name", "status", 0),
            ("governance_id", "govsubtype", 0),
        ];
        for (one, other, expected) in like {
            assert_eq!(likeness(one, other), expected, "{one} {other}");
            assert_eq!(likeness(other, one), expected, "{other} {one}");
        }
    }
}
