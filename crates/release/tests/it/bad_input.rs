//! What cannot work is refused with a clear message, and the database is as it was.

use cutover::{FailureClass, ReleaseError, ReleaseOptions, RollbackOptions, Selection, StopSignal};
use cutover_core::release_file::Label;
use cutover_core::{Events, Phase, Stamp};
use cutover_testkit::dataset::LIVE_OWNER;

use crate::world::{Site, assert_same_dump, cluster, cutover, dump_of_month_1, swap_what_is_staged, told};

/// Runs what must fail on a site whose month 1 is live; returns what is told of it.
async fn refusal(site: &Site, options: ReleaseOptions, class: FailureClass) -> String {
    let error = site.run(options).await.unwrap_err();
    assert_eq!(error.class(), class, "{error}");
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    // What it left in staging is in its record: nothing is unmanaged, and `abort` removes it.
    assert_eq!(site.cutover.status().await.unwrap().unmanaged, []);
    site.cutover.abort(&Events::none()).await.unwrap();
    site.assert_tidy().await;
    told(&error)
}

/// The same for a release file with a piece replaced; the file is mended afterwards.
async fn refusal_of_file(site: &mut Site, from: &str, to: &str, class: FailureClass) -> String {
    site.replace(from, to);
    let told = refusal(site, site.options(), class).await;
    site.replace(to, from);
    told
}

/// There is no server: these are refused before anything is connected.
#[tokio::test]
async fn a_request_that_makes_no_sense_connects_to_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let example = include_str!("../../../../examples/wdpa/release.toml");
    let refusal = async |text: &str, options: ReleaseOptions| {
        std::fs::write(directory.path().join("release.toml"), text).unwrap();
        let cutover = cutover("postgresql://nobody@127.0.0.1:1/none", directory.path());
        let error = cutover
            .release(&options, StopSignal::never(), &Events::none())
            .await
            .unwrap_err();
        assert_eq!(error.class(), FailureClass::Usage, "{error}");
        told(&error)
    };
    let oct = || ReleaseOptions::default().label(Label::new("Oct2025").unwrap());

    let label = oct().label(Label::new("October").unwrap());
    insta::assert_snapshot!(refusal(example, label).await, @"
    Usage: the label `October` does not have the form `%b%Y` of `release.label`, as in `Jan1970`
    remedy: give a label that matches [release] label_pattern, or leave it out
    ");
    insta::assert_snapshot!(refusal(example, oct().only_importers(["source"])).await, @r#"
    Usage: the release file has no importer "source"; it has: sources, green_list_statuses, no_take_statuses, protected_areas, protected_area_parcels, pame_sources, pame_evaluations, countries_protected_areas, countries_protected_area_parcels, countries_pame_evaluations, protected_areas_sources, protected_area_parcels_sources, pame_statistics, country_statistics, global_statistics, story_map_links
    remedy: name importers as [[import]] name spells them
    "#);
    insta::assert_snapshot!(refusal(example, oct().sample(10)).await, @"
    Usage: a release with a sample, or with importers left out, must not go live
    remedy: add --stop-after validate_and_manifest or --dry-run, or import everything
    ");
    insta::assert_snapshot!(refusal(example, oct().skip_importers(["sources"])).await, @"
    Usage: a release with a sample, or with importers left out, must not go live
    remedy: add --stop-after validate_and_manifest or --dry-run, or import everything
    ");
    let again = Selection::all().start_at(Phase::ImportCore).unwrap();
    insta::assert_snapshot!(refusal(example, oct().selection(again).without_checkpoints()).await, @"
    Usage: importers cannot run again over staging that is taken up
    remedy: add build_staging to the phases, or leave --no-checkpoints out
    ");
    let hook =
        "\n[[hook]]\non = \"post_swap\"\nname = \"rebuild-search\"\nhttp = { url = \"env:SEARCH_URL\" }\n";
    insta::assert_snapshot!(refusal(&format!("{example}{hook}"), oct()).await, @r#"
    Usage: the environment variable `SEARCH_URL` that `hook["rebuild-search"].http.url` of the release file asks for is not set
    remedy: set the variable
    "#);
    let hook = hook.replace("env:SEARCH_URL", "localhost:9200");
    insta::assert_snapshot!(refusal(&format!("{example}{hook}"), oct()).await, @"
    Usage: hook `rebuild-search`: `url` is no http or https URL
    remedy: correct [[hook]] http, or the variable it names
    ");
}

#[tokio::test]
async fn a_file_that_does_not_fit_the_database_changes_nothing() {
    use FailureClass::{Build, Preflight, Refused};
    let mut site = Site::month_1().await;

    let told = refusal_of_file(
        &mut site,
        "\"portal_standard_greenlist\",\n]",
        "\"portal_green\",\n]",
        Refused,
    )
    .await;
    insta::assert_snapshot!(told, @r#"
    Refused: schema "public" has no relation "portal_green"
    remedy: check `tables` and `matviews` in the release file, and [target] schema
    "#);
    let told = refusal_of_file(
        &mut site,
        "\"story_map_links\",",
        "\"story_maps\", \"story_map_links\",",
        Refused,
    )
    .await;
    insta::assert_snapshot!(told, @r#"
    Refused: schema "public" has no relation "story_maps"
    remedy: check `tables` and `matviews` in the release file, and [target] schema
    "#);
    let missing = "[[preflight.not_empty]]\nany_of = [\"portal_nowhere\"]\n[[preflight.not_empty]]\nany_of = [\"portal_standard_sources\"]";
    let there = "[[preflight.not_empty]]\nany_of = [\"portal_standard_sources\"]";
    insta::assert_snapshot!(refusal_of_file(&mut site, there, missing, Preflight).await, @r#"
    Preflight: 1 of 14 checks of the sources failed
    ok       view "public"."staging_portal_standard_points"
    ok       view "public"."staging_portal_standard_polygons"
    ok       view "public"."staging_portal_standard_sources"
    ok       view "public"."staging_portal_standard_pame"
    ok       view "public"."staging_portal_standard_greenlist"
    ok       not empty: any of "public"."staging_portal_standard_points", "public"."staging_portal_standard_polygons"
    FAILED   not empty: any of "public"."portal_nowhere"
               could not run: there is no relation "public"."portal_nowhere"
               remedy: create or refresh the view, or mend its name in the release file
    ok       not empty: any of "public"."staging_portal_standard_sources"
    ok       unique "public"."staging_portal_standard_points" ("site_id", "site_pid")
    ok       unique "public"."staging_portal_standard_polygons" ("site_id", "site_pid")
    ok       geometry "public"."staging_portal_standard_points"."wkb_geometry"
    ok       geometry "public"."staging_portal_standard_polygons"."wkb_geometry"
    warning  query unknown-countries
             1 returned by the query
                - iso3=QQQ, parcels=1, first_site_id=1008
    ok       query unknown-sources

    remedy: mend the sources, or make a check only warn with severity = "warn"
    "#);
    let (right, wrong) = ("title = \"data_title\"", "title = \"data_titel\"");
    insta::assert_snapshot!(refusal_of_file(&mut site, right, wrong, Build).await, @r#"
    Build: importer sources: the columns of "public"."staging_portal_standard_sources" do not fit "public"."staging_sources"
      - column "title" is to be filled from "data_titel", which the source does not have: mend the name in `columns`, or add the column to the source; did you mean `data_title`?
    remedy: mend what is listed above, then run again; nothing was imported
    "#);
    let (right, wrong) = (
        "{ metadataid = \"metadataid\", title =",
        "{ metadataid = \"metadataid\", titel =",
    );
    insta::assert_snapshot!(refusal_of_file(&mut site, right, wrong, Build).await, @r#"
    Build: importer sources: the columns of "public"."staging_portal_standard_sources" do not fit "public"."staging_sources"
      - `columns` names "titel", which the table does not have: mend the name
      - column "title" is NOT NULL without a default and the source has no column of that name: add it to the source, or map it in `columns`
    remedy: mend what is listed above, then run again; nothing was imported
    "#);
    let (right, wrong) = (
        "SELECT no_take AS name, no_tk_area",
        "SELECT no_take AS name, no_tk_aera",
    );
    insta::assert_snapshot!(refusal_of_file(&mut site, right, wrong, Build).await, @r#"
    Build: importer no_take_statuses failed to import its query
      caused by: could not read the source of table "public"."staging_no_take_statuses"
      caused by: column "no_tk_aera" does not exist (SQLSTATE 42703); hint: Perhaps you meant to reference the column "sites.no_tk_area".
    remedy: the named object does not exist: check its name, its schema and the release file
    "#);
    let (right, wrong) = ("data/story_map_links.csv", "data/story_map_links_{{ label }}.csv");
    let told = refusal_of_file(&mut site, right, wrong, Build).await;
    insta::assert_snapshot!(told.replace(&site.directory().display().to_string(), "[directory]"), @"
    Build: importer story_map_links failed
      caused by: could not open [directory]/data/story_map_links_Nov2025.csv
      caused by: No such file or directory (os error 2)
    remedy: put the file there, or mend `csv` in the release file
    ");

    let swap = swap_what_is_staged();
    insta::assert_snapshot!(refusal(&site, swap, Refused).await, @"
    Refused: there is no staging to take up: release [n] of Nov2025 ended aborted and kept none
    remedy: run all phases, or start at refresh_views
    ");
}

#[tokio::test]
async fn a_portal_that_cannot_be_reached_changes_nothing() {
    let site = Site::month_1().await;
    let alter = async |sql: &str| site.live().execute(sql).await.unwrap();

    alter("ALTER SERVER portal OPTIONS (SET port '1')").await;
    insta::assert_snapshot!(refusal(&site, site.options(), FailureClass::Build).await, @r#"
    Build: could not fill materialized view "public"."staging_portal_iso3_agg"
      caused by: could not connect to server "portal" (SQLSTATE 08001); detail: connection to server at "127.0.0.1", port [n] failed: Connection refused
    	Is the server running on that host and accepting TCP/IP connections?
    remedy: the foreign server does not answer: check that it runs and that the user mapping is right
    "#);
    alter(&format!(
        "ALTER SERVER portal OPTIONS (SET port '{}')",
        cluster().port()
    ))
    .await;

    alter(&format!(
        "ALTER USER MAPPING FOR {LIVE_OWNER} SERVER portal OPTIONS (SET password 'wrong')"
    ))
    .await;
    insta::assert_snapshot!(refusal(&site, site.options(), FailureClass::Build).await, @r#"
    Build: could not fill materialized view "public"."staging_portal_iso3_agg"
      caused by: could not connect to server "portal" (SQLSTATE 08001); detail: connection to server at "127.0.0.1", port [n] failed: FATAL:  password authentication failed for user "portal_reader"
    remedy: the foreign server does not answer: check that it runs and that the user mapping is right
    "#);
}

#[tokio::test]
async fn a_target_that_lets_nobody_in_says_so() {
    let site = Site::month_1().await;
    let refusal = async |url: &str| {
        let cutover = cutover(url, site.directory());
        let error = cutover
            .release(&site.options(), StopSignal::never(), &Events::none())
            .await
            .unwrap_err();
        assert_eq!(error.class(), FailureClass::Connection, "{error}");
        assert!(matches!(error, ReleaseError::Connect(_)), "{error:?}");
        told(&error)
    };
    let database = site.live().name();
    insta::assert_snapshot!(refusal(&cluster().url_for(LIVE_OWNER, "wrong", database)).await, @r#"
    Connection: could not connect to 127.0.0.1:[port] as user "wdpa_owner", database "[database]" (release): the password from the connection string was refused
      caused by: password authentication failed for user "wdpa_owner" (SQLSTATE 28P01)
    remedy: correct the password there, and check that the user exists
    "#);
    insta::assert_snapshot!(refusal(&cluster().url_for(LIVE_OWNER, LIVE_OWNER, "no_such_database")).await, @r#"
    Connection: could not connect to 127.0.0.1:[port] as user "wdpa_owner", database "no_such_database" (release): the database does not exist
      caused by: database "no_such_database" does not exist (SQLSTATE 3D000)
    remedy: check the name after the last / of the URL, dbname or PGDATABASE
    "#);
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
}

#[tokio::test]
async fn an_unknown_stamp_is_refused_with_the_list() {
    let site = Site::month_1().await;
    let stamp: Stamp = "2001010000".parse().unwrap();
    let error = site
        .cutover
        .rollback(
            &stamp,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap_err();
    assert_eq!(error.class(), FailureClass::Refused);
    let there = site.cutover.backups().await.unwrap()[0].stamp.clone();
    assert!(
        error.to_string().ends_with(&format!("there are: {there}")),
        "{error}"
    );
    insta::assert_snapshot!(told(&error), @"
    Refused: there is no backup set [stamp]; there are: [stamp]
    remedy: see `cutover backups`
    ");
    assert_same_dump(&site.dump_live().await, dump_of_month_1().await);
    site.until_lock_is_free().await;
    site.assert_tidy().await;

    // Where nothing was ever released there is none.
    let error = Site::empty()
        .await
        .cutover
        .rollback(
            &stamp,
            &RollbackOptions::default(),
            StopSignal::never(),
            &Events::none(),
        )
        .await
        .unwrap_err();
    insta::assert_snapshot!(told(&error), @"
    Refused: there is no backup set [stamp]; there are: none
    remedy: see `cutover backups`
    ");
}
