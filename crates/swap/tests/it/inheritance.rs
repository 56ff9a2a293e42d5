//! Plain inheritance: a tree that is all in the set goes live as a tree, and comes back as one.

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{Ident, NamingPolicy, Stamp};
use cutover_swap::{Pair, PlanOptions, SwapPlan};

use crate::release_set::{ReleaseSet, dump, ident, quick};

const TREE: [&str; 3] = ["roads", "motorways", "toll_roads"];
const LIVE: &str = "
    CREATE TABLE roads (id integer PRIMARY KEY, name text NOT NULL);
    CREATE TABLE motorways (lanes integer, PRIMARY KEY (id)) INHERITS (roads);
    CREATE TABLE toll_roads (fee numeric, PRIMARY KEY (id)) INHERITS (motorways);
    CREATE VIEW all_roads AS SELECT tableoid::regclass::text AS kind, name FROM roads;
    INSERT INTO roads VALUES (1, 'm1 lane');
    INSERT INTO motorways VALUES (2, 'm1 motorway', 4);
    INSERT INTO toll_roads VALUES (3, 'm1 toll road', 6, 2.5)";
const STAGING: &str = "
    CREATE TABLE staging_roads (id integer PRIMARY KEY, name text NOT NULL);
    CREATE TABLE staging_motorways (lanes integer, PRIMARY KEY (id)) INHERITS (staging_roads);
    CREATE TABLE staging_toll_roads (fee numeric, PRIMARY KEY (id)) INHERITS (staging_motorways);
    INSERT INTO staging_roads VALUES (1, 'm2 lane');
    INSERT INTO staging_motorways VALUES (2, 'm2 motorway', 4);
    INSERT INTO staging_toll_roads VALUES (3, 'm2 toll road', 6, 2.5), (4, 'm2 bridge', 2, 9)";
const SEEN: &str = "SELECT string_agg(kind || '=' || name, ', ' ORDER BY name) FROM all_roads";

async fn plan(set: &mut ReleaseSet) -> SwapPlan {
    let (schema, policy) = (ident("public"), NamingPolicy::default());
    let live = TREE.map(ident);
    let staging: Vec<Ident> = TREE
        .iter()
        .map(|name| ident(&format!("staging_{name}")))
        .collect();
    let tx = set.client.transaction().await.unwrap();
    let live = CatalogSnapshot::read(&tx, &schema, &live).await.unwrap();
    let incoming = CatalogSnapshot::read(&tx, &schema, &staging).await.unwrap();
    tx.commit().await.unwrap();
    let stamp: Stamp = "2509010405".parse().unwrap();
    let pairing = Pair::by_policy(&live, &incoming, &policy);
    SwapPlan::compute(
        &live,
        &incoming,
        &pairing,
        &stamp,
        &policy,
        &PlanOptions::default(),
    )
    .unwrap()
}

#[tokio::test]
async fn a_tree_of_tables_is_swapped_and_rolled_back() {
    let mut set = ReleaseSet::new().await;
    set.database.execute(LIVE).await.unwrap();
    let month_1 = dump(&set.database, &[]);
    set.database.execute(STAGING).await.unwrap();
    let plan = plan(&mut set).await;
    let report = set.run(&plan, &quick()).await.unwrap();
    assert_eq!(report.relations, 3);
    assert_eq!(
        set.database.query_text(SEEN).await.unwrap(),
        "toll_roads=m2 bridge, roads=m2 lane, motorways=m2 motorway, toll_roads=m2 toll road"
    );
    set.roll_back(&report.backup).await;
    assert_eq!(
        set.database.query_text(SEEN).await.unwrap(),
        "roads=m1 lane, motorways=m1 motorway, toll_roads=m1 toll road"
    );
    assert_eq!(dump(&set.database, &[]), month_1);
}
