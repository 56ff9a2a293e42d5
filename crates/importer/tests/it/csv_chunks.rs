//! CSV files in chunks: cut off anywhere and taken up, and rows set aside.

use std::fmt::Write as _;
use std::path::Path;

use cutover_core::Events;
use cutover_core::records::FilePlace;
use cutover_importer::{
    CsvError, CsvSource, Import, ImportError, ImportOutcome, ImportPlan, RejectLimits, Source,
};
use cutover_testkit::TestDatabase;
use insta::assert_snapshot;

use crate::chunks::Record;
use crate::faults::{NO_OTHER_SESSION, poll_at_most, until};
use crate::fixture::{checksum, database, ident, import, public, settings, told};

const SITES: &str = "\
    CREATE TABLE t (id int PRIMARY KEY, name varchar(40) NOT NULL, area numeric(5, 2), \
        status text CHECK (status IN ('designated', 'proposed')), note text); \
    CREATE TABLE in_peace (LIKE t)";

fn sites(path: &Path) -> Import {
    let csv = CsvSource::new(path).nulls(["", "-"]);
    Import::new("sites", public("t"), Source::Csv(csv))
}

/// Imports what is still missing, as a program does that is started anew, in chunks of 3000 bytes.
async fn go_on(db: &TestDatabase, record: &Record, import: &Import) -> Result<ImportOutcome, ImportError> {
    let mut target = db.connect().await.unwrap();
    let settings = settings().chunk_bytes(3000);
    let import = import.clone().in_chunks();
    let tx = target.transaction().await.unwrap();
    let plan = ImportPlan::read(&import, &settings, &tx, None).await?;
    tx.rollback().await.unwrap();
    plan.run_in_chunks(&mut target, None, &record.journal(), &Events::none())
        .await
}

async fn rejects(db: &TestDatabase) -> String {
    db.query_text(
        "SELECT coalesce(string_agg(concat_ws(' | ', key::text, sqlstate, reason, \"row\" ->> 'id'), E'\\n' ORDER BY at), 'none') \
           FROM cutover.reject",
    )
    .await
    .unwrap()
}

/// Where the last chunk ends.
async fn place(db: &TestDatabase, record: &Record) -> FilePlace {
    let client = db.connect().await.unwrap();
    let so_far = record.journal().so_far(&client, "sites").await.unwrap();
    so_far.place.unwrap()
}

/// A header behind a byte order mark, records of several lines, quotes, both kinds of line ends, an empty line, NULLs in two
/// ways; every 97th record is refused.
fn awkward() -> String {
    let mut content = "\u{feff}note,id,name,area,status\r\n".to_owned();
    for id in 1..=700 {
        let end = if id % 5 == 0 { "\r\n" } else { "\n" };
        let area = if id % 97 == 0 {
            "vast"
        } else {
            ["-", "", "1.25"][id % 3]
        };
        let note = "x".repeat(id % 60);
        write!(
            content,
            "\"line{end}break \"\"{id}\"\" {note}\",{id},site {id},{area},designated{end}"
        )
        .unwrap();
        if id == 333 {
            content.push('\n');
        }
    }
    content
}

#[tokio::test]
async fn an_import_cut_off_anywhere_goes_on_in_the_file() {
    let db = database(SITES).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sites.csv");
    std::fs::write(&path, awkward().replace(",vast,", ",1,")).unwrap();
    let peace = Import::new("peace", public("in_peace"), sites(&path).source().clone());
    assert_eq!(import(&db, &peace).await.unwrap().rows, 700);
    db.execute("DELETE FROM in_peace WHERE id % 97 = 0")
        .await
        .unwrap();
    let expected = checksum(&db, "in_peace").await;

    std::fs::write(&path, awkward()).unwrap();
    let import = sites(&path)
        .key([ident("id")])
        .rejects(RejectLimits::none().at_most(7));
    let (mut cuts, mut halves) = (0, 0);
    'rounds: for first in [5_usize, 13] {
        db.execute("TRUNCATE t").await.unwrap();
        let record = Record::in_database(&db).await;
        db.execute("DELETE FROM cutover.reject").await.unwrap();
        for polls in (first..).step_by(first) {
            let round = poll_at_most(polls, go_on(&db, &record, &import)).await;
            until(&db, NO_OTHER_SESSION).await;
            if let Some(outcome) = round {
                let outcome = outcome.unwrap();
                assert_eq!((outcome.rows, outcome.rejected), (693, 7));
                assert_eq!(checksum(&db, "t").await, expected);
                let client = db.connect().await.unwrap();
                let checkpoints = record.checkpoints(&client).await;
                assert_eq!(checkpoints.iter().map(|chunk| chunk.rows).sum::<i64>(), 693);
                assert!(checkpoints.len() > 5, "{checkpoints:#?}");
                let ended = checkpoints.iter().filter(|chunk| chunk.place.is_none());
                assert!(ended.eq(checkpoints.iter().filter(|chunk| chunk.done)));
                continue 'rounds;
            }
            cuts += 1;
            let rows = db.query_text("SELECT count(*) FROM t").await.unwrap();
            halves += i32::from(rows != "0" && rows != "693");
        }
    }
    assert!(
        cuts > 10 && halves > 5,
        "cut off {cuts} times, {halves} of them half way"
    );
    let content = awkward();
    let expected: Vec<String> = (97..=679)
        .step_by(97)
        .map(|id| {
            // That is on the record's second line.
            let at = content.find(&format!("break \"\"{id}\"\"")).unwrap();
            let line = content[..at].matches('\n').count();
            format!(
                "{{\"id\": \"{id}\"}} | 22P02 | sites.csv, line {line}: column \"area\": \
                 invalid input syntax for type numeric: \"vast\" | {id}"
            )
        })
        .collect();
    assert_eq!(rejects(&db).await.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_killed_session_and_a_changed_file() {
    let db = database(SITES).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sites.csv");
    let content: String = (0..2000).fold("id,name\n".to_owned(), |content, id| {
        content + &format!("{id},site {id}\n")
    });
    // The row in the middle waits until its session is killed.
    db.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN IF NEW.id = 1000 THEN PERFORM pg_advisory_lock_shared(1); END IF; RETURN NEW; END $$; \
         CREATE TRIGGER wait BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION wait()",
    )
    .await
    .unwrap();
    std::fs::write(&path, &content).unwrap();
    let record = Record::in_database(&db).await;
    let gate = db.connect().await.unwrap();
    gate.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();
    let import = sites(&path);
    let killed = tokio::join!(go_on(&db, &record, &import), async {
        let waits = "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
        until(&db, waits).await;
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
        )
        .await
        .unwrap();
    });
    killed.0.unwrap_err();
    gate.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    let rows = db.query_text("SELECT count(*) FROM t").await.unwrap();
    let place = place(&db, &record).await;
    assert_eq!(
        place.line.to_string(),
        (rows.parse::<i64>().unwrap() + 2).to_string()
    );
    assert!(place.line > 100 && place.line < 1001, "{place:?}");

    // What is imported must be the same, to the byte, and all there.
    let end = usize::try_from(place.byte).unwrap();
    for changed in [
        content.replacen("site 7\n", "site 8\n", 1),
        content[..end - 1].to_owned(),
    ] {
        std::fs::write(&path, changed).unwrap();
        let error = go_on(&db, &record, &import).await.unwrap_err();
        let is_changed = matches!(
            &error,
            ImportError::Csv {
                source: CsvError::Changed { .. },
                ..
            }
        );
        assert!(is_changed, "{}", told(&error));
        assert_eq!(
            told(&error).replace(&path.display().to_string(), "[sites.csv]"),
            format!(
                "importer sites failed\n  caused by: [sites.csv] has changed in what is imported already: \
                 its first {} bytes, up to line {}\n  remedy: put the file back as it was \
                 (what follows that line may change), or begin again with build_staging",
                place.byte, place.line
            )
        );
    }
    // So must be how it is read.
    std::fs::write(&path, &content).unwrap();
    let csv = CsvSource::new(&path).nulls(["", "NULL"]);
    let other = Import::new("sites", public("t"), Source::Csv(csv));
    let error = go_on(&db, &record, &other).await.unwrap_err();
    assert!(
        matches!(error, ImportError::OtherChunks { .. }),
        "{}",
        told(&error)
    );
    assert_eq!(db.query_text("SELECT count(*) FROM t").await.unwrap(), rows);

    // What follows may be mended.
    std::fs::write(
        &path,
        content.replace("1999,site 1999\n", "1999,the last\n2000,one more\n"),
    )
    .unwrap();
    let outcome = go_on(&db, &record, &import).await.unwrap();
    assert_eq!(outcome.rows, 2001);
    let all = "SELECT concat_ws(' ', count(*), sum(id), max(name) FILTER (WHERE id = 1999)) FROM t";
    assert_eq!(db.query_text(all).await.unwrap(), "2001 2001000 the last");
    let error = go_on(&db, &record, &import).await.unwrap_err();
    assert!(matches!(error, ImportError::OtherChunks { .. }), "done is done");
}

#[tokio::test]
async fn refused_rows_are_set_aside_as_far_as_is_tolerated() {
    let db = database(SITES).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sites.csv");
    let mut content = "id,name,area,status\n".to_owned();
    for id in 1..=300 {
        let row = match id {
            1 => "1,,,".to_owned(),
            2 => "2,\"two\nlines\",,dreamt of".to_owned(),
            150 => format!("150,{},,", "n".repeat(41)),
            151 => "150,again,,".to_owned(),
            200 => "5,five again,,".to_owned(),
            250 => "250,nul \0 within,1,".to_owned(),
            300 => "300,last,123456,".to_owned(),
            _ => format!("{id},site {id},-,designated"),
        };
        writeln!(content, "{row}").unwrap();
    }
    std::fs::write(&path, content).unwrap();
    // In chunks, with a key and without; in one transaction, where a sample is one.
    let limits = RejectLimits::none().at_most(6);
    let keyed = sites(&path).key([ident("id")]).rejects(limits);
    for import in [keyed.clone().sample(1000), keyed, sites(&path).rejects(limits)] {
        db.execute("TRUNCATE t").await.unwrap();
        let record = Record::in_database(&db).await;
        db.execute("DELETE FROM cutover.reject").await.unwrap();
        let outcome = go_on(&db, &record, &import).await.unwrap();
        assert_eq!((outcome.rows, outcome.rejected), (294, 6));
        let client = db.connect().await.unwrap();
        let checkpoints = record.checkpoints(&client).await;
        assert_eq!(checkpoints.iter().map(|chunk| chunk.rejected).sum::<i64>(), 6);
    }
    assert_snapshot!(rejects(&db).await, @r#"
    {"line": "2"} | 23502 | sites.csv, line 2: null value in column "name" of relation "t" violates not-null constraint | 1
    {"line": "3"} | 23514 | sites.csv, line 3: new row for relation "t" violates check constraint "t_status_check" | 2
    {"line": "152"} | 22001 | sites.csv, line 152: column "name": value too long for type character varying(40) | 150
    {"line": "202"} | 23505 | sites.csv, line 202: duplicate key value violates unique constraint "t_pkey" | 5
    {"line": "252"} | 22021 | sites.csv, line 252: invalid byte sequence for encoding "UTF8": 0x00 | 250
    {"line": "302"} | 22003 | sites.csv, line 302: column "area": numeric field overflow | 300
    "#);
    let kept = "SELECT \"row\"::text FROM cutover.reject WHERE \"row\" ->> 'id' = '250'";
    assert_eq!(
        db.query_text(kept).await.unwrap(),
        "{\"id\": \"250\", \"area\": \"1\", \"name\": \"nul \u{fffd} within\", \"status\": null}"
    );

    for limits in [RejectLimits::none().at_most(5), RejectLimits::none().share(0.01)] {
        db.execute("TRUNCATE t").await.unwrap();
        let record = Record::in_database(&db).await;
        let error = go_on(&db, &record, &sites(&path).rejects(limits))
            .await
            .unwrap_err();
        let told = told(&error);
        assert!(matches!(error, ImportError::Rejected { .. }), "{told}");
        let line_3 =
            "\n  - line = 3: sites.csv, line 3: new row for relation \"t\" violates check constraint";
        assert!(told.contains(line_3), "{told}");
    }
}
