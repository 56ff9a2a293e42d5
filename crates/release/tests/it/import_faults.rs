//! Importers whose source goes away, and rows that their table refuses.

use cutover::{Cutover, FailureClass, ReleaseError, ReleaseOptions, Selection, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{EventKind, Phase};

use crate::parks::Parks;
use crate::world::{Ear, cutover};

/// The parks with more said of the importer of sites.
fn with_sites_importer(parks: &Parks, more: &str) -> Cutover {
    let path = parks.directory().join("release.toml");
    let file = std::fs::read_to_string(&path).unwrap();
    let importer = "into = \"sites\"\n";
    assert!(file.contains(importer));
    std::fs::write(&path, file.replace(importer, &format!("{importer}{more}\n"))).unwrap();
    let changed = cutover(&parks.url(), parks.directory());
    std::fs::write(&path, file).unwrap();
    changed
}

fn build(label: &str) -> ReleaseOptions {
    ReleaseOptions::default()
        .label(Label::new(label).unwrap())
        .selection(Selection::all().stop_after(Phase::ValidateAndManifest).unwrap())
}

/// The first time anybody reads, the portal goes away.
const GOES_AWAY_ONCE: &str = "
    CREATE SEQUENCE reads;
    CREATE OR REPLACE FUNCTION at_import() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('reads') = 1 THEN
            RAISE EXCEPTION 'server closed the connection unexpectedly' USING ERRCODE = '08006';
        END IF;
        RETURN true;
    END $$";

#[tokio::test]
async fn a_lost_source_is_tried_again_and_refused_rows_are_set_aside() {
    for more in ["key = [\"id\"]\nmax_rejects = 1", ""] {
        let parks = Parks::live().await;
        parks.database.execute(GOES_AWAY_ONCE).await.unwrap();
        if !more.is_empty() {
            let refuse = "ALTER TABLE sites ADD CONSTRAINT no_55 CHECK (id <> 55) NOT VALID";
            parks.database.execute(refuse).await.unwrap();
        }
        let ear = Ear::default();
        let report = with_sites_importer(&parks, more)
            .release(&build("Feb2026"), StopSignal::never(), &ear.events())
            .await
            .unwrap();
        let heard = ear.heard();
        let lost: Vec<(&str, u64)> = heard
            .iter()
            .filter_map(|kind| match kind {
                EventKind::ImportSourceLost {
                    importer,
                    retry_in_ms,
                    error,
                } => {
                    assert!(error.contains("server closed the connection"), "{error}");
                    Some((importer.as_str(), *retry_in_ms))
                }
                _ => None,
            })
            .collect();
        assert_eq!(lost, [("sites", 1000)]);
        let summary = &report
            .phases
            .iter()
            .find(|phase| phase.phase == Phase::ImportCore)
            .unwrap()
            .summary;
        let rejects =
            "SELECT coalesce(string_agg(key::text || ' ' || sqlstate, ','), 'none') FROM cutover.reject";
        let rejects = parks.text(rejects).await;
        let manifest = report.manifest.unwrap();
        if more.is_empty() {
            assert!(!summary.contains("set aside"), "{summary}");
            assert_eq!(rejects, "none");
        } else {
            assert!(summary.contains(", 1 refused row set aside"), "{summary}");
            assert_eq!(rejects, "{\"id\": \"55\"} 23514");
            assert_eq!(manifest.warnings["rows set aside by importer sites"], 1);
            assert_eq!(manifest.rejected["sites"], 1);
        }
        let sites = u64::from(more.is_empty()) + 59;
        assert_eq!(manifest.importers["sites"], sites);
    }
}

#[tokio::test]
async fn an_importer_fails_over_rows_that_nobody_tolerates() {
    let parks = Parks::live().await;
    let refuse = "ALTER TABLE sites ADD CONSTRAINT no_55 CHECK (id <> 55) NOT VALID";
    parks.database.execute(refuse).await.unwrap();
    let ear = Ear::default();
    let error = with_sites_importer(&parks, "key = [\"id\"]")
        .release(&build("Feb2026"), StopSignal::never(), &ear.events())
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Build);
    let ReleaseError::Import(import) = error else {
        panic!("{error:?}")
    };
    insta::assert_snapshot!(import, @r#"
    importer sites: "public"."staging_sites" refused 1 row, tolerated: none
      - id = 55: new row for relation "staging_sites" violates check constraint "no_55" (SQLSTATE 23514)
    "#);
}
