//! Clones all that a schema holds, as far as it can be, and collects what is wrong with the twins instead of stopping at
//! the first fault: for sets that are too many to be looked at one by one.

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{Events, Ident, NamingPolicy, ObjectKind, ObjectName};
use cutover_staging::{
    CloneOptions, ClonePlan, LockPatience, MatviewPlan, PostDataOptions, Refusal, StagedSet, StructuralDiff,
    drop_staging,
};
use tokio_postgres::Client;

use crate::catalog_facts;
use crate::workshop::{ident, stage_as};

/// A schema whose relations make up a release set.
pub(crate) struct Family {
    pub(crate) schema: String,
    /// Every relation that could be named as a member or goes along with one, and the root of the partition tree it is in.
    pub(crate) relations: BTreeMap<String, String>,
}

/// A set of a family, staged as far as it could be.
pub(crate) struct Trial {
    pub(crate) schema: String,
    pub(crate) set: Option<StagedSet>,
    /// What was refused, by relation, and why.
    pub(crate) refused: BTreeMap<String, BTreeSet<String>>,
    /// Why nothing was staged.
    pub(crate) failed: Option<String>,
}

impl Family {
    pub(crate) async fn read(client: &Client, schema: &str) -> Self {
        let rows = client
            .query(
                "SELECT c.relname, coalesce(r.relname, c.relname) FROM pg_class c \
                 LEFT JOIN pg_class r ON r.oid = pg_partition_root(c.oid) \
                 WHERE coalesce(r.relnamespace, c.relnamespace) = $1::text::regnamespace AND c.relkind IN ('r', 'p', 'm', 'f')",
                &[&schema],
            )
            .await
            .unwrap();
        Self {
            schema: schema.to_owned(),
            relations: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
        }
    }

    /// What has to be named for all to be members: partitions come by themselves.
    pub(crate) fn roots(&self) -> BTreeSet<String> {
        self.relations.values().cloned().collect()
    }

    /// Stages `members`, without those that are refused.
    pub(crate) async fn stage(
        &self,
        client: &mut Client,
        members: BTreeSet<String>,
        naming: &NamingPolicy,
        options: &CloneOptions,
    ) -> Trial {
        let mut members = members;
        let mut trial = Trial {
            schema: self.schema.clone(),
            set: None,
            refused: BTreeMap::new(),
            failed: None,
        };
        let snapshot = loop {
            if members.is_empty() {
                return trial;
            }
            let snapshot = read(client, &self.schema, naming, &members).await;
            let refusals = refusals(&snapshot, naming, options);
            if refusals.is_empty() {
                break snapshot;
            }
            let before = members.len();
            for refusal in &refusals {
                let Some(relation) = relation_of(&refusal.object, &snapshot) else {
                    continue;
                };
                let root = self.relations.get(&relation).unwrap_or(&relation);
                members.remove(root);
                let reasons = trial.refused.entry(root.clone()).or_default();
                reasons.insert(refusal.to_string());
            }
            if members.len() == before {
                trial.failed = Some(format!("{} is of no member", refusals[0]));
                return trial;
            }
        };
        match stage_as(client, &snapshot, naming, options).await {
            Ok(set) => {
                let options = PostDataOptions::default();
                if let Err(error) = set.run_post_data(client, &options, &Events::none()).await {
                    trial.failed = Some(explain(&error));
                }
                trial.set = Some(set);
            }
            Err(error) => trial.failed = Some(explain(&error)),
        }
        trial
    }
}

impl Trial {
    /// What neither dump shows: catalog facts that differ, and what the structural comparison finds. By live relation.
    pub(crate) async fn hidden_differences(&self, client: &mut Client) -> Vec<(String, String)> {
        let Some(set) = &self.set else {
            return Vec::new();
        };
        let mut found = catalog_facts::differences(client, set).await;
        found.extend(self.structural_differences(client).await);
        found
    }

    /// What the structural comparison finds, wherever the twins are. By live relation.
    pub(crate) async fn structural_differences(&self, client: &mut Client) -> Vec<(String, String)> {
        let Some(set) = &self.set else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let names = |staging: bool| -> BTreeSet<String> {
            let names = set
                .members
                .iter()
                .map(|m| if staging { &m.staging } else { &m.live });
            names.map(|name| name.name.as_str().to_owned()).collect()
        };
        let naming = NamingPolicy::default();
        let live = read(client, &self.schema, &naming, &names(false)).await;
        let (schema, twins): (_, Vec<Ident>) = (
            set.staging_schema(),
            names(true).iter().map(|name| ident(name)).collect(),
        );
        let tx = client.transaction().await.unwrap();
        let twins = CatalogSnapshot::read_beside(&tx, &ident(&self.schema), schema, &twins)
            .await
            .unwrap();
        drop(tx);
        for relation in StructuralDiff::of_set(&live, &twins, set).relations() {
            let name = relation.live.name.as_str();
            found.extend(
                relation
                    .differences
                    .iter()
                    .map(|difference| (name.to_owned(), format!("structural: {difference}"))),
            );
        }
        found
    }

    /// Moves the twins into live's schema, as a swap does before it gives them the live names: what a dump prints for them
    /// can be held against live there.
    pub(crate) async fn bring_home(&mut self, client: &Client) {
        let Some(set) = &mut self.set else { return };
        let home = set.schema.clone();
        for member in &mut set.members {
            let parts = member.parts.iter_mut();
            let parts = parts.map(|part| (part.kind, &mut part.staging, part.live.schema.clone()));
            let all = parts.chain([(member.kind.object_kind(), &mut member.staging, home.clone())]);
            for (kind, name, home) in all {
                let what = match kind {
                    ObjectKind::ExtendedStatistics => "STATISTICS",
                    // They come along with their table.
                    ObjectKind::Index | ObjectKind::Sequence => "",
                    ObjectKind::MaterializedView => "MATERIALIZED VIEW",
                    ObjectKind::View => "VIEW",
                    _ => "TABLE",
                };
                if !what.is_empty() {
                    let sql = format!("ALTER {what} {name} SET SCHEMA {home}");
                    client.batch_execute(&sql).await.unwrap();
                }
                name.schema = home;
            }
        }
    }

    pub(crate) async fn drop_twins(&self, client: &mut Client) {
        if let Some(set) = &self.set {
            drop_staging(client, set, &LockPatience::default(), &Events::none())
                .await
                .unwrap();
        }
    }
}

fn refusals(snapshot: &CatalogSnapshot, naming: &NamingPolicy, options: &CloneOptions) -> Vec<Refusal> {
    let matviews = MatviewPlan::compute(snapshot, naming, options).err();
    let tables = ClonePlan::compute(snapshot, naming, options).err();
    let all = matviews.into_iter().chain(tables);
    all.flat_map(|error| error.refusals).collect()
}

/// The member that a refusal is about.
fn relation_of(object: &ObjectName, snapshot: &CatalogSnapshot) -> Option<String> {
    if let Some(relation) = &object.of {
        return Some(relation.name.as_str().to_owned());
    }
    let owns = |relation: &&cutover_core::catalog::Relation| match object.kind {
        ObjectKind::Index => relation.indexes.iter().any(|i| i.name.name == object.name),
        ObjectKind::Sequence => relation.sequences.iter().any(|s| s.name.name == object.name),
        ObjectKind::ExtendedStatistics => relation.statistics.iter().any(|s| s.name.name == object.name),
        _ => relation.name.name == object.name,
    };
    let relation = snapshot.relations.iter().find(owns)?;
    Some(relation.name.name.as_str().to_owned())
}

async fn read(
    client: &mut Client,
    schema: &str,
    naming: &NamingPolicy,
    members: &BTreeSet<String>,
) -> CatalogSnapshot {
    let members: Vec<Ident> = members.iter().map(|name| ident(name)).collect();
    let tx = client.transaction().await.unwrap();
    let read = CatalogSnapshot::read(&tx, &ident(schema), &members)
        .await
        .unwrap();
    read.with_schemas(&tx, naming).await.unwrap()
}

/// An error with its causes.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        if let Some(db) = source
            .downcast_ref::<tokio_postgres::Error>()
            .and_then(|e| e.as_db_error())
        {
            text = format!("{text}: {}", db.message());
        }
        cause = source.source();
    }
    text
}
