//! Structural comparison of two relations: a live one and its staging twin, or any two.

mod acl;
mod attached;
mod compare;
mod counterparts;
mod difference;
mod print;
mod security;
mod text;

use std::collections::HashMap;

use cutover_core::QualifiedName;
use cutover_core::catalog::{CatalogSnapshot, Relation};
use serde::Serialize;

pub use difference::{Change, Difference};
pub(crate) use text::reprinted;

use crate::StagedSet;
use counterparts::Counterparts;

/// The version of the JSON shape; grows when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// How relations differ in structure, fact by fact, grouped by relation.
///
/// `Display` prints a heading for each relation that differs and a line for each difference; `Serialize` gives the
/// versioned document that the crate's README describes.
///
/// Both sides come from catalog snapshots, each read with the schema of its own relations alone on the search path.
/// Everything is compared by the catalog's own typed facts. Where the catalog has only text that the server printed
/// (expressions, triggers, queries), two texts are equal when
///
/// * they are the same once the one place where a paired name must stand is exchanged, or
/// * the clone recorded that this server turned the one into the other (see [`Reprinted`](crate::Reprinted)).
///
/// So a text that changed on either side since the clone is always a difference, and nothing else is.
///
/// Not compared: rows, sizes, planner statistics, where sequences stand, the order of grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct StructuralDiff {
    schema_version: u32,
    relations: Vec<RelationDiff>,
}

/// How one relation differs from the one that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RelationDiff {
    /// The relation that says how it should be: live's.
    pub live: QualifiedName,
    /// The relation that was held against it: staging's.
    pub staging: QualifiedName,
    /// What differs; never empty.
    pub differences: Vec<Difference>,
}

impl StructuralDiff {
    /// Compares a live relation with its staging twin. Names of indexes, sequences and statistics are compared through
    /// the pairing that the clone recorded.
    ///
    /// Objects that wait for [`StagedSet::run_post_data`] count as missing until it has run. To compare all of a set,
    /// [`of_set`](Self::of_set) looks the pairing through only once.
    pub fn between(live: &Relation, staging: &Relation, set: &StagedSet) -> Self {
        Self::collect([(live, staging)], &Counterparts::of_set(set))
    }

    /// Compares every relation of `live` with its twin in `staging`, in the order of `live`. One whose twin is not there
    /// is left out.
    pub fn of_set(live: &CatalogSnapshot, staging: &CatalogSnapshot, set: &StagedSet) -> Self {
        let counterparts = Counterparts::of_set(set);
        let twins: HashMap<&QualifiedName, &Relation> =
            staging.relations.iter().map(|twin| (&twin.name, twin)).collect();
        let pairs = live.relations.iter().filter_map(|relation| {
            let twin = counterparts.twin(&relation.name)?;
            Some((relation, *twins.get(twin)?))
        });
        Self::collect(pairs, &counterparts)
    }

    /// Compares any two relations, of one schema or of two, e.g. `public.a` with `other.a`; `live` is the one that says
    /// how it should be.
    ///
    /// Indexes, sequences and statistics meet by their own names; those left over by what they are, because two of one
    /// schema can never bear one name. A name within the relation's own schema is compared without its schema.
    ///
    /// ```no_run
    /// # use cutover_core::{Ident, catalog::CatalogSnapshot};
    /// # use cutover_staging::StructuralDiff;
    /// # async fn example(client: &mut tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let tx = client.build_transaction().read_only(true).start().await?;
    /// let ours = CatalogSnapshot::read(&tx, &Ident::new("public")?, &[Ident::new("a")?]).await?;
    /// let theirs = CatalogSnapshot::read(&tx, &Ident::new("other")?, &[Ident::new("a")?]).await?;
    /// print!("{}", StructuralDiff::of_two(&ours.relations[0], &theirs.relations[0]));
    /// # Ok(()) }
    /// ```
    pub fn of_two(live: &Relation, staging: &Relation) -> Self {
        Self::collect([(live, staging)], &Counterparts::of_two(live, staging))
    }

    fn collect<'a>(
        pairs: impl IntoIterator<Item = (&'a Relation, &'a Relation)>,
        counterparts: &Counterparts<'_>,
    ) -> Self {
        let relations = pairs.into_iter().map(|(live, staging)| RelationDiff {
            live: live.name.clone(),
            staging: staging.name.clone(),
            differences: compare::compare(live, staging, counterparts),
        });
        Self {
            schema_version: SCHEMA_VERSION,
            relations: relations.filter(|diff| !diff.differences.is_empty()).collect(),
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.relations.is_empty()
    }

    /// The relations that differ, in the order they were compared.
    #[must_use]
    pub fn relations(&self) -> &[RelationDiff] {
        &self.relations
    }

    /// All differences, relation by relation.
    pub fn iter(&self) -> impl Iterator<Item = &Difference> {
        self.relations.iter().flat_map(|diff| &diff.differences)
    }
}

impl StructuralDiff {
    /// The differences for which `explained` is false.
    pub(crate) fn without(mut self, mut explained: impl FnMut(&RelationDiff, &Difference) -> bool) -> Self {
        for relation in &mut self.relations {
            let differences = std::mem::take(&mut relation.differences);
            let rest = differences
                .into_iter()
                .filter(|difference| !explained(relation, difference));
            let rest = rest.collect();
            relation.differences = rest;
        }
        self.relations.retain(|relation| !relation.differences.is_empty());
        self
    }
}

impl IntoIterator for StructuralDiff {
    type Item = Difference;
    type IntoIter = std::vec::IntoIter<Difference>;

    fn into_iter(self) -> Self::IntoIter {
        let all = self.relations.into_iter().flat_map(|diff| diff.differences);
        all.collect::<Vec<_>>().into_iter()
    }
}
