//! What the operator sees when staging is not like live.

use crate::command::Workplace;

#[tokio::test]
async fn a_staging_that_differs_from_live_is_told_with_what_would_declare_it() {
    let (workplace, database) = Workplace::with_database().await;
    let built = workplace.run(&["release", "Sep2025", "--stop-after", "import_related"]);
    assert_eq!(built.status, 0, "{built:#?}");
    database
        .execute(
            "ALTER TABLE staging_sites ADD COLUMN remarks text, ALTER name TYPE varchar(90); \
             CREATE INDEX staging_sites_name ON staging_sites (name)",
        )
        .await
        .unwrap();
    let refused = workplace.run(&["release", "--start-at", "validate_and_manifest"]);
    let error = refused.stderr.find("error:").unwrap();
    insta::assert_snapshot!("refused_text", &refused.stderr[error..]);

    let arguments = [
        "release",
        "--start-at",
        "validate_and_manifest",
        "--json",
        "--quiet",
    ];
    let again = workplace.run(&arguments);
    assert_eq!((again.status, refused.status), (7, 7), "{again:#?}");
    insta::assert_json_snapshot!("refused_json", again.document());

    // The declaration, pasted into the release file, lets it through.
    let text = std::fs::read_to_string(workplace.path("release.toml")).unwrap();
    let declared = "\n[[change]]\ntable = \"sites\"\nadd = { columns = [\"remarks\"], indexes = [\"sites_name\"] }\n\
        alter = { columns = { name = [\"type\"] } }\n";
    std::fs::write(workplace.path("release.toml"), text + declared).unwrap();
    let published = workplace.run(&["release", "--start-at", "validate_and_manifest"]);
    assert_eq!(published.status, 0, "{published:#?}");
    let indexes =
        "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'sites'";
    assert_eq!(
        database.query_text(indexes).await.unwrap(),
        "sites_name sites_pkey"
    );
}
