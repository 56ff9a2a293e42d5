//! Random schemas, cloned and dumped beside their originals. A failing one is made as small as it can be.

mod scribe;
mod statement;

use std::time::{Duration, Instant};

use cutover_core::NamingPolicy;
use cutover_staging::{CloneOptions, StagedSet};
use cutover_testkit::{Cluster, TestDatabase};
use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio_postgres::Client;

use crate::dump;
use crate::trial::Family;
use scribe::Scribe;
use statement::{Statement, schemas};

/// As many schemas share two dumps.
const BATCH: usize = 24;
/// Unless the environment says otherwise; `scripts/soak` does.
const BUDGET: Duration = Duration::from_secs(20);
/// For making one failing case small.
const SHRINKING: Duration = Duration::from_secs(90);

const WORLD: &str = "CREATE SCHEMA random_world; CREATE TYPE random_world.mood AS ENUM ('sad', 'ok'); \
    CREATE FUNCTION random_world.note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN coalesce(NEW, OLD); END$$; \
    CREATE ROLE random_reader; CREATE ROLE random_owner; GRANT USAGE ON SCHEMA random_world TO random_owner; SET jit = off";

/// A database in which cases are tried, each in a schema of its own.
struct Range {
    database: TestDatabase,
    client: Client,
    schemas: usize,
}

#[tokio::test]
async fn random_schemas_are_cloned_exactly() {
    let seed = seed();
    let budget = from_environment("CUTOVER_TEST_MINUTES")
        .and_then(|minutes| minutes.parse().ok())
        .map_or(BUDGET, |minutes: u64| Duration::from_secs(60 * minutes));
    println!("seed {seed}; try it again with CUTOVER_TEST_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let started = Instant::now();
    let (mut cases, mut relations) = (0, 0);
    let mut range = Range::open().await;
    while started.elapsed() < budget {
        let mut trees: Vec<_> = (0..BATCH)
            .map(|_| schemas().new_tree(&mut runner).unwrap())
            .collect();
        let batch: Vec<Vec<Statement>> = trees.iter().map(ValueTree::current).collect();
        let (faults, cloned) = range.try_out(&batch, cases).await;
        if let Some((at, fault)) = faults.into_iter().next() {
            let (sql, fault) = range.shrink(&mut trees[at], cases + at, fault).await;
            panic!("seed {seed}, case {}:\n{sql}\n{fault}", cases + at);
        }
        cases += BATCH;
        relations += cloned;
        if range.schemas > 20 * BATCH {
            // A catalog that only grows would slow down what follows.
            range = Range::another(&range).await;
        }
    }
    println!(
        "{cases} random schemas, {relations} relations cloned in {:?}, seed {seed}",
        started.elapsed()
    );
    assert!(relations > 0, "nothing was tried");
}

impl Range {
    async fn open() -> Self {
        let database = Cluster::shared().empty_database().await.unwrap();
        let client = database.connect().await.unwrap();
        client.batch_execute(WORLD).await.unwrap();
        Self {
            database,
            client,
            schemas: 0,
        }
    }

    /// A new database; roles are there already.
    async fn another(before: &Self) -> Self {
        let _ = before;
        let database = Cluster::shared().empty_database().await.unwrap();
        let client = database.connect().await.unwrap();
        let world = WORLD.replace("CREATE ROLE random_reader; CREATE ROLE random_owner; ", "");
        client.batch_execute(&world).await.unwrap();
        Self {
            database,
            client,
            schemas: 0,
        }
    }

    /// What is wrong with which case, and how many relations were cloned. The `first` case's number decides on the way it is
    /// cloned.
    async fn try_out(&mut self, batch: &[Vec<Statement>], first: usize) -> (Vec<(usize, String)>, usize) {
        let mut faults = Vec::new();
        let mut schemas = Vec::new();
        for (at, case) in batch.iter().enumerate() {
            let schema = format!("random_{}", self.schemas);
            self.schemas += 1;
            let sql = format!(
                "CREATE SCHEMA {schema}; SET search_path = {schema}; {} RESET search_path",
                Scribe::write(case)
            );
            if let Err(error) = self.client.batch_execute(&sql).await {
                let error = error.as_db_error().unwrap();
                faults.push((
                    at,
                    format!("the generator wrote what the server refuses: {error:?}"),
                ));
            }
            schemas.push(schema);
        }
        if !faults.is_empty() {
            self.drop_schemas(&schemas).await;
            return (faults, 0);
        }
        let names: Vec<&str> = schemas.iter().map(String::as_str).collect();
        let before = dump::blocks_of(&self.database, &names);
        let mut trials = Vec::new();
        for (at, schema) in schemas.iter().enumerate() {
            let family = Family::read(&self.client, schema).await;
            let options = CloneOptions::default();
            let options = match (first + at) % 3 {
                0 => options,
                1 => options.lightweight(false),
                _ => options.include_fks(true),
            };
            let trial = family
                .stage(
                    &mut self.client,
                    family.roots(),
                    &NamingPolicy::default(),
                    &options,
                )
                .await;
            faults.extend(trial.failed.iter().map(|error| (at, error.clone())));
            let refused = trial.refused.values().flatten();
            faults.extend(refused.map(|reason| (at, format!("refused: {reason}"))));
            trials.push(trial);
        }
        let after = dump::blocks_of(&self.database, &names);
        let sets: Vec<&StagedSet> = trials.iter().filter_map(|trial| trial.set.as_ref()).collect();
        let at_of = |member: Option<&str>| {
            let schema = member
                .and_then(|member| member.split_once('.'))
                .map(|(schema, _)| schema);
            schemas
                .iter()
                .position(|name| Some(name.as_str()) == schema)
                .unwrap_or(0)
        };
        for difference in dump::compare(&before, &after, &sets, &[]).differences {
            faults.push((at_of(difference.member.as_deref()), difference.to_string()));
        }
        for (at, trial) in trials.iter().enumerate() {
            for (relation, fact) in trial.hidden_differences(&mut self.client).await {
                faults.push((at, format!("{relation}: {fact}")));
            }
        }
        faults.sort();
        let cloned = sets.iter().map(|set| set.members.len()).sum();
        self.drop_schemas(&schemas).await;
        (faults, cloned)
    }

    async fn drop_schemas(&self, schemas: &[String]) {
        self.client
            .batch_execute("SET client_min_messages = error")
            .await
            .unwrap();
        for schema in schemas {
            let drop = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
            self.client.batch_execute(&drop).await.unwrap();
        }
    }

    /// The smallest case found that still fails in some way, and how.
    async fn shrink(
        &mut self,
        tree: &mut impl ValueTree<Value = Vec<Statement>>,
        number: usize,
        fault: String,
    ) -> (String, String) {
        let started = Instant::now();
        let mut smallest = (Scribe::write(&tree.current()), fault);
        let kind = |fault: &str| fault.starts_with("the generator wrote");
        let mut moved = tree.simplify();
        while moved && started.elapsed() < SHRINKING {
            let case = tree.current();
            let (faults, _) = self.try_out(std::slice::from_ref(&case), number).await;
            // A smaller case must not fail for a reason of its own.
            let same = faults
                .into_iter()
                .find(|(_, fault)| kind(fault) == kind(&smallest.1));
            moved = if let Some((_, fault)) = same {
                smallest = (Scribe::write(&case), fault);
                tree.simplify()
            } else {
                tree.complicate()
            };
        }
        smallest
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to try, and what to try again, is said to the test's process"
)]
fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn seed() -> u64 {
    from_environment("CUTOVER_TEST_SEED").map_or_else(
        || {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            u64::from(now.unwrap().subsec_nanos())
        },
        |seed| seed.parse().unwrap(),
    )
}
