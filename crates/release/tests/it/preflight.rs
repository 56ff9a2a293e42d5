//! A portal with everything wrong that preflight looks for.

use cutover::{FailureClass, ReleaseError, StopSignal};
use cutover_core::Events;
use cutover_core::records::ReleaseState;
use cutover_testkit::dataset::{Fault, FaultSet};

use crate::world::{Site, assert_same_dump, dump_of_month_1, month, portal, swap_what_is_staged};

#[tokio::test]
async fn finds_every_fault_and_names_its_site() {
    let spec = month(2).with_faults(FaultSet::all());
    let faulty = portal(&spec).await;
    let mut site = Site::month_1().await;
    site.show_portal(&spec, &faulty).await;

    let looked = site
        .cutover
        .preflight(Some(&site.label()), StopSignal::never(), &Events::none())
        .await
        .unwrap();
    site.assert_tidy().await;
    let found = serde_json::to_value(&looked).unwrap();
    for fault in Fault::ALL {
        let site_id = fault.site_id().to_string();
        let named = found["checks"].as_array().unwrap().iter().any(|check| {
            check["severity"] == "error" && check["findings"].to_string().contains(&format!("\"{site_id}\""))
        });
        assert!(
            named,
            "{fault:?} of site {site_id} is not in the report:\n{looked}"
        );
    }
    insta::assert_snapshot!(looked.to_string(), @r#"
    ok       view "public"."staging_portal_standard_points"
    ok       view "public"."staging_portal_standard_polygons"
    ok       view "public"."staging_portal_standard_sources"
    ok       view "public"."staging_portal_standard_pame"
    ok       view "public"."staging_portal_standard_greenlist"
    ok       not empty: any of "public"."staging_portal_standard_points", "public"."staging_portal_standard_polygons"
    ok       not empty: any of "public"."staging_portal_standard_sources"
    ok       unique "public"."staging_portal_standard_points" ("site_id", "site_pid")
    FAILED   unique "public"."staging_portal_standard_polygons" ("site_id", "site_pid")
             1 duplicate key
                - site_id=1037, site_pid=1037: 2 rows
    ok       geometry "public"."staging_portal_standard_points"."wkb_geometry"
    FAILED   geometry "public"."staging_portal_standard_polygons"."wkb_geometry"
             1 coordinate not finite
                - site_id=1036, site_pid=1036
             1 coordinate out of range
                - site_id=1038, site_pid=1038 at (180.5 7.174385970648208)
             1 empty
                - site_id=1035, site_pid=1035
             1 invalid: hole lies outside shell
                - site_id=1033, site_pid=1033 at (-56.88193858470851 -20.25973517842804)
             1 invalid: self-intersection
                - site_id=1032, site_pid=1032 at (23.233195992996855 -50.814007949225484)
             1 wrong SRID
                - site_id=1034, site_pid=1034: 3857 instead of 4326
    warning  query unknown-countries
             1 returned by the query
                - iso3=QQQ, parcels=1, first_site_id=1008
    ok       query unknown-sources
    "#);

    let error = site.run(site.options()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Preflight);
    let ReleaseError::Preflight { report } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(report.to_string(), looked.to_string());
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    site.cutover.abort(&Events::none()).await.unwrap();
    site.assert_tidy().await;
}

#[tokio::test]
async fn of_a_sound_portal_only_warns() {
    let site = Site::month_1().await;
    let report = site
        .cutover
        .preflight(None, StopSignal::never(), &Events::none())
        .await
        .unwrap();
    assert!(!report.is_fatal(), "{report}");
    site.assert_tidy().await;
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
}

#[tokio::test]
async fn a_preflight_does_not_remove_what_waits_for_its_swap() {
    let site = Site::month_2_staged().await;
    let refused = site
        .cutover
        .preflight(None, StopSignal::never(), &Events::none())
        .await
        .unwrap_err();
    assert_eq!(refused.class(), FailureClass::Refused);
    assert!(matches!(refused, ReleaseError::StagingReady { .. }), "{refused}");
    let report = site.run(swap_what_is_staged()).await.unwrap();
    assert_eq!(report.state, ReleaseState::Completed, "it is still there");
}
