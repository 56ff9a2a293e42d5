//! What the readers ask.

use crate::dataset::{AwkwardSite, RELEASE_MATVIEWS, RELEASE_TABLES};

/// One thing an application asks. The query has a row for each that it read, with the OID of the member it is of (`relation`)
/// and the `month` it tells.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) name: &'static str,
    query: String,
    /// Fewer rows than these are an error: they are there in every month.
    pub(super) at_least: u64,
    /// Whether the query has a parameter, a site's id.
    pub(super) by_site: bool,
}

impl Statement {
    /// Asks for one row of texts: how many rows there were, the OIDs and the months seen, both separated by spaces. The
    /// parameter, if there is one, is `$1`.
    pub(super) fn with_parameter(&self) -> String {
        self.summary("").replace("{site}", "$1")
    }

    /// The same for one site, as text.
    pub(super) fn for_site(&self, site_id: i64) -> String {
        self.summary("").replace("{site}", &site_id.to_string())
    }

    /// The same, and it takes so many seconds.
    pub(super) fn lasting(&self, site_id: i64, seconds: f64) -> String {
        // Materialized, or it could be run once per row.
        let slept = format!("WITH slept AS MATERIALIZED (SELECT pg_sleep({seconds})) ");
        let summary = self.summary(", slept").replace("{site}", &site_id.to_string());
        slept + &summary
    }

    /// Asks for the rows themselves: OID and month.
    pub(super) fn rows_for_site(&self, site_id: i64) -> String {
        let query = self.query.replace("{site}", &site_id.to_string());
        format!("SELECT coalesce(relation::text, ''), coalesce(month, '') FROM ({query}) seen")
    }

    fn summary(&self, beside: &str) -> String {
        let query = &self.query;
        format!(
            "SELECT count(*)::text, coalesce(string_agg(DISTINCT relation::text, ' '), ''), \
             coalesce(string_agg(DISTINCT month, ' '), '') FROM ({query}) seen{beside}"
        )
    }
}

/// Sites that are published in every month and at every scale.
pub(super) const CERTAIN_SITES: [AwkwardSite; 6] = [
    AwkwardSite::Quotes,
    AwkwardSite::Arabic,
    AwkwardSite::SeveralParcels,
    AwkwardSite::Antimeridian,
    AwkwardSite::ThreeCountries,
    AwkwardSite::PointThenPolygon,
];

const BY_ID: &str = "SELECT p.tableoid AS relation, NULL AS month, p.name, p.the_geom_latitude FROM protected_areas p \
    WHERE p.site_id = {site}";
/// The awkward site on the antimeridian is in this box.
const BY_BOX: &str = "SELECT p.tableoid AS relation, NULL AS month, p.site_id, ST_AsBinary(ST_Envelope(p.the_geom)) AS box \
    FROM protected_areas p WHERE p.the_geom && ST_MakeEnvelope(178, -18, 180, -16, 4326)";
const BY_NAME: &str = "SELECT p.tableoid AS relation, NULL AS month, p.slug FROM protected_areas p WHERE p.name LIKE 'O''Brien%'";
const COUNTRIES_OF_SITE: &str = "SELECT unnest(ARRAY[p.tableoid, cp.tableoid]) AS relation, NULL AS month, c.name \
    FROM protected_areas p JOIN countries_protected_areas cp ON cp.protected_area_id = p.id \
    JOIN countries c ON c.id = cp.country_id WHERE p.site_id = {site}";
const SOURCES_OF_SITE: &str = "SELECT unnest(ARRAY[p.tableoid, ps.tableoid, s.tableoid]) AS relation, NULL AS month, s.title \
    FROM protected_areas p JOIN protected_areas_sources ps ON ps.protected_area_id = p.id \
    JOIN sources s ON s.id = ps.source_id WHERE p.site_id = {site}";
/// The awkward sites have these ids.
const PARCELS: &str = "SELECT unnest(ARRAY[q.tableoid, p.tableoid, cq.tableoid]) AS relation, NULL AS month \
    FROM protected_area_parcels q JOIN protected_areas p USING (site_id) \
    LEFT JOIN countries_protected_area_parcels cq ON cq.protected_area_parcel_id = q.id \
    WHERE p.site_id BETWEEN 1000 AND 1012";
const EVALUATIONS: &str = "SELECT unnest(ARRAY[e.tableoid, s.tableoid]) AS relation, NULL AS month, e.method \
    FROM pame_evaluations e JOIN pame_sources s ON s.id = e.pame_source_id";
const COUNT: &str = "SELECT tableoid AS relation, NULL AS month FROM protected_areas WHERE reported_area > 0";
const COUNTRY_REPORT: &str =
    "SELECT NULL::oid AS relation, v.month, v.name FROM reporting_country_statistics v";
/// Through two views, and beside them the tables below: they must agree.
const REGION_REPORT: &str = "SELECT unnest(ARRAY[s.tableoid, g.tableoid]) AS relation, unnest(ARRAY[v.month, v.global_month]) AS month, v.name \
    FROM reporting_region_statistics v, (SELECT tableoid FROM country_statistics LIMIT 1) s, \
    (SELECT tableoid FROM global_statistics LIMIT 1) g";
const MATVIEWS: &str = "SELECT unnest(ARRAY[p.tableoid, a.tableoid]) AS relation, NULL AS month, p.name_eng \
    FROM portal_standard_polygons p JOIN portal_iso3_agg a USING (site_id, site_pid) WHERE p.site_id BETWEEN 1000 AND 1012";
/// A view shows no tableoid: which materialized views it read is seen by the locks the statement holds.
const DOWNLOADS: &str = "SELECT l.relation, NULL AS month FROM (SELECT count(*) AS rows FROM portal_downloads_protected_areas) d \
    JOIN pg_locks l ON d.rows > 0 AND l.pid = pg_backend_pid() AND l.locktype = 'relation' \
    JOIN pg_class c ON c.oid = l.relation AND c.relkind = 'm'";

/// All that a reader asks, again and again.
pub(super) fn statements() -> Vec<Statement> {
    // One row of each member, in one statement: the most there is to mix.
    let members = RELEASE_TABLES.iter().chain(&RELEASE_MATVIEWS);
    let each: Vec<String> = members
        .map(|name| format!("(SELECT tableoid, NULL FROM {name} LIMIT 1)"))
        .collect();
    let whole_set = format!(
        "SELECT m.relation, m.month FROM ({}) m (relation, month)",
        each.join(" UNION ALL ")
    );
    [
        ("by id", BY_ID, 1),
        ("by bounding box", BY_BOX, 1),
        ("by name", BY_NAME, 1),
        ("countries of a site", COUNTRIES_OF_SITE, 2),
        ("sources of a site", SOURCES_OF_SITE, 3),
        ("parcels", PARCELS, 9),
        ("evaluations", EVALUATIONS, 2),
        ("count", COUNT, 50),
        ("country report", COUNTRY_REPORT, 250),
        ("region report", REGION_REPORT, 2),
        ("materialized views", MATVIEWS, 20),
        ("downloads", DOWNLOADS, 2),
        ("whole set", &whole_set, each.len() as u64),
    ]
    .into_iter()
    .map(|(name, query, at_least)| Statement {
        name,
        query: query.to_owned(),
        at_least,
        by_site: query.contains("{site}"),
    })
    .collect()
}
