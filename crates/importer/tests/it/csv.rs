//! CSV files.

use std::fmt::Write as _;
use std::path::PathBuf;

use cutover_core::Events;
use cutover_importer::{CsvSource, Import, ImportError, ImportPlan, Source, Transport};
use cutover_testkit::TestDatabase;
use insta::assert_snapshot;
use tempfile::TempDir;
use tokio_postgres::error::SqlState;

use crate::fixture::{database, ident, import, public, settings, told};

const TABLE: &str =
    "CREATE TABLE staging_statistics (id serial, iso3 char(3) NOT NULL, name text, area numeric, year int)";

struct File {
    _directory: TempDir,
    path: PathBuf,
}

fn file(content: &[u8]) -> File {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("statistics.csv");
    std::fs::write(&path, content).unwrap();
    File {
        _directory: directory,
        path,
    }
}

fn statistics(csv: CsvSource) -> Import {
    Import::new("statistics", public("staging_statistics"), Source::Csv(csv))
}

async fn contents(db: &TestDatabase) -> String {
    db.query_text(
        "SELECT json_agg(json_build_array(iso3, name, area, year) ORDER BY id) FROM staging_statistics",
    )
    .await
    .unwrap()
}

/// The error's text, with the file's random directory taken out.
fn told_of(error: &ImportError, file: &File) -> String {
    told(error).replace(&file.path.display().to_string(), "[statistics.csv]")
}

#[tokio::test]
async fn quotes_line_breaks_and_nulls() {
    let db = database(TABLE).await;
    let file = file(
        "\u{feff}year,area,iso3,name\n2024,12.5,KEN,\"say \"\"hi\"\",\nthen \\N\tgo\"\r\n-,,PER,محمية\n2025,-,DEU,\"\"\n".as_bytes(),
    );
    let outcome = import(&db, &statistics(CsvSource::new(&file.path).nulls(["", "-"])))
        .await
        .unwrap();
    assert_eq!((outcome.rows, outcome.way.way), (3, Transport::Csv));
    assert_eq!(
        contents(&db).await,
        r#"[["KEN", "say \"hi\",\nthen \\N\tgo", 12.5, 2024], ["PER", "محمية", null, null], ["DEU", null, null, 2025]]"#
    );
}

#[tokio::test]
async fn columns_are_mapped_by_the_header() {
    let db = database(TABLE).await;
    let file = file(b"Country code (ISO 3166);unused;The year\nKEN;x;2024\n");
    let mapped = statistics(CsvSource::new(&file.path).delimiter(b';')).columns([
        (ident("year"), "The year".to_owned()),
        (ident("iso3"), "Country code (ISO 3166)".to_owned()),
    ]);
    import(&db, &mapped).await.unwrap();
    assert_eq!(contents(&db).await, r#"[["KEN", null, null, 2024]]"#);
}

#[tokio::test]
async fn a_file_without_a_header_has_its_columns_named() {
    let db = database(TABLE).await;
    let file = file(b"KEN,2024\nPER,2025\n");
    let csv = CsvSource::new(&file.path).fields(["iso3", "year"]);
    let outcome = import(&db, &statistics(csv)).await.unwrap();
    assert_eq!(outcome.rows, 2, "the first record is data");
    assert_eq!(
        contents(&db).await,
        r#"[["KEN", null, null, 2024], ["PER", null, null, 2025]]"#
    );
}

#[tokio::test]
async fn names_that_are_not_one_for_each_field_are_refused() {
    let db = database(TABLE).await;
    let file = file(b"KEN,2024\n");
    for fields in [&["iso3"][..], &["iso3", "year", "name"]] {
        let csv = CsvSource::new(&file.path).fields(fields.iter().copied());
        let error = import(&db, &statistics(csv)).await.unwrap_err();
        assert_eq!(
            told_of(&error, &file),
            format!(
                "importer statistics failed\n  \
                   caused by: [statistics.csv]: its first record has 2 fields, and {} names are given\n  \
                   remedy: name every field of the file in `fields`, in its order",
                fields.len()
            )
        );
    }
}

/// A transaction that is committed in spite of the error keeps none of the rows, wherever in a segment the file ended.
#[tokio::test]
async fn a_file_that_breaks_off_between_two_segments_leaves_nothing_to_commit() {
    let db = database(TABLE).await;
    let mut content = b"iso3,name\n".to_vec();
    for _ in 0..20_000 {
        content.extend_from_slice(b"KEN,sixteen letters.\n");
    }
    content.extend_from_slice(b"KEN,\xff\n");
    let file = file(&content);
    let mut client = db.connect().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    // Every batch of records is a segment of its own, so the error finds the last one ended.
    let settings = settings().segment_bytes(1);
    let import = statistics(CsvSource::new(&file.path));
    let plan = ImportPlan::read(&import, &settings, &transaction, None)
        .await
        .unwrap();
    let error = plan
        .run_in(&transaction, None, &Events::none())
        .await
        .unwrap_err();
    assert!(told_of(&error, &file).contains("line 20002"), "{}", told(&error));
    // The server answers this COMMIT with a rollback; were the transaction still sound, rows would stay.
    let _ = transaction.commit().await;
    let rows = db.query_text("SELECT count(*) FROM staging_statistics").await;
    assert_eq!(rows.unwrap(), "0");
}

#[tokio::test]
async fn a_bad_number_is_named_by_line_and_column() {
    let db = database(TABLE).await;
    let file = file(b"iso3,name,year of it\nKEN,\"two\nlines\",2024\nPER,x,2023\nDEU,y,20x5\n");
    let mapped = statistics(CsvSource::new(&file.path)).columns([
        (ident("iso3"), "iso3".to_owned()),
        (ident("name"), "name".to_owned()),
        (ident("year"), "year of it".to_owned()),
    ]);
    let error = import(&db, &mapped).await.unwrap_err();
    assert_eq!(error.sqlstate().map(SqlState::code), Some("22P02"));
    assert_snapshot!(told_of(&error, &file), @r#"
    importer statistics failed
      caused by: [statistics.csv], line 5, column "year of it": invalid input syntax for type integer: "20x5" (SQLSTATE 22P02)
      remedy: mend the value in the file, or add it to the markers that mean NULL
    "#);
    assert_eq!(
        db.query_text("SELECT count(*) FROM staging_statistics")
            .await
            .unwrap(),
        "0"
    );
}

#[tokio::test]
async fn a_refused_row_without_a_column_is_named_by_line() {
    let db = database(TABLE).await;
    let file = file(b"iso3,name\nKEN,a\n,b\n");
    let error = import(&db, &statistics(CsvSource::new(&file.path)))
        .await
        .unwrap_err();
    assert_snapshot!(told_of(&error, &file), @r#"
    importer statistics failed
      caused by: [statistics.csv], line 3: null value in column "iso3" of relation "staging_statistics" violates not-null constraint (SQLSTATE 23502); detail: Failing row contains (2, null, b, null, null).
      remedy: mend the value in the file, or add it to the markers that mean NULL
    "#);
}

#[tokio::test]
async fn lines_are_counted_across_segments() {
    let db = database(TABLE).await;
    let mut content = String::from("iso3,name,year\n");
    for n in 0..20_000 {
        let year = if n == 15_000 { "oops" } else { "2024" };
        writeln!(content, "KEN,\"line\nbreak {n}\",{year}").unwrap();
    }
    let file = file(content.as_bytes());
    let import = statistics(CsvSource::new(&file.path));
    let mut target = db.connect().await.unwrap();
    let transaction = target.transaction().await.unwrap();
    let settings = settings().segment_bytes(100_000);
    let plan = cutover_importer::ImportPlan::read(&import, &settings, &transaction, None)
        .await
        .unwrap();
    let error = plan
        .run_in(&transaction, None, &cutover_core::Events::none())
        .await
        .unwrap_err();
    // The header, then two lines for each record.
    let line = 2 + 15_000 * 2;
    assert!(
        told(&error).contains(&format!(", line {line}, column \"year\": ")),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn a_sample_of_a_file() {
    let db = database(TABLE).await;
    let file = file(b"iso3\nKEN\nPER\nDEU\n");
    assert_eq!(
        import(&db, &statistics(CsvSource::new(&file.path)).sample(2))
            .await
            .unwrap()
            .rows,
        2
    );
}

#[tokio::test]
async fn a_file_with_only_a_header_or_nothing() {
    let db = database(TABLE).await;
    let header_only = file(b"iso3,year\n");
    assert_eq!(
        import(&db, &statistics(CsvSource::new(&header_only.path)))
            .await
            .unwrap()
            .rows,
        0
    );
    let empty = file(b"");
    let error = import(&db, &statistics(CsvSource::new(&empty.path)))
        .await
        .unwrap_err();
    assert!(matches!(error, ImportError::Columns { .. }), "{}", told(&error));
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let db = database(TABLE).await;
    let error = import(&db, &statistics(CsvSource::new("data/none_Sep2025.csv")))
        .await
        .unwrap_err();
    assert_snapshot!(told(&error), @r#"
    importer statistics failed
      caused by: could not open data/none_Sep2025.csv
      caused by: No such file or directory (os error 2)
      remedy: put the file there, or mend `csv` in the release file
    "#);
}

#[tokio::test]
async fn a_short_record_and_bad_utf8_are_named_by_line() {
    let db = database(TABLE).await;
    let short = file(b"iso3,year\nKEN,2024\nPER\n");
    let error = import(&db, &statistics(CsvSource::new(&short.path)))
        .await
        .unwrap_err();
    assert_snapshot!(told_of(&error, &short), @r#"
    importer statistics failed
      caused by: could not read [statistics.csv]
      caused by: CSV error: record 2 (line: 3, byte: 19): found record with 1 fields, but the previous record has 2 fields
      remedy: mend the record: every one needs as many fields as the header
    "#);
    let latin1 = file(b"iso3,name\nKEN,caf\xe9\n");
    let error = import(&db, &statistics(CsvSource::new(&latin1.path)))
        .await
        .unwrap_err();
    assert_snapshot!(told_of(&error, &latin1), @r#"
    importer statistics failed
      caused by: [statistics.csv], line 2, column "name": not UTF-8
      caused by: incomplete utf-8 byte sequence from index 3
      remedy: save the file in UTF-8 (iconv -f LATIN1 -t UTF-8)
    "#);
}

#[tokio::test]
async fn a_header_that_does_not_fit() {
    let db = database(TABLE).await;
    let file = file(b"iso,year\nKEN,2024\n");
    let error = import(&db, &statistics(CsvSource::new(&file.path)))
        .await
        .unwrap_err();
    assert_snapshot!(told_of(&error, &file), @r#"
    importer statistics: the columns of [statistics.csv] do not fit "public"."staging_statistics"
      - the source's column "iso" has no counterpart in the table (nearest: "iso3"): list the wanted columns in `columns`, or leave it out of the source
      - column "iso3" is NOT NULL without a default and the source has no column of that name: add it to the source, or map it in `columns`
      remedy: mend what is listed above, then run again; nothing was imported
    "#);
}
