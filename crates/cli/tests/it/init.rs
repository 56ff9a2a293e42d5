//! From a database without a release file to its first release.

use crate::command::{Workplace, documented};

/// What is upstream has other names than what is live, where these differ at all.
const UPSTREAM: &str = "
    CREATE SCHEMA upstream;
    CREATE VIEW upstream.all_sites AS SELECT id, name AS site_name FROM public.upstream_sites;
    CREATE VIEW upstream.visits AS SELECT id, site_id FROM public.upstream_visits;
";

#[tokio::test]
async fn what_init_proposes_is_released() {
    let (workplace, database) = Workplace::with_database().await;
    std::fs::remove_file(workplace.path("release.toml")).unwrap();
    let nothing = workplace.run(&["init"]);
    assert_eq!(nothing.status, 2, "{nothing:#?}");
    assert!(
        nothing.stderr.contains("no source fits any of 4 tables")
            && nothing.stderr.contains("--portal-schema"),
        "{nothing:#?}"
    );

    database.execute(UPSTREAM).await.unwrap();
    let asked = ["init", "--name", "parks", "--portal-schema", "upstream"];
    let proposed = workplace.run(&asked);
    assert_eq!((proposed.status, proposed.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("proposed", proposed.stdout);
    let document = workplace.json(&asked);
    assert_eq!(document["init"]["release_file"], proposed.stdout);
    documented(&document["init"]);
    documented(&document["init"]["proposal"]);
    documented(&document["init"]["proposal"]["imports"][0]);

    let to_file = [&asked[..], &["--output", "release.toml"]].concat();
    let written = workplace.run(&to_file);
    assert_eq!(written.status, 0, "{written:#?}");
    assert!(
        written.stdout.contains("release.toml proposes 2 tables"),
        "{}",
        written.stdout
    );
    assert_eq!(
        std::fs::read_to_string(workplace.path("release.toml")).unwrap(),
        proposed.stdout
    );
    let again = workplace.run(&to_file);
    assert_eq!(again.status, 2, "{again:#?}");
    assert!(again.stderr.contains("--force to write over it"), "{again:#?}");
    assert_eq!(workplace.run(&[&to_file[..], &["--force"]].concat()).status, 0);

    let released = workplace.run(&["release", "Sep2025"]);
    assert_eq!(released.status, 0, "{released:#?}");
    let rows = "SELECT (SELECT count(*) FROM sites), (SELECT count(*) FROM visits)";
    let row = database
        .connect()
        .await
        .unwrap()
        .query_one(rows, &[])
        .await
        .unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (40, 100));
}
