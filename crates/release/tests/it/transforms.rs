//! Importers of the reference dataset whose columns change as the release file declares it: the same rows as by queries written
//! by hand.

use cutover::Selection;
use cutover_core::Phase;

use crate::world::{Site, told};

/// In place of the example's queries, which look values up, choose the first parcel and split lists by themselves.
const DECLARED: [(&str, &str); 3] = [
    (
        "protected_areas",
        r#"[[import]]
name = "protected_areas"
into = "protected_areas"
after = ["green_list_statuses", "no_take_statuses"]
key = ["site_id"]
first_by = { key = ["site_id"], order = ["site_pid"] }
others = "by_name"
query = """
SELECT s.site_id, s.site_pid, s.name_eng AS name, s.name AS original_name, s.realm = 'Marine' AS marine,
       CASE s.realm WHEN 'Marine' THEN 2 WHEN 'Coastal' THEN 1 ELSE 0 END::smallint AS marine_type,
       s.site_type = 'OECM' AS is_oecm, s.is_polygon, count(*) OVER (PARTITION BY s.site_id) > 1 AS has_parcels,
       COALESCE(strpos(s.iso3, ';') > 0, false) AS is_transboundary,
       s.rep_area AS reported_area, s.gis_area, s.rep_m_area AS reported_marine_area, s.gis_m_area AS gis_marine_area,
       s.status, make_date(NULLIF(s.status_yr, 0), 1, 1) AS legal_status_updated_at, s.iucn_cat, s.gov_type,
       s.govsubtype AS governance_subtype, s.own_type AS ownership_type, s.ownsubtype AS ownership_subtype, s.desig_eng,
       s.desig AS original_designation, s.desig_type, s.mang_auth, s.mang_plan AS management_plan,
       nt.id AS no_take_status_id, s.int_crit AS international_criteria, s.realm, s.cons_obj AS conservation_objectives,
       s.supp_info AS supplementary_info, s.verif AS verified, s.inlnd_wtrs AS inland_waters,
       s.oecm_asmt AS oecm_assessment, s.prnt_iso3 AS parent_iso3, s.metadataid, s.wkb_geometry AS the_geom
FROM (SELECT *, true AS is_polygon FROM {{ staging('portal_standard_polygons') }}
      UNION ALL SELECT *, false FROM {{ staging('portal_standard_points') }}) s
LEFT JOIN {{ staging('no_take_statuses') }} nt ON nt.name = s.no_take AND nt.area IS NOT DISTINCT FROM s.no_tk_area
"""
[import.columns]
legal_status_id = { from = "status", lookup = { table = "legal_statuses", match = "name", take = "id", unknown = "null" } }
iucn_category_id = { from = "iucn_cat", lookup = { table = "iucn_categories", match = "name", take = "id", unknown = "null" } }
governance_id = { from = "gov_type", lookup = { table = "governances", match = "name", take = "id", unknown = "null" } }
designation_id = { from = "desig_eng", lookup = { table = "designations", match = "name", take = "id", unknown = "null" } }
jurisdiction_id = { from = "desig_type", lookup = { table = "jurisdictions", match = "name", take = "id", unknown = "null" } }
management_authority_id = { from = "mang_auth", lookup = { table = "management_authorities", match = "name", take = "id", unknown = "null" } }
green_list_status_id = { from = "site_id", lookup = { table = "green_list_statuses", match = "site_id", take = "id", unknown = "null" } }
the_geom_latitude = { from = "the_geom", centroid = "latitude" }
the_geom_longitude = { from = "the_geom", centroid = "longitude" }"#,
    ),
    (
        "countries_protected_areas",
        r#"[[import]]
name = "countries_protected_areas"
phase = "related"
into = "countries_protected_areas"
after = ["protected_areas"]
max_rejects = 50
query = """
SELECT p.id AS protected_area_id, string_agg(a.iso3, ';') AS iso3
FROM {{ staging('protected_areas') }} p JOIN {{ staging('portal_iso3_agg') }} a ON a.site_id = p.site_id
GROUP BY p.id
"""
[import.columns]
protected_area_id = "protected_area_id"
country_id = { from = "iso3", split = ";", lookup = { table = "countries", match = "iso_3", take = "id" } }"#,
    ),
    (
        "protected_areas_sources",
        r#"[[import]]
name = "protected_areas_sources"
phase = "related"
into = "protected_areas_sources"
after = ["protected_areas", "sources"]
from = "protected_areas"
max_rejects = 50
[import.columns]
protected_area_id = "id"
source_id = { from = "metadataid", lookup = { table = "sources", match = "metadataid", take = "id" } }"#,
    ),
];

#[tokio::test]
async fn declared_transforms_bring_the_rows_that_queries_bring() {
    let mut site = Site::month_1().await;
    site.show(1).await;
    site.edit(|text| {
        DECLARED.iter().fold(text.to_owned(), |text, (name, declared)| {
            let begin = text.find(&format!("[[import]]\nname = \"{name}\"\n")).unwrap();
            let end = begin + text[begin..].find("\n\n").unwrap();
            [&text[..begin], declared, &text[end..]].concat()
        })
    });
    let imports = Selection::all().stop_after(Phase::ImportRelated).unwrap();
    let imported = site.run(site.options().selection(imports)).await;
    imported.unwrap_or_else(|error| panic!("{}", told(&error)));
    for (table, _) in DECLARED {
        let differ = format!(
            "WITH live AS (SELECT t::text FROM {table} t), next AS (SELECT t::text FROM staging_{table} t) \
             SELECT concat_ws(' ', (SELECT count(*) > 0 FROM next), \
                 (SELECT count(*) FROM (TABLE live EXCEPT ALL TABLE next) gone), \
                 (SELECT count(*) FROM (TABLE next EXCEPT ALL TABLE live) new))"
        );
        assert_eq!(site.live().query_text(&differ).await.unwrap(), "t 0 0", "{table}");
    }
    // What a query leaves out without a word is told.
    let aside = "SELECT string_agg(DISTINCT reason, E'\\n') FROM cutover.reject \
                  WHERE importer = 'countries_protected_areas'";
    let aside = site.live().query_text(aside).await.unwrap();
    insta::assert_snapshot!(aside, @r#"column "country_id": "QQQ" is not in countries.iso_3"#);
}
