use std::path::Path;

use cutover_testkit::dataset::{
    AwkwardSite, Fault, FaultSet, LIVE_OWNER, LIVE_READER, PortalSpec, RELEASE_MATVIEWS, RELEASE_TABLES,
    World, create_portal, load_live, switch_portal_month,
};
use cutover_testkit::{Cluster, TestDatabase};

/// Both databases on the shared cluster.
async fn world(spec: PortalSpec) -> World {
    let cluster = Cluster::shared();
    World::create(cluster, cluster, spec).await.unwrap()
}

async fn number(database: &TestDatabase, sql: &str) -> i64 {
    database.query_text(sql).await.unwrap().parse().unwrap()
}

/// What is the same when two databases hold the same rows.
async fn content(database: &TestDatabase, relations: &[String]) -> Vec<(String, String)> {
    let mut contents = Vec::new();
    for relation in relations {
        let sql = format!(
            "SELECT count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {relation} t"
        );
        contents.push((relation.clone(), database.query_text(&sql).await.unwrap()));
    }
    contents
}

async fn portal_tables(portal: &TestDatabase) -> Vec<String> {
    let sql = "SELECT 'portal.' || relname FROM pg_class WHERE relnamespace = 'portal'::regnamespace AND relkind = 'r' ORDER BY 1";
    portal
        .query_texts(sql)
        .await
        .unwrap()
        .into_iter()
        .flatten()
        .collect()
}

#[tokio::test]
async fn the_imports_of_the_example_fill_every_table_as_they_should() {
    let world = world(PortalSpec::new(1, 0.001)).await;
    world.load().await.unwrap();
    for relation in RELEASE_TABLES.iter().chain(&RELEASE_MATVIEWS) {
        assert_ne!(
            number(world.live(), &format!("SELECT count(*) FROM {relation}")).await,
            0,
            "{relation} is empty"
        );
    }
    let published = "(SELECT site_id, site_pid FROM portal_standard_points UNION ALL \
                      SELECT site_id, site_pid FROM portal_standard_polygons)";
    // As many sites as the portal publishes, and the parcels of those that have several.
    let sites = number(
        world.live(),
        &format!("SELECT count(DISTINCT site_id) FROM {published} s"),
    )
    .await;
    assert_eq!(
        number(world.live(), "SELECT count(*) FROM protected_areas").await,
        sites
    );
    assert_eq!(sites, 298, "300 sites, one archived and one restricted");
    let parcels = format!(
        "SELECT count(*) FROM {published} s JOIN (SELECT site_id FROM {published} s GROUP BY 1 HAVING count(*) > 1) m USING (site_id)"
    );
    let parcels = number(world.live(), &parcels).await;
    assert!(parcels > 3);
    assert_eq!(
        number(world.live(), "SELECT count(*) FROM protected_area_parcels").await,
        parcels
    );

    // Every text has become an id, every row has its source and a country, but for the one of nowhere.
    let without = "SELECT count(*) FROM protected_areas WHERE legal_status_id IS NULL OR iucn_category_id IS NULL OR governance_id IS NULL \
                   OR designation_id IS NULL OR jurisdiction_id IS NULL OR management_authority_id IS NULL OR the_geom IS NULL";
    assert_eq!(number(world.live(), without).await, 0);
    assert_eq!(
        number(world.live(), "SELECT count(*) FROM protected_areas_sources").await,
        sites
    );
    let stateless = "SELECT site_id FROM protected_areas p WHERE NOT EXISTS \
                     (SELECT FROM countries_protected_areas c WHERE c.protected_area_id = p.id)";
    assert_eq!(
        number(world.live(), stateless).await,
        AwkwardSite::UnknownCountry.site_id()
    );
    let off_centroid =
        "SELECT count(*) FROM protected_areas WHERE the_geom_latitude <> ST_Y(ST_Centroid(the_geom))";
    assert_eq!(number(world.live(), off_centroid).await, 0);
    assert_eq!(
        number(world.live(), "SELECT max(id) - count(*) FROM protected_areas").await,
        0,
        "ids have gaps"
    );
    assert!(
        number(
            world.live(),
            "SELECT count(*) FROM protected_areas WHERE green_list_status_id IS NOT NULL"
        )
        .await
            > 0
    );
    assert!(
        number(
            world.live(),
            "SELECT count(*) FROM protected_areas WHERE no_take_status_id IS NOT NULL"
        )
        .await
            > 0
    );

    // Files: `-` and nothing are NULL, and the month is known.
    assert_eq!(
        number(world.live(), "SELECT count(*) FROM country_statistics").await,
        250
    );
    assert!(
        number(
            world.live(),
            "SELECT count(*) FROM country_statistics WHERE marine_area IS NULL"
        )
        .await
            > 0
    );
    assert_eq!(
        number(
            world.live(),
            "SELECT count(*) FROM global_statistics WHERE value IS NULL"
        )
        .await,
        2
    );
    let months = "SELECT string_agg(DISTINCT month || global_month, ',') FROM reporting_region_statistics";
    assert_eq!(world.live().query_text(months).await.unwrap(), "Sep2025Sep2025");
}

#[tokio::test]
async fn awkward_rows_arrive_as_they_were_sent() {
    let world = world(PortalSpec::new(1, 0.0)).await;
    world.load().await.unwrap();
    let of = async |site: AwkwardSite, expression: &str| {
        let sql = format!(
            "SELECT {expression} FROM protected_areas WHERE site_id = {}",
            site.site_id()
        );
        world.live().query_one_text(&sql).await.unwrap()
    };
    assert_eq!(
        of(AwkwardSite::Quotes, "name").await.unwrap(),
        r#"O'Brien's "Wild" Park"#
    );
    assert_eq!(
        of(AwkwardSite::Backslash, "name").await.unwrap(),
        r"Back\slash \N \. Park"
    );
    assert_eq!(
        of(AwkwardSite::Arabic, "original_name").await.unwrap(),
        "محمية وادي الريّان"
    );
    assert_eq!(
        of(AwkwardSite::EmptyBesideNull, "original_name").await,
        Some(String::new())
    );
    assert_eq!(of(AwkwardSite::EmptyBesideNull, "supplementary_info").await, None);
    assert_eq!(of(AwkwardSite::YearZero, "legal_status_updated_at").await, None);
    assert_eq!(
        of(AwkwardSite::SeveralParcels, "site_pid").await.unwrap(),
        "1005_A"
    );
    assert_eq!(
        of(
            AwkwardSite::Antimeridian,
            "ST_XMax(the_geom) || ' ' || ST_XMin(the_geom)"
        )
        .await
        .unwrap(),
        "180 -180"
    );
    assert!(
        of(AwkwardSite::TinyPart, "ST_Area(ST_GeometryN(the_geom, 2))::text")
            .await
            .unwrap()
            .ends_with("e-18")
    );
    assert_eq!(
        of(AwkwardSite::Giant, "(ST_NPoints(the_geom) >= 1000)::text")
            .await
            .unwrap(),
        "true"
    );
    let countries = format!(
        "SELECT count(*) FROM countries_protected_areas c JOIN protected_areas p ON p.id = c.protected_area_id WHERE p.site_id = {}",
        AwkwardSite::ThreeCountries.site_id()
    );
    assert_eq!(number(world.live(), &countries).await, 3);
    for hidden in [AwkwardSite::Archived, AwkwardSite::Restricted] {
        let sql = format!(
            "SELECT count(*) FROM protected_areas WHERE site_id = {}",
            hidden.site_id()
        );
        assert_eq!(number(world.live(), &sql).await, 0);
    }
    let unused = "SELECT title FROM sources s WHERE NOT EXISTS (SELECT FROM protected_areas_sources x WHERE x.source_id = s.id) ORDER BY s.id DESC LIMIT 1";
    assert_eq!(world.live().query_text(unused).await.unwrap(), "Unused source");
}

#[tokio::test]
async fn generated_geometries_are_valid_and_of_many_sizes() {
    let portal = Cluster::shared().database().await.unwrap();
    create_portal(&portal.connect().await.unwrap(), &PortalSpec::new(3, 0.004))
        .await
        .unwrap();
    let invalid = "SELECT count(*) FROM portal.spatial_data WHERE NOT ST_IsValid(geom)";
    assert_eq!(portal.query_text(invalid).await.unwrap(), "0");
    let outside =
        "SELECT count(*) FROM portal.spatial_data WHERE NOT geom @ ST_MakeEnvelope(-180, -90, 180, 90, 4326)";
    assert_eq!(portal.query_text(outside).await.unwrap(), "0");
    let spread = "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ST_NPoints(geom)) BETWEEN 80 AND 140 \
                  AND avg(ST_NPoints(geom)) BETWEEN 200 AND 450 AND bool_or(ST_NRings(geom) > ST_NumGeometries(geom)) \
                  FROM portal.spatial_data WHERE is_polygon = 1";
    assert_eq!(portal.query_text(spread).await.unwrap(), "t");
    let kinds = "SELECT string_agg(DISTINCT GeometryType(geom), ' ' ORDER BY GeometryType(geom)) FROM portal.spatial_data";
    assert_eq!(
        portal.query_text(kinds).await.unwrap(),
        "MULTIPOINT MULTIPOLYGON POLYGON"
    );
}

#[tokio::test]
async fn the_same_seed_gives_the_same_rows_whichever_way_a_month_is_reached() {
    let cluster = Cluster::shared();
    let spec = PortalSpec::new(7, 0.001);
    let (one, two, other) = (
        cluster.database().await.unwrap(),
        cluster.database().await.unwrap(),
        cluster.database().await.unwrap(),
    );
    create_portal(&one.connect().await.unwrap(), &spec).await.unwrap();
    create_portal(&two.connect().await.unwrap(), &spec.in_month(2))
        .await
        .unwrap();
    create_portal(&other.connect().await.unwrap(), &PortalSpec::new(8, 0.001))
        .await
        .unwrap();
    let tables = portal_tables(&one).await;
    let first_month = content(&one, &tables).await;
    assert_ne!(first_month, content(&two, &tables).await);
    assert_ne!(first_month, content(&other, &tables).await);
    switch_portal_month(&one.connect().await.unwrap(), &spec.in_month(2))
        .await
        .unwrap();
    assert_eq!(content(&one, &tables).await, content(&two, &tables).await);
}

#[tokio::test]
async fn a_month_changes_live_and_turns_a_point_into_a_polygon() {
    let mut world = world(PortalSpec::new(1, 0.001)).await;
    world.load().await.unwrap();
    let turning = format!(
        "SELECT GeometryType(the_geom) FROM protected_areas WHERE site_id = {}",
        AwkwardSite::PointThenPolygon.site_id()
    );
    assert_eq!(world.live().query_text(&turning).await.unwrap(), "MULTIPOINT");
    let relations: Vec<String> = RELEASE_TABLES.iter().map(ToString::to_string).collect();
    let first = content(world.live(), &relations).await;

    world.switch_to_month(1).await.unwrap();
    world.load().await.unwrap();
    assert_ne!(world.live().query_text(&turning).await.unwrap(), "MULTIPOINT");
    let months = "SELECT string_agg(DISTINCT month, ',') FROM reporting_country_statistics";
    assert_eq!(world.live().query_text(months).await.unwrap(), "Oct2025");
    assert_ne!(content(world.live(), &relations).await, first);

    // And back: the same month is the same rows, ids included.
    world.switch_to_month(0).await.unwrap();
    world.load().await.unwrap();
    assert_eq!(content(world.live(), &relations).await, first);
}

#[tokio::test]
async fn every_fault_is_there_when_switched_on_and_reaches_the_views() {
    let spec = PortalSpec::new(1, 0.0).with_faults(FaultSet::all());
    let mut world = world(spec.clone()).await;
    for view in RELEASE_MATVIEWS {
        world
            .live()
            .execute(&format!("REFRESH MATERIALIZED VIEW {view}"))
            .await
            .unwrap();
    }
    for fault in Fault::ALL {
        let condition = match fault {
            Fault::SelfIntersection => "ST_IsValidReason(wkb_geometry) LIKE 'Self-intersection%'",
            Fault::HoleOutsideShell => "ST_IsValidReason(wkb_geometry) LIKE 'Hole lies outside shell%'",
            Fault::WrongSrid => "ST_SRID(wkb_geometry) = 3857",
            Fault::EmptyGeometry => "ST_IsEmpty(wkb_geometry)",
            Fault::NotANumber => "ST_AsText(wkb_geometry) ILIKE '%nan%'",
            Fault::DuplicateKey => {
                "(SELECT count(*) FROM portal_standard_polygons q WHERE q.site_pid = p.site_pid) = 2"
            }
            Fault::PastAntimeridian => "ST_XMax(wkb_geometry) > 180",
            other => panic!("no condition for {other:?}"),
        };
        let faulty = format!("SELECT DISTINCT site_id FROM portal_standard_polygons p WHERE {condition}");
        let found = world.live().query_texts(&faulty).await.unwrap();
        assert_eq!(found, [Some(fault.site_id().to_string())], "{fault:?}");
    }
    // Switched off again, the portal is sound.
    let sound = spec.with_faults(FaultSet::none());
    world.switch_to(sound).await.unwrap();
    let invalid = "SELECT count(*) FROM portal.spatial_data WHERE NOT ST_IsValid(geom) OR ST_IsEmpty(geom)";
    assert_eq!(world.portal().query_text(invalid).await.unwrap(), "0");
}

async fn connect_as(role: &str, database: &TestDatabase) -> tokio_postgres::Client {
    let url = Cluster::shared().url_for(role, role, database.name());
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    drop(tokio::spawn(connection));
    client
}

#[tokio::test]
async fn the_application_may_read_and_the_owner_may_release() {
    let world = world(PortalSpec::new(1, 0.0)).await;
    let owner = connect_as(LIVE_OWNER, world.live()).await;
    load_live(&owner, &world.directory().join("data"), "Sep2025")
        .await
        .unwrap();
    owner
        .batch_execute("CREATE SCHEMA cutover; CREATE TABLE public.staging_sources (LIKE sources)")
        .await
        .unwrap();

    let reader = connect_as(LIVE_READER, world.live()).await;
    let views = [
        "portal_downloads_protected_areas",
        "reporting_country_statistics",
        "reporting_region_statistics",
        "countries",
    ];
    for relation in RELEASE_TABLES.iter().chain(&RELEASE_MATVIEWS).chain(&views) {
        let rows: i64 = reader
            .query_one(&format!("SELECT count(*) FROM {relation}"), &[])
            .await
            .unwrap()
            .get(0);
        assert!(rows > 0, "{relation}");
    }
    let error = reader.batch_execute("DELETE FROM sources").await.unwrap_err();
    assert_eq!(
        error.code(),
        Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE)
    );

    let portal_reader = connect_as("portal_reader", world.portal()).await;
    portal_reader
        .query_one("SELECT count(*) FROM portal.wdpas", &[])
        .await
        .unwrap();
    portal_reader
        .batch_execute("DELETE FROM portal.wdpas")
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_failing_import_names_itself_and_leaves_live_as_it_was() {
    let world = world(PortalSpec::new(1, 0.0)).await;
    world.load().await.unwrap();
    std::fs::remove_file(world.directory().join("data/story_map_links.csv")).unwrap();
    let client = world.live().connect().await.unwrap();
    let error = load_live(&client, &world.directory().join("data"), "Sep2025")
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("could not fill story_map_links"),
        "{error:#}"
    );
    assert!(number(world.live(), "SELECT count(*) FROM protected_areas").await > 0);
    assert!(
        load_live(&client, Path::new("/nowhere"), "Sep2025")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_backup_name_of_one_index_is_too_long() {
    let world = world(PortalSpec::new(1, 0.0)).await;
    let longest = "SELECT max(length('bk2509010000_' || relname)) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert!(number(world.live(), longest).await > 63);
}
