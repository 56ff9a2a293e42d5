//! The zoo: families of tables in `tests/zoo`, cloned and dumped beside their originals.

mod census;

use std::path::Path;

use cutover_core::NamingPolicy;
use cutover_staging::{CloneOptions, StagedSet};
use cutover_testkit::{Cluster, TestDatabase};
use tokio_postgres::Client;

use crate::dump::{self, Block};
use crate::trial::{Family, Trial};
use crate::workshop::ident;
use census::Census;

/// Each is loaded into a schema of its name.
const FAMILIES: [(&str, &str); 24] = [
    ("columns", include_str!("../../zoo/columns.sql")),
    ("sequences", include_str!("../../zoo/sequences.sql")),
    ("keys", include_str!("../../zoo/keys.sql")),
    ("checks", include_str!("../../zoo/checks.sql")),
    ("foreign_keys", include_str!("../../zoo/foreign_keys.sql")),
    ("exclusion", include_str!("../../zoo/exclusion.sql")),
    ("indexes", include_str!("../../zoo/indexes.sql")),
    ("statistics", include_str!("../../zoo/statistics.sql")),
    ("triggers", include_str!("../../zoo/triggers.sql")),
    ("rules", include_str!("../../zoo/rules.sql")),
    ("policies", include_str!("../../zoo/policies.sql")),
    ("grants", include_str!("../../zoo/grants.sql")),
    ("storage", include_str!("../../zoo/storage.sql")),
    ("inheritance", include_str!("../../zoo/inheritance.sql")),
    ("partitions", include_str!("../../zoo/partitions.sql")),
    ("partition_trees", include_str!("../../zoo/partition_trees.sql")),
    ("typed", include_str!("../../zoo/typed.sql")),
    ("row_types", include_str!("../../zoo/row_types.sql")),
    ("names", include_str!("../../zoo/names.sql")),
    ("geometry", include_str!("../../zoo/geometry.sql")),
    ("matviews", include_str!("../../zoo/matviews.sql")),
    ("shop", include_str!("../../zoo/shop.sql")),
    ("cms", include_str!("../../zoo/cms.sql")),
    ("metrics", include_str!("../../zoo/metrics.sql")),
];

const REFUSED: (&str, &str) = ("refused", include_str!("../../zoo/refused.sql"));

/// With staging in a schema of its own.
const APART: &str = "staging apart";

/// The ways to divide the work between before and after the load: the usual one, and all of them where
/// `CUTOVER_TEST_IN_FULL` is set, as `scripts/soak clone` does.
fn ways() -> Vec<(&'static str, CloneOptions)> {
    let mut ways = vec![("lightweight", CloneOptions::default())];
    if std::env::var_os("CUTOVER_TEST_IN_FULL").is_some() {
        ways.extend([
            (
                "everything before the load",
                CloneOptions::default().lightweight(false),
            ),
            (
                "foreign keys before the load",
                CloneOptions::default().include_fks(true),
            ),
            (APART, CloneOptions::default().include_indexes(true)),
        ]);
    }
    ways
}

struct Zoo {
    database: TestDatabase,
    client: Client,
    families: Vec<Family>,
    schemas: Vec<&'static str>,
    before: Vec<Block>,
    /// `before` restored into another database and dumped again.
    restored: Vec<Block>,
    census: Census,
}

#[tokio::test]
async fn every_animal_is_cloned_exactly() {
    let mut zoo = Zoo::open().await;
    for (way, options) in ways() {
        zoo.clone_families(way, &options).await;
    }
    zoo.clone_halves().await;
    zoo.census.check();
}

impl Zoo {
    async fn open() -> Self {
        let world = world().await;
        let database = Cluster::shared().copy_of(&world).await.unwrap();
        // For the sessions that the clone opens itself, on a machine that runs other tests at the same time.
        let name = database.name();
        let alone = format!(
            "ALTER DATABASE {name} SET jit = off; ALTER DATABASE {name} SET max_parallel_workers_per_gather = 0"
        );
        database.execute(&alone).await.unwrap();
        let client = database.connect().await.unwrap();
        let mut families = Vec::new();
        let mut census = Census::default();
        for (name, sql) in FAMILIES.into_iter().chain([REFUSED]) {
            let start = format!("CREATE SCHEMA {name}; SET search_path = {name}, outside, public;");
            load(&client, &format!("{start}\n{sql}")).await;
            let family = Family::read(&client, name).await;
            census.admit(&family);
            families.push(family);
        }
        client.batch_execute("RESET ALL; SET jit = off").await.unwrap();
        let schemas: Vec<&str> = FAMILIES
            .into_iter()
            .chain([REFUSED])
            .map(|(name, _)| name)
            .collect();
        let schemas = [&schemas[..], &["outside"]].concat();
        let before = dump::blocks_of(&database, &schemas);
        let restored = dump::blocks_of(&restore(&database, &world, &schemas).await, &schemas);
        Self {
            database,
            client,
            families,
            schemas,
            before,
            restored,
            census,
        }
    }

    /// Each family as one release set.
    async fn clone_families(&mut self, way: &str, options: &CloneOptions) {
        let mut trials = Vec::new();
        for family in &self.families {
            let naming = match way {
                APART => NamingPolicy::default().staging_in(ident(&format!("{}_next", family.schema))),
                _ => NamingPolicy::default(),
            };
            let members = family.roots();
            let mut trial = family.stage(&mut self.client, members, &naming, options).await;
            if way == APART {
                let found = trial.structural_differences(&mut self.client).await;
                for (relation, fact) in found {
                    let member = format!("{}.{relation}", trial.schema);
                    self.census
                        .differs(Some(&member), format!("{way}: {member}: {fact}"));
                }
                trial.bring_home(&self.client).await;
            }
            trials.push(trial);
        }
        self.examine(way, trials).await;
    }

    /// Each family as two release sets, every second relation in the one, so that much of what they refer to is outside
    /// and has to stay what it was. A relation whose relatives are in the other half may be refused here.
    async fn clone_halves(&mut self) {
        let mut trials = Vec::new();
        for family in &self.families {
            for half in 0..2 {
                let roots = family.roots().into_iter().enumerate();
                let members = roots
                    .filter(|(n, _)| n % 2 == half)
                    .map(|(_, root)| root)
                    .collect();
                let options = CloneOptions::default();
                let naming = NamingPolicy::default();
                let mut trial = family.stage(&mut self.client, members, &naming, &options).await;
                trial.refused.clear();
                trials.push(trial);
            }
        }
        self.examine("halves", trials).await;
    }

    async fn examine(&mut self, way: &str, trials: Vec<Trial>) {
        let after = dump::blocks_of(&self.database, &self.schemas);
        let sets: Vec<&StagedSet> = trials.iter().filter_map(|trial| trial.set.as_ref()).collect();
        let comparison = dump::compare(&self.before, &after, &sets, &self.restored);
        self.census.reprinted(comparison.reprinted);
        for difference in comparison.differences {
            self.census
                .differs(difference.member.as_deref(), format!("{way}: {difference}"));
        }
        for trial in &trials {
            self.census.saw(trial, way);
            // They cost as much as all the rest; the other two ways differ in the order of the work only.
            let hidden = match way {
                "lightweight" | "halves" => trial.hidden_differences(&mut self.client).await,
                _ => Vec::new(),
            };
            for (relation, fact) in hidden {
                let member = format!("{}.{relation}", trial.schema);
                self.census
                    .differs(Some(&member), format!("{way}: {member}: {fact}"));
            }
            trial.drop_twins(&mut self.client).await;
        }
        let left = dump::blocks_of(&self.database, &self.schemas);
        assert!(
            left == self.before,
            "{way}: something was left, or live was changed"
        );
    }
}

async fn load(client: &Client, sql: &str) {
    if let Err(error) = client.batch_execute(sql).await {
        let error = error.as_db_error().unwrap();
        let at = match error.position() {
            Some(tokio_postgres::error::ErrorPosition::Original(at)) => *at as usize,
            _ => 1,
        };
        let around: String = sql.chars().skip(at.saturating_sub(1)).take(200).collect();
        panic!("{}: at {around}", error.message());
    }
}

/// A database with what stands around the families.
async fn world() -> TestDatabase {
    let world = Cluster::shared().database().await.unwrap();
    let client = world.connect().await.unwrap();
    for tablespace in [
        "SET allow_in_place_tablespaces = on",
        "CREATE TABLESPACE zoo_fast LOCATION ''",
    ] {
        client.batch_execute(tablespace).await.unwrap();
    }
    load(&client, include_str!("../../zoo/world.sql")).await;
    world
}

/// What a dump of the families makes of a world without them.
async fn restore(database: &TestDatabase, world: &TestDatabase, schemas: &[&str]) -> TestDatabase {
    let cluster = Cluster::shared();
    let copy = cluster.copy_of(world).await.unwrap();
    let mut args = vec!["--schema-only"];
    args.extend(schemas.iter().flat_map(|schema| ["-n", schema]));
    let dump = cluster.pg_dump(database.name(), &args).unwrap();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.sql", database.name()));
    std::fs::write(&file, dump).unwrap();
    cluster
        .run_client("psql", copy.name(), &["-qX", "-f", file.to_str().unwrap()])
        .unwrap();
    std::fs::remove_file(file).unwrap();
    copy
}
