//! `validate_and_manifest`: staging is finished, compared with live, measured, and described.

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::catalog::{CatalogSnapshot, RelationKind};
use cutover_core::{EventKind, Ident, Phase, Sql, Step};
use cutover_staging::{StagedMember, StagedSet};
use cutover_swap::{is_plan_safe, sum_rows};
use jiff::Timestamp;

use super::counted;
use crate::gate::count_rows;
use crate::manifest::{MANIFEST_SCHEMA_VERSION, PhaseTook, RelationFacts};
use crate::run::{Run, session_error};
use crate::{Manifest, ReleaseError};

impl Run<'_> {
    /// Makes every switch of `[staging]` good, vacuums and analyses staging so that the first query after the swap is
    /// as fast as the last one before it, refuses what differs from live, and opens the gates.
    ///
    /// Locks: on staging only, and those of `StagedSet::run_post_data`. Killed here, whole steps have happened or have
    /// not; run again, it goes on.
    pub(super) async fn validate_and_manifest(&mut self) -> Result<String, ReleaseError> {
        let Some(set) = self.staged.whole().filter(|_| self.staged.tables.is_some()) else {
            return Err(ReleaseError::NothingToTakeUp {
                why: "no staging tables were built".to_owned(),
            });
        };
        // What was found fit before may be shut out now.
        if self.staged.validated {
            self.staged.validated = false;
            self.keep_staged().await?;
        }
        self.run_post_data(&set).await?;
        let mut client = self.client().await?;
        self.fill_and_vacuum(&mut client).await?;

        let members = self.cutover.members_staged(&self.staged);
        let twins: Vec<Ident> = members
            .iter()
            .map(|member| self.cutover.staging(member).name)
            .collect();
        let (live, staging) = self.cutover.read_sets(&mut client, &members, &twins).await?;
        let declared = self.cutover.declared_changes();
        let pair = |set: StagedSet| set.with_added(&staging, &declared, &self.cutover.naming);
        self.staged.tables = self.staged.tables.take().map(pair);
        self.staged.matviews = self.staged.matviews.take().map(pair);
        if let Some(set) = self.staged.whole() {
            declared.check(&live, &staging, &set)?;
        }

        let mut relations = self.measure(&mut client, &members, &live, &staging).await?;
        self.open_gates(&client, &mut relations).await?;
        let manifest = self.manifest(&members, &live, &staging, relations).await?;
        let complete = self.importers_missing(&manifest).is_empty();
        let rows: u64 = manifest.relations.values().map(|facts| facts.rows).sum();
        self.records
            .set_manifest(&*self.session, self.release, &manifest.to_value(self.release)?)
            .await?;
        self.events.emit(manifest.measured());
        self.manifest = Some(manifest);
        // A part of a dataset must never go live.
        self.staged.validated = !self.staged.sampled && complete;
        self.staged.dry_run = self.options.dry_run;
        self.staged.hooks_due = self.hooks.can_veto_after(Phase::ValidateAndManifest);
        self.keep_staged().await?;
        let gates = counted(self.cutover.file.validations().len(), "gate");
        let structure = if declared.is_empty() {
            "like live"
        } else {
            "as declared"
        };
        let mut summary = format!(
            "{} relations {structure}, {rows} rows, {gates} open",
            set.members.len()
        );
        if !self.staged.validated {
            summary.push_str("; only a part of the dataset, which cannot go live");
        }
        Ok(summary)
    }

    /// Vacuums the tables, fills the materialized views that read them, which goes fast by then, and vacuums these.
    async fn fill_and_vacuum(&self, client: &mut tokio_postgres::Client) -> Result<(), ReleaseError> {
        let sets = [&self.staged.tables, &self.staged.matviews].into_iter().flatten();
        // With a partitioned table go its partitions.
        let members = sets.flat_map(|set| &set.members);
        let members =
            members.filter(|member| member.partition_of.is_none() && member.kind != RelationKind::View);
        let (late, others): (Vec<_>, Vec<_>) = members.partition(|member| self.staged.is_late(member));
        for member in others {
            vacuum(member).run(&*client, 0).await?;
        }
        if let Some(set) = self.staged.tables.as_ref().filter(|_| !late.is_empty()) {
            set.fill_materialized_views(client, &self.events).await?;
        }
        for member in late {
            vacuum(member).run(&*client, 0).await?;
        }
        Ok(())
    }

    /// Importers of the release file that have not run: neither in this run nor, by its checkpoints, in an earlier one.
    fn importers_missing(&self, manifest: &Manifest) -> Vec<&str> {
        let names = self
            .cutover
            .file
            .imports()
            .iter()
            .map(|import| import.name.as_str());
        names
            .filter(|name| !self.imported.contains(*name) && !manifest.importers.contains_key(*name))
            .collect()
    }

    /// Counts what is staged and what is live, partitions with their tables; sums up what is staged where that is asked for.
    async fn measure(
        &self,
        client: &mut tokio_postgres::Client,
        members: &[Ident],
        live: &CatalogSnapshot,
        staging: &CatalogSnapshot,
    ) -> Result<BTreeMap<String, RelationFacts>, ReleaseError> {
        let mut relations = BTreeMap::new();
        for member in members {
            let staged = staging.relation(&self.cutover.staging(member).name);
            let (Some(live), Some(staged)) = (live.relation(member), staged) else {
                continue;
            };
            // A plain view has no rows of its own.
            if live.kind == RelationKind::View {
                continue;
            }
            let live_rows = if live.populated {
                count_rows(client, &live.name).await?
            } else {
                0
            };
            let (rows, checksum) = if self.cutover.file.manifest().checksums {
                let sum = sum_rows(client, &staged.name, staged.object()).await?;
                (sum.rows, Some(sum.checksum))
            } else {
                (count_rows(client, &staged.name).await?, None)
            };
            let parts = staging.partitions_of(staged.oid).map(|partition| partition.bytes);
            let bytes = u64::try_from(staged.bytes + parts.sum::<i64>()).unwrap_or(0);
            let mut facts = RelationFacts::new(rows, live_rows, bytes);
            facts.checksum = checksum;
            relations.insert(live.name.name.as_str().to_owned(), facts);
        }
        Ok(relations)
    }

    async fn open_gates(
        &self,
        client: &tokio_postgres::Client,
        relations: &mut BTreeMap<String, RelationFacts>,
    ) -> Result<(), ReleaseError> {
        let mut failures = Vec::new();
        for validation in self.cutover.file.validations() {
            let Some(facts) = relations.get_mut(validation.table.as_str()) else {
                continue;
            };
            let found = self
                .cutover
                .check_gate(client, validation, facts, &self.template)
                .await?;
            let fatal = validation.severity != cutover_core::release_file::Severity::Warn;
            self.events.emit(EventKind::CheckFinished {
                check: format!("validate {}", validation.table.as_str()),
                violations: u64::try_from(found.len()).unwrap_or(u64::MAX),
                tolerated: 0,
                fatal: fatal && !found.is_empty(),
            });
            if fatal {
                failures.extend(found);
            } else {
                for failure in found {
                    self.warn(failure.to_string());
                }
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(ReleaseError::Gates { failures })
        }
    }

    async fn manifest(
        &self,
        members: &[Ident],
        live: &CatalogSnapshot,
        staging: &CatalogSnapshot,
        relations: BTreeMap<String, RelationFacts>,
    ) -> Result<Manifest, ReleaseError> {
        let checkpoints = self.records.checkpoints(&*self.session, self.release).await?;
        // One that was broken off has not brought what it should.
        let done: BTreeSet<String> = checkpoints
            .iter()
            .filter(|checkpoint| checkpoint.done)
            .map(|checkpoint| checkpoint.importer.clone())
            .collect();
        let mut importers = BTreeMap::new();
        let mut rejected = BTreeMap::new();
        let mut warnings = self.warnings.clone();
        for checkpoint in checkpoints {
            if !done.contains(&checkpoint.importer) {
                continue;
            }
            if checkpoint.rejected > 0 {
                let warning = format!("rows set aside by importer {}", checkpoint.importer);
                let rows = checkpoint.rejected.unsigned_abs();
                *warnings.entry(warning).or_insert(0) += rows;
                *rejected.entry(checkpoint.importer.clone()).or_insert(0) += rows;
            }
            *importers.entry(checkpoint.importer).or_insert(0) += u64::try_from(checkpoint.rows).unwrap_or(0);
        }
        let course = self.records.course(&*self.session, self.release).await?;
        let took = |(phase, took_ms)| PhaseTook { phase, took_ms };
        let plan_safe = |member: &Ident| {
            let staged = staging.relation(&self.cutover.staging(member).name);
            let pair = live.relation(member).zip(staged);
            pair.is_none_or(|(live, staged)| is_plan_safe(live, staged))
        };
        Ok(Manifest {
            schema_version: MANIFEST_SCHEMA_VERSION,
            release_set: self.cutover.file.release().name.clone(),
            label: self.label.clone(),
            written_at: Timestamp::now(),
            config_digest: self.cutover.file.digest().as_str().to_owned(),
            cutover_version: env!("CARGO_PKG_VERSION").to_owned(),
            server_version_num: live.server.version_num,
            extensions: self.extensions().await?,
            phases: course.phases.into_iter().map(took).collect(),
            checks: course.checks,
            relations,
            importers,
            rejected,
            changes: self.cutover.listed_changes(),
            plan_safe: members.iter().all(plan_safe),
            companions: self.cutover.companions(live),
            hooks: self.hook_reports.clone(),
            warnings,
        })
    }
}

impl Run<'_> {
    /// Versions of the target's extensions by name.
    async fn extensions(&self) -> Result<BTreeMap<String, String>, ReleaseError> {
        let rows = self
            .session
            .query(
                "SELECT extname::pg_catalog.text, extversion FROM pg_catalog.pg_extension",
                &[],
            )
            .await
            .map_err(|error| session_error("read the extensions of", error))?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }
}

/// Sets the visibility map, freezes what can be frozen, and gathers statistics: they belong to the relation, not to
/// its name, so they go live with it. `VACUUM` has to stand alone in its message.
fn vacuum(member: &StagedMember) -> Step {
    let sql = Sql::text("VACUUM (FREEZE, ANALYZE) ").name(&member.staging);
    Step::new("vacuum, freeze and analyse", member.object(), sql)
}
