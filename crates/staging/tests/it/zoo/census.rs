//! Who lives in the zoo, and what became of everybody: `ZOO.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::trial::{Family, Trial};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ZOO.md");
/// What comes before is written by hand.
const START: &str = "<!-- From here on written by the test `zoo`. -->\n";

/// Its index is invalid on live and whole on the twin: the only difference that is meant.
const REBUILT: &str = "indexes.broken";

/// What is known of every relation; they are called `family.relation`.
#[derive(Default)]
pub(super) struct Census {
    /// In the order of the families.
    families: Vec<(String, BTreeMap<String, String>)>,
    refused: BTreeMap<String, BTreeSet<String>>,
    reprinted: BTreeSet<String>,
    different: BTreeMap<String, Vec<String>>,
}

impl Census {
    pub(super) fn admit(&mut self, family: &Family) {
        self.families
            .push((family.schema.clone(), family.relations.clone()));
    }

    pub(super) fn saw(&mut self, trial: &Trial, way: &str) {
        for (relation, reasons) in &trial.refused {
            let relation = format!("{}.{relation}", trial.schema);
            self.refused
                .entry(relation)
                .or_default()
                .extend(reasons.iter().cloned());
        }
        if let Some(error) = &trial.failed {
            self.differs(Some(&trial.schema), format!("{way}: {}: {error}", trial.schema));
        }
    }

    pub(super) fn reprinted(&mut self, members: BTreeSet<String>) {
        self.reprinted.extend(members);
    }

    pub(super) fn differs(&mut self, member: Option<&str>, what: String) {
        if member == Some(REBUILT) {
            return;
        }
        self.different
            .entry(member.unwrap_or("nobody").to_owned())
            .or_default()
            .push(what);
    }

    /// Asserts that nothing differs and that the file says what is.
    pub(super) fn check(&self) {
        let written = std::fs::read_to_string(FILE).unwrap_or_default();
        let introduction = written
            .split_once(START)
            .map_or("", |(introduction, _)| introduction);
        let now = format!("{introduction}{START}\n{}", self.table());
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ZOO.md");
        std::fs::write(&new, &now).unwrap();
        let different: Vec<String> = self.different.values().flatten().cloned().collect();
        assert!(
            different.is_empty(),
            "{} relations differ:\n{}",
            self.different.len(),
            different.join("\n\n")
        );
        assert!(
            now == written,
            "the zoo is not what its table says; look through\n  diff {FILE} {new}\nand take it over with\n  cp {new} {FILE}",
            new = new.display()
        );
    }

    fn table(&self) -> String {
        let mut text = String::from(
            "| family | relations | identical | of these reprinted | refused | different |\n\
             | --- | ---: | ---: | ---: | ---: | ---: |\n",
        );
        let mut total = [0; 5];
        for (family, relations) in &self.families {
            let row = self.count(family, relations);
            let _ = writeln!(text, "| {family} | {} |", row.map(|n| n.to_string()).join(" | "));
            for (sum, number) in total.iter_mut().zip(row) {
                *sum += number;
            }
        }
        let _ = writeln!(
            text,
            "| **all** | {} |",
            total.map(|n| format!("**{n}**")).join(" | ")
        );
        let [relations, identical, _, refused, _] = total;
        let _ = writeln!(
            text,
            "\n{identical} of {relations} identical (`{REBUILT}` but for its invalid index, which is built anew), {refused} \
             refused by name:\n"
        );
        for (relation, reasons) in &self.refused {
            for reason in reasons {
                let _ = writeln!(text, "* `{relation}`: {reason}");
            }
        }
        text
    }

    fn count(&self, family: &str, relations: &BTreeMap<String, String>) -> [usize; 5] {
        let all = |relation: &str| format!("{family}.{relation}");
        let refused = relations
            .values()
            .filter(|root| self.refused.contains_key(&all(root)))
            .count();
        let different = relations
            .keys()
            .filter(|relation| self.different.contains_key(&all(relation)))
            .count();
        let reprinted = relations
            .keys()
            .filter(|relation| {
                self.reprinted.contains(&all(relation)) && !self.different.contains_key(&all(relation))
            })
            .count();
        [
            relations.len(),
            relations.len() - refused - different,
            reprinted,
            refused,
            different,
        ]
    }
}
