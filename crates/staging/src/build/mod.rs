//! Building twins: catalog facts in, steps out. No connection.

mod attached;
mod dress;
mod extension;
pub(crate) mod inheritance;
pub(crate) mod label;
mod notices;
mod partition;
mod policy;
mod query;
pub(crate) mod row_type;
mod rule;
mod session;
mod table;
mod timing;
pub(crate) mod twin;

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::catalog::{
    CatalogSnapshot, Constraint, ConstraintKind, Index, OwnedSequence, Relation, RelationKind,
};
use cutover_core::{
    LockMode, MAX_IDENT_BYTES, NamingPolicy, ObjectKind, ObjectName, Plan, QualifiedName, Sql, Step,
};

pub(crate) use partition::above as partitioned_tables_above;
pub(crate) use session::settings;
pub(crate) use table::storage_parameter;

use crate::CloneOptions;
use crate::deferred::{self, DeferredStep};
use crate::staged::{PartPair, PlannedMember};
use timing::in_this_transaction;
use twin::Twin;

/// Steps that build twins in one transaction, and what is left for later.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    /// Until the twins stand under their staging names.
    pub(crate) steps: Plan,
    /// The declared changes, made once the twins stand.
    pub(crate) changes: Plan,
    /// What was made only to be read back is taken away again.
    pub(crate) put_off: Plan,
    /// What is to be done after the load.
    pub(crate) post_data: Vec<DeferredStep>,
    /// What the operator should know, though it stops nothing.
    pub(crate) notices: Vec<String>,
    /// Who is who.
    pub(crate) members: Vec<PlannedMember>,
}

/// Plans the twins of `relations`, in this order. What cannot be cloned has been refused before.
///
/// `guests` have twins already: for as long as this builds, their live names mean those too.
pub(crate) fn plan<'s>(
    title: &str,
    snapshot: &'s CatalogSnapshot,
    relations: &[&'s Relation],
    guests: &[&'s Relation],
    naming: &'s NamingPolicy,
    options: &'s CloneOptions,
) -> Build {
    let twins_of = |relations: &[&'s Relation]| -> Vec<Twin<'s>> {
        let relations = relations.iter();
        relations
            .map(|relation| Twin::of(relation, naming, options.scratch()))
            .collect()
    };
    let mut planner = Planner {
        snapshot,
        naming,
        options,
        twins: twins_of(relations),
        guests: twins_of(guests),
        is_loaded: relations.iter().any(|relation| !relation.kind.has_query()),
        partitioned_indexes: relations
            .iter()
            .filter(|relation| relation.kind == RelationKind::PartitionedTable)
            .flat_map(|relation| {
                relation
                    .indexes
                    .iter()
                    .map(|index| (index.oid, (*relation, index)))
            })
            .collect(),
        build: Build {
            steps: Plan::new(title, snapshot.fingerprint.clone()),
            changes: Plan::new("make the declared changes", snapshot.fingerprint.clone()),
            put_off: Plan::new("put off until the rows are there", snapshot.fingerprint.clone()),
            post_data: Vec::new(),
            notices: notices::of_server(&snapshot.server)
                .chain(relations.iter().flat_map(|relation| notices::of(relation)))
                .collect(),
            members: Vec::new(),
        },
    };
    planner.open();
    planner.build_in_scratch();
    planner.move_out();
    planner.dress();
    planner.attach_foreign_keys();
    planner.build
}

struct Planner<'a> {
    snapshot: &'a CatalogSnapshot,
    naming: &'a NamingPolicy,
    options: &'a CloneOptions,
    twins: Vec<Twin<'a>>,
    /// Twins that are there already and that the new ones may read.
    guests: Vec<Twin<'a>>,
    /// Whether rows are to be loaded, so that some things wait for them.
    is_loaded: bool,
    /// Indexes of partitioned tables, by oid.
    partitioned_indexes: BTreeMap<u32, (&'a Relation, &'a Index)>,
    build: Build,
}

impl<'a> Planner<'a> {
    fn push(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.build.steps.steps.extend(steps);
    }

    /// For each twin, steps that need nothing but it.
    fn for_each(&mut self, steps: impl Fn(&Self, &Twin<'a>) -> Vec<Step>) {
        let all: Vec<Step> = self.twins.iter().flat_map(|twin| steps(self, twin)).collect();
        self.push(all);
    }

    fn open(&mut self) {
        let snapshot = self.snapshot;
        let scratch = ObjectName::global(ObjectKind::Schema, self.options.scratch());
        let settings = settings(
            &snapshot.schema,
            snapshot.server.version_num,
            self.options.lock_wait(),
        );
        self.push([settings]);
        let tables: Vec<&Relation> = self
            .twins
            .iter()
            .map(|twin| twin.live)
            .filter(|live| !live.kind.has_query())
            .collect();
        if !tables.is_empty() {
            let names = tables.iter().map(|table| Sql::text("").name(&table.name));
            let sql = Sql::text("LOCK TABLE ")
                .append(&Sql::join(names, ", "))
                .then(" IN ACCESS SHARE MODE");
            let schema = ObjectName::global(ObjectKind::Schema, &snapshot.schema);
            let step = tables.iter().fold(
                Step::new("keep from changing the live tables of", schema, sql),
                |step, table| step.locking(LockMode::AccessShare, &table.name),
            );
            self.push([step]);
        }
        let staging = self.naming.staging_schema(&snapshot.schema);
        let made = snapshot.schema_facts(staging).into_iter();
        self.push(made.flat_map(|facts| facts.make_for_staging(snapshot)));
        let create = Sql::text("CREATE SCHEMA ").ident(self.options.scratch());
        let path = Sql::text("SET LOCAL search_path = ").idents([self.options.scratch(), &snapshot.schema]);
        self.push([
            Step::new("create", scratch.clone(), create),
            Step::new("look first into", scratch, path),
        ]);
        let guests = self.guests.iter().flat_map(|guest| move_in(self, guest));
        self.push(guests.collect::<Vec<_>>());
    }

    /// Where a member's live name means its twin: what names members in text is read here.
    fn build_in_scratch(&mut self) {
        self.for_each(|planner, twin| {
            if twin.has_query() || inheritance::is_in_tree(twin.live) {
                Vec::new()
            } else {
                vec![table::create(twin, planner.snapshot)]
            }
        });
        let trees = inheritance::create(&self.twins, self.snapshot.server.version_num);
        let read_again = |twins: Vec<&Twin<'a>>| -> Vec<Step> {
            let steps = twins
                .into_iter()
                .map(|twin| row_type::read_again(twin, self.snapshot));
            steps.flatten().collect()
        };
        let (before, after) = row_type::in_order(&self.twins);
        let steps = [read_again(before), trees, read_again(after)];
        self.push(steps.into_iter().flatten());
        self.for_each(|planner, twin| {
            let mut steps = Vec::new();
            for sequence in &twin.live.sequences {
                let staging = planner.naming.staging(&sequence.name);
                if !sequence.identity {
                    steps.push(table::create_sequence(twin, sequence, &staging));
                } else if let Some(column) = twin.live.column(&sequence.column) {
                    steps.push(table::add_identity(twin, column, sequence, &staging));
                    let version = planner.snapshot.server.version_num;
                    steps.extend(table::sequence_persistence(twin, sequence, &staging, version));
                }
            }
            steps.extend(table::set_type(twin));
            let not_valid =
                table::unvalidated_checks(twin.live).filter(|check| !planner.is_text(twin, check));
            steps.extend(not_valid.flat_map(|check| table::invalidate_check(twin, check)));
            steps
        });
        // Only now does every sequence of the set have a twin.
        let sequences: BTreeSet<u32> = self
            .twins
            .iter()
            .flat_map(|twin| serial_sequences(twin))
            .map(|sequence| sequence.oid)
            .collect();
        self.for_each(|planner, twin| {
            let in_tree = inheritance::is_in_tree(twin.live);
            let missing = twin.live.columns.iter().filter(|column| {
                let mut used = column.default_sequences.iter();
                let rows = row_type::is_row_of_member(column, planner.snapshot)
                    || row_type::names_row_of_member(column, planner.snapshot);
                !column.is_generated() && (in_tree || rows || used.any(|used| sequences.contains(&used.oid)))
            });
            missing
                .filter(|_| !twin.has_query())
                .filter_map(|column| table::set_default(twin, column))
                .collect()
        });
        // What is done to a parent from now on may reach its partitions.
        self.for_each(|planner, twin| partition::attach(twin, &planner.twins).into_iter().collect());
        // Queries read tables, never the other way round; rules and policies of tables may read what they make.
        self.for_each(|_, twin| {
            let queries = twin.live.definition.iter();
            queries.flat_map(|query| query::create(twin, query)).collect()
        });
        self.for_each(|_, twin| {
            let triggers = twin.live.triggers.iter();
            let triggers = triggers.flat_map(|trigger| attached::trigger(twin, trigger));
            let rules = twin.live.rules.iter().flat_map(|rule| rule::create(twin, rule));
            let policies = twin
                .live
                .policies
                .iter()
                .flat_map(|policy| policy::create(twin, policy));
            triggers.chain(rules).chain(policies).collect()
        });
        self.for_each(|planner, twin| {
            let indexes = twin.live.indexes.iter();
            let of_rows = indexes.filter(|index| index.of_rows && !twin.is_materialized_view());
            of_rows
                .map(|index| attached::index_of_rows(twin, index, planner.naming))
                .collect()
        });
    }

    /// Whether a check was made from what the server prints, with its state.
    fn is_text(&self, twin: &Twin<'_>, check: &Constraint) -> bool {
        inheritance::is_in_tree(twin.live)
            || (check.kind == ConstraintKind::Check && row_type::checks_are_text(twin.live, self.snapshot))
    }

    fn move_out(&mut self) {
        self.for_each(|planner, twin| {
            let mut steps = Vec::new();
            for sequence in serial_sequences(twin) {
                let staging = planner.naming.staging(&sequence.name);
                let sql = Sql::text("ALTER SEQUENCE ")
                    .ident(planner.options.scratch())
                    .then(".")
                    .ident(&sequence.name.name)
                    .then(" RENAME TO ")
                    .ident(&staging.name);
                let object = ObjectName::qualified(ObjectKind::Sequence, &staging);
                steps.push(Step::new("give the staging name to", object, sql));
            }
            steps.extend(move_table(planner, twin));
            steps
        });
        let guests = self.guests.iter().flat_map(|guest| move_table(self, guest));
        self.push(guests.collect::<Vec<_>>());
        let scratch = ObjectName::global(ObjectKind::Schema, self.options.scratch());
        let schema = ObjectName::global(ObjectKind::Schema, &self.snapshot.schema);
        let drop = Sql::text("DROP SCHEMA ").ident(self.options.scratch());
        let path = Sql::text("SET LOCAL search_path = ").ident(&self.snapshot.schema);
        self.push([
            Step::new("drop", scratch, drop),
            Step::new("look only into", schema, path),
        ]);
    }

    /// What follows names members only where we put the name together ourselves.
    fn dress(&mut self) {
        let mut attachments = Vec::new();
        for twin in self.twins.clone() {
            let live = twin.live;
            let mut parts = Vec::new();
            let mut sequences = Vec::new();
            for sequence in &live.sequences {
                let staging = self.naming.staging(&sequence.name);
                parts.push(PartPair::new(ObjectKind::Sequence, &sequence.name, &staging));
                let object = ObjectName::qualified(ObjectKind::Sequence, &staging);
                sequences.push((object, staging, sequence));
            }
            self.push(table::comments_on_not_null(&twin));
            self.push(
                live.columns
                    .iter()
                    .flat_map(|column| dress::column_settings(&twin, column, self.snapshot))
                    .collect::<Vec<_>>(),
            );
            for index in &live.indexes {
                parts.push(PartPair::new(
                    ObjectKind::Index,
                    &index.name,
                    &self.naming.staging(&index.name),
                ));
                attachments.extend(self.index(&twin, index));
            }
            self.push(dress::replica_identity(&twin));
            for statistics in &live.statistics {
                let staging = self.naming.staging(&statistics.name);
                self.push(dress::statistics(&twin, statistics, &staging, self.snapshot));
                parts.push(PartPair::new(
                    ObjectKind::ExtendedStatistics,
                    &statistics.name,
                    &staging,
                ));
            }
            self.push(dress::comments(&twin));
            self.push(label::labels(&twin, &sequences));
            self.push(extension::of_relation(&twin));
            // Before the owner may have lost the right to.
            if self.options.continues_sequences() {
                let steps = sequences
                    .iter()
                    .map(|(_, staging, live)| table::continue_sequence(live, staging));
                self.push(steps);
            }
            let (owner, grants) = dress::owner_and_grants(&twin, &sequences, self.snapshot);
            self.push(owner);
            if self.is_loaded {
                self.build.post_data.extend(grants);
            } else {
                // Materialized views of other owners read it when they are filled.
                self.push(grants.iter().map(in_this_transaction));
            }
            self.build.members.push(PlannedMember {
                live: live.name.clone(),
                live_oid: live.oid,
                staging: twin.staging.clone(),
                kind: live.kind,
                partition_of: self.parent_of(live),
                parts,
            });
        }
        deferred::sort(&mut attachments);
        self.push(attachments.iter().map(in_this_transaction));
    }

    /// The live name of the partitioned table that it is a partition of.
    fn parent_of(&self, live: &Relation) -> Option<QualifiedName> {
        let partition = live.partition.as_ref()?;
        let parent = self.twins.iter().find(|twin| twin.live.oid == partition.parent)?;
        Some(parent.live.name.clone())
    }
}

/// Lets the live name of what has a twin already mean that twin, until [`move_table`] puts it back.
fn move_in(planner: &Planner<'_>, guest: &Twin<'_>) -> [Step; 2] {
    let scratch = planner.options.scratch();
    let moved = QualifiedName::new(scratch.clone(), guest.staging.name.clone());
    let into = guest.alter().then(" SET SCHEMA ").ident(scratch);
    let rename = guest
        .verb("ALTER ")
        .name(&moved)
        .then(" RENAME TO ")
        .ident(&guest.scratch.name);
    [
        Step::new("take along", guest.object(), into).locking(LockMode::AccessExclusive, &guest.staging),
        Step::new("give the live name for a while to", guest.object(), rename),
    ]
}

/// Gives a twin its staging name and moves it beside live.
///
/// An array type is called like its table with an underscore before, cut to fit. A rename looks for another name where
/// that one is taken, a move does not: a name so long that its array type's is cut is given in its place, after the move
/// under one that has a hash in it.
fn move_table(planner: &Planner<'_>, twin: &Twin<'_>) -> Vec<Step> {
    let staging = &twin.staging;
    let is_cut = staging.name.as_str().len() == MAX_IDENT_BYTES;
    let moved = if is_cut {
        planner.naming.staging(staging)
    } else {
        staging.clone()
    };
    let renamed = QualifiedName::new(planner.options.scratch().clone(), moved.name.clone());
    let rename = twin.alter_in_scratch().then(" RENAME TO ").ident(&moved.name);
    let out = twin
        .verb("ALTER ")
        .name(&renamed)
        .then(" SET SCHEMA ")
        .ident(&staging.schema);
    let mut steps = vec![
        Step::new("give the staging name to", twin.object(), rename),
        Step::new("move to its place", twin.object(), out),
    ];
    if is_cut {
        let rename = twin
            .verb("ALTER ")
            .name(&moved)
            .then(" RENAME TO ")
            .ident(&staging.name);
        steps.push(Step::new("give the staging name to", twin.object(), rename));
    }
    steps
}

fn serial_sequences<'t>(twin: &'t Twin<'_>) -> impl Iterator<Item = &'t OwnedSequence> {
    twin.live.sequences.iter().filter(|sequence| !sequence.identity)
}
