//! From two catalog snapshots to the statements of a swap; no connection.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use cutover_core::catalog::{CatalogSnapshot, Relation, RelationKind, WriteCounts};
use cutover_core::records::BackupObject;
use cutover_core::{Digest, Ident, NamingPolicy, ObjectKind, ObjectName, Plan, QualifiedName, Stamp, Step};

use crate::dependents;
use crate::follow::Followers;
use crate::lock_order;
use crate::members::{self, Member};
use crate::outside_parts;
use crate::pairing::Pair;
use crate::precheck::Precheck;
use crate::publications;
use crate::refused::{Refusal, RefusalKind, SwapRefused};
use crate::renames;
use crate::reshaped;
use crate::schemas;
use crate::subscriptions;
use crate::temporary;

/// What a swap may do that it would refuse by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct PlanOptions {
    unpaired: Vec<ObjectKind>,
    come: BTreeSet<(ObjectKind, QualifiedName)>,
    go: BTreeSet<(ObjectKind, QualifiedName)>,
}

impl PlanOptions {
    /// Lets indexes, sequences or extended statistics come and go: without a partner one keeps its name on the way in,
    /// and takes a backup name on the way out. By default each needs a partner.
    pub fn allow_unpaired(mut self, kind: ObjectKind) -> Self {
        self.unpaired.push(kind);
        self
    }

    /// Lets this index, sequence or statistics object of the incoming relations come, although live has none like it. It
    /// takes the live name that the pairing has for it, else it keeps its own.
    pub fn adding(mut self, kind: ObjectKind, incoming: QualifiedName) -> Self {
        self.come.insert((kind, incoming));
        self
    }

    /// Lets this index, sequence or statistics object of live go, although the incoming relations have none like it. It
    /// becomes part of the backup set, and a rollback brings it back.
    pub fn dropping(mut self, kind: ObjectKind, live: QualifiedName) -> Self {
        self.go.insert((kind, live));
        self
    }

    pub(crate) fn may_come(&self, kind: ObjectKind, incoming: &QualifiedName) -> bool {
        self.unpaired.contains(&kind) || self.come.contains(&(kind, incoming.clone()))
    }

    pub(crate) fn may_go(&self, kind: ObjectKind, live: &QualifiedName) -> bool {
        self.unpaired.contains(&kind) || self.go.contains(&(kind, live.clone()))
    }
}

/// A swap, computed and not yet run.
///
/// `Display` prints it as a commented SQL script. The statements of [`rename_indexes`](Self::rename_indexes),
/// [`lock_incoming`](Self::lock_incoming), [`take_locks`](Self::take_locks) and [`switch`](Self::switch) run in one
/// transaction, each as one message; each of [`post_swap`](Self::post_swap) runs in a transaction of its own, later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SwapPlan {
    /// The schema of the set.
    pub schema: Ident,
    /// The stamp of the backup set that what is live becomes.
    pub backup: Stamp,
    /// For a rollback: the backup set that goes live again.
    pub restores: Option<Stamp>,
    /// Renames of indexes and the constraints they back, and of extended statistics, before any exclusive lock: they stop
    /// no reader. Before them the schema of the backups is made, where these have one of their own that is not there.
    pub rename_indexes: Plan,
    /// The locks of what goes live, which nobody reads yet.
    pub lock_incoming: Plan,
    /// Every lock that readers may notice, in the order that suits most of them.
    pub take_locks: Plan,
    /// What happens under the locks: renames, and moves where staging or backups have a schema of their own, then views, functions, rules, policies, defaults, foreign keys and
    /// publications re-pointed.
    pub switch: Plan,
    /// What follows once the swap is committed.
    pub post_swap: Plan,
    /// Queries that tell before the swap whether `post_swap` would fail.
    pub prechecks: Vec<Precheck>,
    /// What the operator should know.
    pub warnings: Vec<String>,
    /// Whether the columns of every member stay what they are, so that prepared statements of long-lived sessions go on.
    /// Where not, the warnings tell which change.
    pub plan_safe: bool,
    /// How many relations change places.
    pub relations: usize,
    /// What had been written to live when staging was built; for a rollback, when it went live.
    #[serde(skip)]
    pub(crate) writes: Option<WriteCounts>,
    /// The tables that go live: what has been written to them by then is recorded with the swap.
    #[serde(skip)]
    pub(crate) incoming_tables: Vec<u32>,
    #[serde(skip)]
    pub(crate) backup_objects: Vec<BackupObject>,
    #[serde(skip)]
    pub(crate) live: CatalogFacts,
    #[serde(skip)]
    pub(crate) incoming: CatalogFacts,
    /// What the locks are taken on.
    #[serde(skip)]
    pub(crate) locked_oids: Vec<u32>,
    /// Which settings the server knows.
    #[serde(skip)]
    pub(crate) server_version: u32,
}

/// What a snapshot was computed from, to be found unchanged when the plan runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CatalogFacts {
    pub(crate) oids: Vec<u32>,
    pub(crate) fingerprint: Digest,
}

impl CatalogFacts {
    fn of(snapshot: &CatalogSnapshot) -> Self {
        Self {
            oids: snapshot.fingerprint_oids(),
            fingerprint: snapshot.fingerprint.clone(),
        }
    }
}

impl SwapPlan {
    /// Computes the swap of `live` and `incoming`.
    ///
    /// # Errors
    /// [`SwapRefused`] with every reason at once: what has no partner, what cannot be swapped, and what outside the
    /// set would keep pointing at the backup set.
    ///
    /// # Examples
    /// ```no_run
    /// use cutover_core::{Ident, NamingPolicy, Stamp, catalog::CatalogSnapshot};
    /// use cutover_swap::{Pair, PlanOptions, SwapPlan};
    ///
    /// # async fn example(client: &mut tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let (schema, policy) = (Ident::new("public")?, NamingPolicy::default());
    /// let tx = client.build_transaction().read_only(true).start().await?;
    /// let live = CatalogSnapshot::read(&tx, &schema, &[Ident::new("sources")?]).await?;
    /// let incoming = CatalogSnapshot::read(&tx, &schema, &[Ident::new("staging_sources")?]).await?;
    /// tx.commit().await?;
    /// let pairing = Pair::by_policy(&live, &incoming, &policy);
    /// let stamp: Stamp = "2509010405".parse()?;
    /// let plan = SwapPlan::compute(&live, &incoming, &pairing, &stamp, &policy, &PlanOptions::default())?;
    /// println!("{plan}");
    /// # Ok(()) }
    /// ```
    pub fn compute(
        live: &CatalogSnapshot,
        incoming: &CatalogSnapshot,
        pairing: &[Pair],
        stamp: &Stamp,
        policy: &NamingPolicy,
        options: &PlanOptions,
    ) -> Result<Self, SwapRefused> {
        let mut refusals = Vec::new();
        let members = members::resolve(live, incoming, pairing, options, &mut refusals);
        dependents::check(live, incoming, &members, &mut refusals);
        let followers = Followers::of(live, &members, &mut refusals);
        outside_parts::check(live, incoming, &members, &mut refusals);
        publications::check(live, incoming, &members, policy, &mut refusals);
        subscriptions::check(live, incoming, &mut refusals);
        temporary::check(live, &mut refusals);
        schemas::check(live, incoming, policy, &mut refusals);
        let backup = |name: &QualifiedName| policy.backup(stamp, name);
        let backup_objects = backup_objects(&members, &backup);
        check_names(live, &backup_objects, &mut refusals);
        if !refusals.is_empty() {
            return Err(SwapRefused { refusals });
        }

        let digest = Digest::of([
            live.fingerprint.as_str().as_bytes(),
            incoming.fingerprint.as_str().as_bytes(),
        ]);
        let stage = |title: &str, steps: Vec<Step>| {
            let mut plan = Plan::new(title, digest.clone());
            plan.steps = steps;
            plan
        };
        let keys = || live.inbound_foreign_keys.iter();
        let mut before_locks = schemas::make(live, policy);
        before_locks.extend(renames::before_locks(&members, &backup));
        let mut switch = followers.clear_away();
        switch.extend(renames::under_lock(&members, &backup));
        switch.extend(followers.repoint());
        switch.extend(outside_parts::follow(live, &members, &backup));
        switch.extend(keys().flat_map(|key| dependents::repoint_key(key, &live.schema)));
        switch.extend(publications::follow(&members, &backup));
        let validated = keys().filter(|key| key.validated);
        let plan = Self {
            schema: live.schema.clone(),
            backup: stamp.clone(),
            restores: None,
            rename_indexes: stage("rename indexes, readers go on", before_locks),
            lock_incoming: stage(
                "lock what goes live, readers go on",
                lock_order::incoming(&members),
            ),
            take_locks: stage("lock what is live", lock_order::live(live, &followers, &members)),
            switch: stage("switch", switch),
            post_swap: stage(
                "after the swap, each in a transaction of its own",
                validated
                    .clone()
                    .map(|key| dependents::validate_key(key, &live.schema))
                    .collect(),
            ),
            prechecks: validated.filter_map(|key| precheck(key, &members)).collect(),
            warnings: dependents::warnings(live, incoming)
                .into_iter()
                .chain(reshaped::warnings(live, &members))
                .chain(followers.warnings())
                .chain(publications::warnings(live, &members))
                .collect(),
            plan_safe: members
                .iter()
                .all(|member| reshaped::is_plan_safe(member.live, member.incoming)),
            relations: members.len(),
            locked_oids: lock_order::oids(live, &followers, &members),
            writes: None,
            incoming_tables: members
                .iter()
                .map(|member| member.incoming)
                .filter(|relation| relation.kind != RelationKind::MaterializedView)
                .map(|relation| relation.oid)
                .collect(),
            backup_objects,
            live: CatalogFacts::of(live),
            incoming: CatalogFacts::of(incoming),
            server_version: live.server.version_num,
        };
        plan.within_the_lock_table(live, incoming)
    }

    /// Over the catalog facts the plan was computed from.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.switch.digest
    }

    /// Lets the swap refuse when live was written to since `counted` was read: what was written is not in what goes live.
    /// For a rollback, `counted` is [`Records::writes_when_live`].
    ///
    /// [`WriteCounts`] tells what that cannot see.
    ///
    /// [`Records::writes_when_live`]: cutover_core::records::Records::writes_when_live
    #[must_use]
    pub fn refuse_writes_since(mut self, counted: WriteCounts) -> Self {
        self.writes = Some(counted);
        self
    }

    /// Takes [`refuse_writes_since`](Self::refuse_writes_since) back: what was written stays in the new backup set.
    #[must_use]
    pub fn allow_lost_writes(mut self) -> Self {
        self.writes = None;
        self
    }

    pub(crate) fn restoring(mut self, stamp: &Stamp) -> Self {
        self.restores = Some(stamp.clone());
        self
    }
}

fn precheck(key: &cutover_core::catalog::InboundForeignKey, members: &[Member<'_>]) -> Option<Precheck> {
    let member = members
        .iter()
        .find(|member| member.live.oid == key.references.oid)?;
    Some(Precheck::of(key, member.incoming))
}

/// What the live set will be called from now on.
fn backup_objects(
    members: &[Member<'_>],
    backup: &dyn Fn(&QualifiedName) -> QualifiedName,
) -> Vec<BackupObject> {
    let mut objects = Vec::new();
    for Member { live, parts, .. } in members {
        let Relation { oid, name, kind, .. } = live;
        let object = |kind, live: &QualifiedName, oid, of_relation| BackupObject {
            kind,
            live: live.clone(),
            backup: backup(live),
            oid,
            of_relation,
        };
        objects.push(object(kind.object_kind(), name, *oid, None));
        objects.extend(parts.iter().filter_map(|part| {
            let (part_name, part_oid) = part.live.as_ref()?;
            Some(object(part.kind, part_name, *part_oid, Some(name.name.clone())))
        }));
    }
    objects
}

/// Two long names may be cut to one; the server would notice in the middle of the swap, here it is noticed before.
fn check_names(live: &CatalogSnapshot, objects: &[BackupObject], refusals: &mut Vec<Refusal>) {
    let mut taken: BTreeMap<(bool, &QualifiedName), &QualifiedName> = BTreeMap::new();
    for object in objects {
        // Statistics have a name space of their own.
        let key = (object.kind == ObjectKind::ExtendedStatistics, &object.backup);
        if let Some(other) = taken.insert(key, &object.live) {
            let reason = format!("would bear the same backup name as {other}");
            let name = ObjectName::qualified(object.kind, &object.live);
            refusals.push(Refusal::new(
                RefusalKind::Name,
                name,
                reason,
                "rename one of them",
            ));
        }
        if live.relation(&object.backup.name).is_some() {
            let name = ObjectName::qualified(object.kind, &object.backup);
            let reason = "is the name of a live relation and of its backup".to_owned();
            refusals.push(Refusal::new(
                RefusalKind::Name,
                name,
                reason,
                "choose another stamp",
            ));
        }
    }
}

impl fmt::Display for SwapPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.restores {
            None => writeln!(
                f,
                "-- Swap of {} relations of schema {}",
                self.relations, self.schema
            )?,
            Some(stamp) => {
                writeln!(
                    f,
                    "-- Rollback of {} relations of schema {} to {stamp}",
                    self.relations, self.schema
                )?;
            }
        }
        writeln!(f, "-- What is live becomes backup set {}", self.backup)?;
        for warning in &self.warnings {
            writeln!(f, "-- Warning: {warning}")?;
        }
        for precheck in &self.prechecks {
            writeln!(
                f,
                "\n-- check beforehand the rows of {}\n{};",
                precheck.key, precheck.sql
            )?;
        }
        // The deparsed definitions of views name the members without their schema.
        writeln!(f, "\nBEGIN;\nSET LOCAL search_path = {}, pg_temp;", self.schema)?;
        for stage in [
            &self.rename_indexes,
            &self.lock_incoming,
            &self.take_locks,
            &self.switch,
        ] {
            write!(f, "\n{stage}")?;
        }
        writeln!(f, "\nCOMMIT;")?;
        if !self.post_swap.steps.is_empty() {
            write!(f, "\n{}", self.post_swap)?;
        }
        Ok(())
    }
}
