//! What is sound by itself and yet must not go live.

use cutover::{FailureClass, ReleaseError, ReleaseOptions, Selection};
use cutover_core::Phase;
use cutover_core::records::ReleaseState;

use crate::manifest_schema::assert_fits_schema;
use crate::world::{Site, assert_same_dump, dump_of_month_2_alone, swap_what_is_staged, told};

fn from_validation() -> ReleaseOptions {
    ReleaseOptions::default().selection(Selection::all().start_at(Phase::ValidateAndManifest).unwrap())
}

#[tokio::test]
async fn a_shrunken_table_is_refused_with_all_reasons() {
    let mut site = Site::month_2_staged().await;
    site.live()
        .execute(
            "INSERT INTO protected_areas (site_id, site_pid, name, is_polygon) \
             SELECT -n, -n, 'extra', false FROM generate_series(1, 100) n",
        )
        .await
        .unwrap();
    let live = site.dump_live().await;
    site.replace(
        "table = \"country_statistics\"\nmin_rows = 200",
        "table = \"country_statistics\"\nmin_rows = 9999",
    );
    let error = site.run(from_validation()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Validation);
    let ReleaseError::Gates { failures } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(failures.len(), 2);
    insta::assert_snapshot!(told(&error), @"
    Validation: 2 checks of the new release failed
    protected_areas: shrinks by 50.00 %, at most 5.00 % allowed (198 rows live, 99 staged)
    country_statistics: 250 rows, at least 9999 wanted
    remedy: mend the sources, or the limits in [[validate]]
    ");
    assert_same_dump(&site.dump_live().await, &live);
    // What was fit to go live before is not any more.
    let error = site.run(swap_what_is_staged()).await.unwrap_err();
    assert!(matches!(error, ReleaseError::NothingToTakeUp { .. }), "{error}");

    // With the shut gates open, it goes on from there.
    site.live()
        .execute("DELETE FROM protected_areas WHERE site_id < 0")
        .await
        .unwrap();
    site.replace("min_rows = 9999", "min_rows = 200");
    // What was written to live, and taken back again, is not in staging.
    let error = site.run(from_validation()).await.unwrap_err();
    insta::assert_snapshot!(told(&error), @r#"
    Refused: live was written to since staging was built
      "public"."protected_areas": 200 rows
    remedy: bring the writes into the sources and release again, or allow them to be lost (they stay in the backup set); staging is kept and ready: `cutover resume` puts it live, `cutover abort` removes it
    "#);
    site.edit(|text| format!("{text}\n[swap]\nallow_lost_writes = true\n"));
    let report = site.run(from_validation()).await.unwrap();
    assert_eq!(report.state, ReleaseState::Completed);
    assert_same_dump(&site.dump_live().await, dump_of_month_2_alone().await);
}

#[tokio::test]
async fn what_live_has_gained_meanwhile_is_not_lost() {
    let site = Site::month_2_staged().await;
    let gained =
        "CREATE INDEX sources_by_year ON sources (year); COMMENT ON COLUMN sources.title IS 'as supplied'";
    site.live().execute(gained).await.unwrap();
    let live = site.dump_live().await;
    let error = site.run(from_validation()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Validation);
    insta::assert_snapshot!(told(&error), @r#"
    Validation: staging differs from live otherwise than declared:
    "public"."sources" → "public"."staging_sources"
      missing    index "sources_by_year"
      different  column "title": comment as supplied → none
    remedy: build staging again, in case live was changed meanwhile; where this is what the release should change, declare it in the release file:
    [[change]]
    table = "sources"
    drop = { indexes = ["sources_by_year"] }
    alter = { columns = { title = ["comment"] } }
    "#);
    assert_same_dump(&site.dump_live().await, &live);

    // The swap compares once more, for what was changed after the validation.
    let late = Site::month_2_staged().await;
    late.live().execute(gained).await.unwrap();
    let error = late.run(swap_what_is_staged()).await.unwrap_err();
    insta::assert_snapshot!(told(&error), @r#"
    Validation: staging differs from live otherwise than declared:
    "public"."sources" → "public"."staging_sources"
      missing    index "sources_by_year"
      different  column "title": comment as supplied → none
    remedy: build staging again, in case live was changed meanwhile; where this is what the release should change, declare it in the release file:
    [[change]]
    table = "sources"
    drop = { indexes = ["sources_by_year"] }
    alter = { columns = { title = ["comment"] } }
    "#);
    assert_same_dump(&late.dump_live().await, &live);

    // A release from the beginning takes the change along.
    site.run(site.options()).await.unwrap();
    let index =
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'sources_by_year' AND tablename = 'sources'";
    assert_eq!(
        site.texts(index).await,
        ["CREATE INDEX sources_by_year ON public.sources USING btree (year)"]
    );
}

/// As many rows as before, and not the same: a kind of sites has become another, and a column is empty.
#[tokio::test]
async fn what_a_total_hides_is_found_by_group_and_by_column() {
    let mut site = Site::month_2_staged().await;
    site.live()
        .execute(
            "UPDATE staging_protected_areas SET marine_type = 2 WHERE marine_type = 1; \
             UPDATE staging_protected_areas SET original_name = NULL",
        )
        .await
        .unwrap();
    let gate = "table = \"protected_areas\"\nmin_rows = 1";
    let strict = format!(
        "{gate}\nmax_null_growth = 0.1\n\
         groups = {{ by = \"marine_type\", max_shrink = 0.1, max_growth = 0.2 }}"
    );
    site.replace(gate, &strict);
    let error = site.run(from_validation()).await.unwrap_err();
    insta::assert_snapshot!(told(&error));

    // Where so much may change it is told, and kept in the manifest.
    site.replace("max_null_growth = 0.1\n", "");
    site.replace("max_growth = 0.2", "max_vanished = 1, ignore_below = 2");
    let report = site.run(from_validation()).await.unwrap();
    let manifest = report.manifest.unwrap();
    assert_fits_schema(&manifest);
    let groups = &manifest.relations["protected_areas"].groups;
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0].vanished, groups[0].beyond), (1, 0), "{groups:?}");
    assert_eq!(groups[0].movers[0].value.as_deref(), Some("1"));
    let kept = "SELECT manifest #>> '{relations,protected_areas,groups,0,movers,0,value}' FROM cutover.release WHERE current";
    assert_eq!(site.texts(kept).await, ["1"]);
}
