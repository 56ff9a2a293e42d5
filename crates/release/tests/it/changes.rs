//! A month that changes the structure: declared, built, loaded, live, and back.

use cutover::{FailureClass, ReleaseError, ReleaseOptions, RollbackOptions, Selection, StopSignal};
use cutover_core::{Events, Phase};

use crate::manifest_schema::assert_fits_schema;
use crate::world::{Ear, Site, assert_same_dump, dump_of_month_1, redact, told};

const CHANGES: &str = r#"
[[change]]
table = "sources"
why   = "the portal tells who publishes a source, and nobody reads the lineage"
sql   = """
ALTER TABLE {{ staging('sources') }}
    ADD COLUMN publisher text, ADD COLUMN number bigserial CONSTRAINT sources_number_key UNIQUE,
    ALTER COLUMN scale TYPE varchar(200);
CREATE INDEX index_sources_on_publisher ON {{ staging('sources') }} (publisher);
"""
add   = { columns = ["publisher", "number"], constraints = ["sources_number_key"], indexes = ["index_sources_on_publisher"] }
drop  = { columns = ["lineage"] }
alter = { columns = { scale = ["type"] } }

[[change]]
table = "protected_areas"
drop  = { indexes = ["index_protected_areas_on_slug"] }

[[validate]]
"#;

/// The release file of the month that changes.
fn declare(site: &mut Site) {
    site.replace("\n[[validate]]\n", CHANGES);
    site.replace("lineage = \"lineage\"", "publisher = \"resp_party\"");
}

#[tokio::test]
async fn a_declared_month_goes_live_and_is_taken_back() {
    let mut site = Site::month_1().await;
    declare(&mut site);
    let ear = Ear::default();
    let report = site
        .cutover
        .release(&site.options(), StopSignal::never(), &ear.events())
        .await
        .unwrap();
    assert_eq!(
        site.texts("SELECT attname::text FROM pg_attribute WHERE attrelid = 'sources'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum DESC LIMIT 2")
            .await,
        ["number", "publisher"]
    );
    assert_eq!(
        site.texts(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'sources'::regclass ORDER BY 1"
        )
        .await,
        [
            "index_sources_on_publisher",
            "sources_metadataid_unique",
            "sources_number_key",
            "sources_pkey"
        ]
    );
    assert_eq!(
        site.texts("SELECT pg_get_serial_sequence('sources', 'number') || ' ' || to_regclass('index_protected_areas_on_slug') IS NULL").await,
        ["t"]
    );
    assert_eq!(
        site.texts("SELECT pg_get_serial_sequence('sources', 'number')")
            .await,
        ["public.sources_number_seq"]
    );
    // The importer has filled the new columns, one from the portal and one by its default.
    assert_eq!(
        site.texts("SELECT (count(publisher) > 0 AND count(*) = count(DISTINCT number))::text FROM sources WHERE publisher = responsible_party")
            .await,
        ["true"]
    );
    let manifest = report.manifest.unwrap();
    assert_fits_schema(&manifest);
    let manifest = serde_json::to_value(manifest).unwrap();
    assert_eq!(manifest["plan_safe"], false);
    insta::assert_json_snapshot!("manifest_changes", manifest["changes"]);
    insta::assert_snapshot!(ear.warnings().join("\n"), @r#"the columns of "public"."sources" change ("scale" was text and becomes character varying(200), "lineage" goes, "publisher" comes, "number" comes): prepared statements of open sessions that read * or a changed column fail with "cached plan must not change result type" until they are prepared again; let pools reconnect after the swap"#);
    site.assert_tidy().await;

    let backup = report.swap.unwrap().backup;
    let month_2 = site.dump_live().await;
    let back = site
        .cutover
        .rollback(
            &backup,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    site.cutover
        .rollback(
            &back.swap.backup,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap();
    assert_same_dump(&site.dump_live().await, &month_2);

    // The next month is like this one: what has happened is no change any more.
    let error = site.publish(3).await.unwrap_err();
    assert!(matches!(error, ReleaseError::Clone(_)), "{error:?}");
    insta::assert_snapshot!(told(&error), @r#"
Build: the release set cannot be cloned:
  column "publisher" of "public"."sources" is declared to be added, and live has it; take the change out of the release file: it has happened
  column "number" of "public"."sources" is declared to be added, and live has it; take the change out of the release file: it has happened
  constraint "sources_number_key" of "public"."sources" is declared to be added, and live has it; take the change out of the release file: it has happened
  index "index_sources_on_publisher" of "public"."sources" is declared to be added, and live has it; take the change out of the release file: it has happened
  column "lineage" of "public"."sources" is declared to be dropped or altered, and live does not have it; take the change out of the release file, or mend the name
  index "index_protected_areas_on_slug" of "public"."protected_areas" is declared to be dropped or altered, and live does not have it; take the change out of the release file, or mend the name
remedy: see each reason's own remedy
"#);
    site.replace(CHANGES, "\n[[validate]]\n");
    site.publish(3).await.unwrap();
    assert_eq!(
        site.texts(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'sources'::regclass ORDER BY 1"
        )
        .await,
        [
            "index_sources_on_publisher",
            "sources_metadataid_unique",
            "sources_number_key",
            "sources_pkey"
        ]
    );
    site.assert_tidy().await;
}

#[tokio::test]
async fn a_plan_shows_the_declared_changes() {
    let mut site = Site::month_1().await;
    declare(&mut site);
    let plan = site.cutover.plan().await.unwrap();
    assert!(!plan.plan_safe);
    let text = plan.to_string();
    let (head, rest) = text.split_once("-- =====").unwrap();
    insta::assert_snapshot!("plan_head", head);
    let at = rest.find("-- make the declared changes").unwrap();
    let made: String = rest[at..].lines().skip(1).take(11).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("plan_statements", redact(&made));
}

fn from_validation() -> ReleaseOptions {
    ReleaseOptions::default().selection(Selection::all().start_at(Phase::ValidateAndManifest).unwrap())
}

#[tokio::test]
async fn what_is_not_declared_is_refused_with_what_would_declare_it() {
    let mut site = Site::month_2_staged().await;
    site.live()
        .execute(
            "ALTER TABLE staging_sources ADD COLUMN publisher text; \
             DROP INDEX staging_index_protected_areas_on_slug; \
             ALTER TABLE staging_protected_areas ALTER realm SET DEFAULT 'Marine'",
        )
        .await
        .unwrap();
    let live = site.dump_live().await;
    let error = site.run(from_validation()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Validation);
    insta::assert_snapshot!("undeclared", told(&error));

    // Pasted as it is told, it passes.
    let remedy = error.remedy();
    let (_, declaration) = remedy.split_once(":\n").unwrap();
    site.replace("\n[[validate]]\n", &format!("\n{declaration}\n[[validate]]\n"));
    let validate = Selection::only(&[Phase::ValidateAndManifest]).unwrap();
    site.run(ReleaseOptions::default().selection(validate))
        .await
        .unwrap();
    assert_same_dump(&site.dump_live().await, &live);

    // And what changes after that is found before the swap.
    site.live()
        .execute("ALTER TABLE staging_sources DROP COLUMN citation")
        .await
        .unwrap();
    let error = site.run(crate::world::swap_what_is_staged()).await.unwrap_err();
    assert!(matches!(error, ReleaseError::Structure(_)), "{error:?}");
    insta::assert_snapshot!(told(&error), @r#"
Validation: staging differs from live otherwise than declared:
"public"."sources" → "public"."staging_sources"
  missing    column "citation"
remedy: build staging again, in case live was changed meanwhile; where this is what the release should change, declare it in the release file:
[[change]]
table = "sources"
drop = { columns = ["citation"] }
"#);
    assert_same_dump(&site.dump_live().await, &live);
}

#[tokio::test]
async fn a_declared_change_that_did_not_happen_is_refused() {
    let mut site = Site::month_2_staged().await;
    site.replace(
        "\n[[validate]]\n",
        "\n[[change]]\ntable = \"sources\"\nadd = { columns = [\"publisher\"] }\nalter = { table = [\"comment\"] }\n\n[[validate]]\n",
    );
    let error = site.run(from_validation()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Validation);
    insta::assert_snapshot!(told(&error), @r#"
Validation: changes are declared, and staging does not have them:
  column "publisher" of "public"."sources" is added
  table "public"."sources": comment is altered
remedy: make the declared changes with `sql` in their [[change]], or take them out of the release file
"#);
}

#[tokio::test]
async fn a_view_over_a_dropped_column_is_named_before_anything_is_built() {
    let mut site = Site::month_1().await;
    site.live()
        .execute("CREATE VIEW lineages AS SELECT id, lineage, scale FROM sources; ALTER VIEW lineages OWNER TO wdpa_owner")
        .await
        .unwrap();
    declare(&mut site);
    for error in [
        site.run(site.options()).await.unwrap_err(),
        site.cutover.plan().await.unwrap_err(),
    ] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(told(&error), @r#"
Refused: the swap cannot be planned:
  view "public"."lineages" reads column "lineage" of "public"."sources", which goes; drop the view before the swap and create it again, without the column, after it
remedy: see each reason's own remedy
"#);
        }
    }
    site.assert_tidy().await;
}
