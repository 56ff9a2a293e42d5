//! The reference dataset, whose release file declares how columns change on their way: the same rows as by queries written by hand.

use cutover::Selection;
use cutover_core::Phase;
use cutover_testkit::dataset::{RELEASE_TABLES, load_live};

use crate::world::{Site, told};

/// In place of the example's queries, which split lists and leave out by themselves what they do not find.
const DECLARED: [(&str, &str); 2] = [
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
    let mut site = Site::empty().await;
    let client = site.live().connect().await.unwrap();
    load_live(&client, &site.directory().join("data"), site.label().as_str())
        .await
        .unwrap();
    drop(client);
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
    for table in RELEASE_TABLES {
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
