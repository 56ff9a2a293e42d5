//! The declared changes of the release file, as the crates that clone, compare and swap take them.

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::release_file::{StructureChange, TemplateFacts};
use cutover_core::{Ident, NamingPolicy, ObjectKind, Sql, Stamp};
use cutover_staging::{DeclaredChange, DeclaredChanges, Expected, StagedSet};
use cutover_swap::{Pair, PlanOptions, SwapPlan};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

use crate::gate::postgis_schema;
use crate::{Cutover, ReleaseError};

/// The changes that a release file declares of one relation, as plan and manifest list them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangesOf {
    /// The relation, by its live name.
    pub table: Ident,
    /// Why, where the file says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
    /// What changes.
    pub changes: Vec<DeclaredChange>,
}

impl Cutover {
    /// What `[[change]]` declares, without the statements that make it so.
    pub(crate) fn declared_changes(&self) -> DeclaredChanges {
        let changes = self.file.changes().iter();
        changes.fold(DeclaredChanges::default(), |declared, change| {
            self.declare(declared, change)
        })
    }

    /// The same with the statements.
    pub(crate) fn changes_to_make(
        &self,
        facts: &TemplateFacts,
        search_path: Vec<Ident>,
    ) -> Result<DeclaredChanges, ReleaseError> {
        let mut declared = self.declared_changes().search_path(search_path);
        for change in self.file.changes() {
            let Some(template) = &change.sql else { continue };
            let sql = template.render(facts).map_err(|source| ReleaseError::Template {
                what: "change of",
                name: change.table.as_str().to_owned(),
                source,
            })?;
            declared = declared.statement(
                &self.live(&change.table),
                Sql::operator_query(sql.trim_end().trim_end_matches(';')),
            );
        }
        Ok(declared)
    }

    /// What is declared, relation by relation, in the file's order.
    pub(crate) fn listed_changes(&self) -> Vec<ChangesOf> {
        let changes = self.file.changes().iter();
        let listed = changes.map(|change| ChangesOf {
            table: change.table.clone(),
            why: change.why.clone(),
            changes: self
                .declare(DeclaredChanges::default(), change)
                .iter()
                .cloned()
                .collect(),
        });
        listed.collect()
    }

    fn declare(&self, mut declared: DeclaredChanges, change: &StructureChange) -> DeclaredChanges {
        let live = self.live(&change.table);
        for (kind, names) in &change.add {
            for name in names {
                declared = declared.added(&live, kind.object_kind(), name);
            }
        }
        for (kind, names) in &change.drop {
            for name in names {
                declared = declared.dropped(&live, kind.object_kind(), name);
            }
        }
        for property in &change.alter.table {
            declared = declared.altered_relation(&live, property);
        }
        for (kind, parts) in &change.alter.parts {
            for (name, properties) in parts {
                for property in properties {
                    declared = declared.altered(&live, kind.object_kind(), name, property);
                }
            }
        }
        declared
    }

    /// Where unqualified names of the operator's queries are looked up: the set's schema, then PostGIS's.
    pub(crate) async fn search_path(&self, client: &Client) -> Result<Vec<Ident>, ReleaseError> {
        let schema = self.schema().clone();
        let postgis = postgis_schema(client).await?;
        Ok(match postgis {
            Some(postgis) if postgis != schema => vec![schema, postgis],
            _ => vec![schema],
        })
    }

    /// Plans the swap as if staging were there, with the declared changes as far as the file tells them. Pure.
    ///
    /// A clone has the same parts as live, under the names that the naming policy gives them.
    pub(crate) fn swap_as_declared(&self, live: &CatalogSnapshot) -> Result<SwapPlan, ReleaseError> {
        let declared = self.declared_changes();
        let staging = as_if_staged(declared.as_declared(live), &self.naming);
        let pairing = Pair::by_policy(live, &staging, &self.naming);
        let options = plan_options(&declared, live, None);
        let stamp = Stamp::at(Timestamp::now());
        SwapPlan::compute(live, &staging, &pairing, &stamp, &self.naming, &options)
            .map_err(|refused| ReleaseError::SwapRefused(Box::new(refused)))
    }

    /// Refuses a set that cannot go live (dependents that cannot follow, publications, declared changes that a view does
    /// not bear) before anything is built for it, rather than at its swap hours later.
    pub(crate) fn refuse_what_cannot_go_live(&self, live: &CatalogSnapshot) -> Result<(), ReleaseError> {
        self.swap_as_declared(live).map(drop)
    }
}

/// What a swap may let come and go: what is declared, and what comes and goes with it.
pub(crate) fn plan_options(
    declared: &DeclaredChanges,
    live: &CatalogSnapshot,
    set: Option<&StagedSet>,
) -> PlanOptions {
    let mut options = PlanOptions::default();
    for relation in &live.relations {
        let goes = |kind, name: &Ident| declared.declares(&relation.name, kind, name, &Expected::Dropped);
        for index in &relation.indexes {
            let key = index.constraint.as_ref();
            if goes(ObjectKind::Index, &index.name.name)
                || key.is_some_and(|key| goes(ObjectKind::Constraint, key))
            {
                options = options.dropping(ObjectKind::Index, index.name.clone());
            }
        }
        for sequence in &relation.sequences {
            if goes(ObjectKind::Sequence, &sequence.name.name) || goes(ObjectKind::Column, &sequence.column) {
                options = options.dropping(ObjectKind::Sequence, sequence.name.clone());
            }
        }
        for statistics in &relation.statistics {
            if goes(ObjectKind::ExtendedStatistics, &statistics.name.name) {
                options = options.dropping(ObjectKind::ExtendedStatistics, statistics.name.clone());
            }
        }
    }
    // The structure was compared with the declarations: what is paired and has no partner on live was declared to come.
    let pairs = set
        .into_iter()
        .flat_map(|set| &set.members)
        .flat_map(|member| &member.parts);
    let known = |kind, name: &Ident| {
        live.relations.iter().any(|relation| match kind {
            ObjectKind::Index => relation.indexes.iter().any(|index| index.name.name == *name),
            ObjectKind::Sequence => relation.sequences.iter().any(|s| s.name.name == *name),
            _ => relation.statistics.iter().any(|s| s.name.name == *name),
        })
    };
    for part in pairs.filter(|part| !known(part.kind, &part.live.name)) {
        options = options.adding(part.kind, part.staging.clone());
    }
    options
}

/// A snapshot under the names of its staging twins.
fn as_if_staged(mut staging: CatalogSnapshot, naming: &NamingPolicy) -> CatalogSnapshot {
    staging.schema = naming.staging_schema(&staging.schema).clone();
    for relation in &mut staging.relations {
        relation.name = naming.staging(&relation.name);
        relation.populated = true;
        relation.publications.clear();
        relation.schema_publications.clear();
        relation.subscriptions.clear();
        for index in &mut relation.indexes {
            index.name = naming.staging(&index.name);
            // Built anew.
            index.valid = true;
            let constraint: Option<Ident> = index.constraint.as_ref().map(|_| index.name.name.clone());
            index.constraint = constraint;
        }
        for sequence in &mut relation.sequences {
            sequence.name = naming.staging(&sequence.name);
        }
        for statistics in &mut relation.statistics {
            statistics.name = naming.staging(&statistics.name);
        }
    }
    staging.forget_dependents();
    staging
}
