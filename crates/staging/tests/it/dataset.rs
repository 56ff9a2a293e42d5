//! The reference dataset, as its own owner without superuser.

use cutover_core::Events;
use cutover_staging::{CloneOptions, LockPatience, drop_staging};
use cutover_testkit::Cluster;
use cutover_testkit::dataset::{LIVE_OWNER, PortalSpec, RELEASE_MATVIEWS, RELEASE_TABLES, World};
use tokio_postgres::NoTls;

use crate::dump;
use crate::workshop::Workshop;

#[tokio::test]
async fn the_whole_set_is_cloned_exactly_and_dropped_again() {
    let cluster = Cluster::shared();
    let world = World::create(cluster, cluster, PortalSpec::new(1, 0.0))
        .await
        .unwrap();
    let url = cluster.url_for(LIVE_OWNER, LIVE_OWNER, world.live().name());
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    drop(tokio::spawn(connection));
    let members: Vec<&str> = RELEASE_TABLES.iter().chain(&RELEASE_MATVIEWS).copied().collect();
    let mut workshop = Workshop::on(world.live().clone(), &members)
        .await
        .with("public", client);
    let before = dump::blocks(&workshop.database, "public");
    for options in [
        CloneOptions::default(),
        CloneOptions::default().lightweight(false),
        CloneOptions::default().include_fks(true),
    ] {
        let set = workshop.check_identical(&options).await;
        assert_eq!(set.members.len(), 16 + 9);
        let rows = "SELECT count(*) > 0 FROM staging_portal_standard_polygons";
        assert_eq!(workshop.database.query_text(rows).await.unwrap(), "t");
        drop_staging(
            &mut workshop.client,
            &set,
            &LockPatience::default(),
            &Events::none(),
        )
        .await
        .unwrap();
        assert_eq!(dump::blocks(&workshop.database, "public"), before);
    }
}
