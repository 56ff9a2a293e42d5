//! A file that uses every section.

use std::time::Duration;

use cutover_core::Ident;
use cutover_core::release_file::{
    GeometryCheck, HookAction, Import, ImportPhase, ImportSource, Label, LabelPolicy, OldSnapshots, PartKind,
    QueryTemplate, ReleaseFile, Secret, StructureChange, TemplateFacts, UniqueCheck, Validation,
};

use super::{SMALL, parse};

const EXAMPLE: &str = include_str!("example.toml");
const EVERYTHING: &str = include_str!("everything.toml");

fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

#[test]
fn means_what_it_says() {
    let file = parse(EXAMPLE);
    assert_eq!(file.release().members().count(), 5);
    assert_eq!(
        file.live_name(&ident("sources")).to_string(),
        r#""public"."sources""#
    );
    assert_eq!(file.imports()[2].phase, ImportPhase::Related);
    assert_eq!(file.preflight().geometry[0].srid, Some(4326));
    assert_eq!(file.validations()[0].max_shrink, Some(0.05));
    assert!(file.notify().slack.as_ref().unwrap().told.phase_complete);
    assert!(matches!(&file.hooks()[0].action, HookAction::Http(_)));
    let ImportSource::Csv(csv) = &file.imports()[3].source else {
        panic!("{:?}", file.imports()[3])
    };
    let facts = TemplateFacts::new(Label::new("Sep2025").unwrap());
    assert_eq!(
        csv.csv.render(&facts).unwrap(),
        "data/country_statistics_Sep2025.csv"
    );
    assert_eq!(csv.null, ["", "-"]);
}

#[test]
fn defaults_are_the_documented_ones() {
    let file = parse(SMALL);
    assert!(file.staging().lightweight && file.refresh().enabled);
    assert!(!file.staging().indexes_before_load() && !file.staging().foreign_keys_before_load());
    assert_eq!(file.swap().stall_budget, Duration::from_millis(100));
    assert_eq!(file.swap().lock_budget, Duration::from_secs(1));
    assert_eq!(file.swap().deadline, Duration::from_mins(10));
    assert_eq!(file.swap().snapshot_deadline, Duration::from_mins(10));
    assert_eq!(file.swap().old_snapshots, OldSnapshots::WaitFor);
    assert_eq!((file.release().keep_backups, file.preflight().max_keys), (2, 20));
    assert_eq!(file.release().labels, LabelPolicy::default());
    assert_eq!(file.target().schema, ident("public"));
}

#[test]
fn a_switch_overrules_lightweight() {
    let file = parse(&format!(
        "{SMALL}[staging]\nlightweight = false\ninclude_fks = false"
    ));
    assert!(file.staging().indexes_before_load());
    assert!(!file.staging().foreign_keys_before_load());
}

#[test]
fn written_out_it_reads_back_the_same() {
    for text in [EXAMPLE, EVERYTHING, SMALL] {
        let written = toml::to_string(&parse(text)).unwrap();
        assert_eq!(toml::to_string(&parse(&written)).unwrap(), written);
        assert_eq!(parse(&written).digest(), parse(text).digest());
        // A literal secret is written as `***`: the one thing that does not come back.
        if !written.contains("***") {
            assert_eq!(parse(&written), parse(text));
        }
    }
}

/// A setting that is read but not written, or written but not read, would be missing here.
#[test]
fn every_key_is_read_and_written() {
    let given: toml::Table = EVERYTHING.parse().unwrap();
    assert_eq!(toml::Table::try_from(parse(EVERYTHING)).unwrap(), given);
}

#[test]
fn the_digest_is_of_the_meaning() {
    let digest = |text: &str| parse(text).digest();
    let same = r#"
        target.url = "env:DATABASE_URL"   # another order, another layout, a comment
        target.schema = 'public'
        staging = { lightweight = true }
        swap.deadline = "600s"
        [release]
        tables = [
            "sources",
            "protected_areas",
        ]
        name = "wdpa"
    "#;
    assert_eq!(digest(same), digest(SMALL));
    assert_ne!(digest(&SMALL.replace("wdpa", "wdpb")), digest(SMALL));
    assert_ne!(
        digest(&format!("{SMALL}[staging]\nlightweight = false")),
        digest(SMALL)
    );
    assert_ne!(
        digest(&SMALL.replace(
            r#""sources", "protected_areas""#,
            r#""protected_areas", "sources""#
        )),
        digest(SMALL)
    );
    let with_url = |url: &str| digest(&SMALL.replace("env:DATABASE_URL", url));
    assert_eq!(with_url("postgres://u:one@h/d"), with_url("postgres://u:two@h/d"));
}

#[test]
fn code_builds_the_same() {
    let columns = [("title", "data_title")].map(|(into, from)| (ident(into), ident(from)));
    let built = ReleaseFile::builder("wdpa", Secret::env("DATABASE_URL"))
        .tables([ident("sources"), ident("protected_areas")])
        .import(Import::new(
            "sources",
            ident("sources"),
            ImportSource::Relation {
                from: "portal.sources".parse().unwrap(),
                columns: Some(columns.map(|(into, from)| (into, from.into())).into()),
            },
        ))
        .preflight_unique(UniqueCheck::new(
            "polygons".parse().unwrap(),
            vec![ident("site_id")],
        ))
        .preflight_geometry(GeometryCheck::new("polygons".parse().unwrap(), ident("geom")))
        .validate(Validation::new(ident("sources")).min_rows(1))
        .change(
            StructureChange::new(ident("sources"))
                .why("the year is a number now")
                .sql(
                    QueryTemplate::parse("ALTER TABLE {{ staging('sources') }} ALTER year TYPE integer")
                        .unwrap(),
                )
                .add(PartKind::Columns, ident("remarks"))
                .drop(PartKind::Indexes, ident("sources_year"))
                .alter(PartKind::Columns, ident("year"), "type")
                .alter_table("comment"),
        )
        .swap(|swap| swap.deadline = Duration::from_mins(1))
        .build()
        .unwrap();
    let read = parse(&format!(
        r#"{SMALL}
        [[import]]
        name = "sources"
        into = "sources"
        from = "portal.sources"
        columns = {{ title = "data_title" }}
        [[preflight.unique]]
        view = "polygons"
        key = ["site_id"]
        [[preflight.geometry]]
        view = "polygons"
        column = "geom"
        [[validate]]
        table = "sources"
        min_rows = 1
        [[change]]
        table = "sources"
        why = "the year is a number now"
        sql = "ALTER TABLE {{{{ staging('sources') }}}} ALTER year TYPE integer"
        add = {{ columns = ["remarks"] }}
        drop = {{ indexes = ["sources_year"] }}
        alter = {{ table = ["comment"], columns = {{ year = ["type"] }} }}
        [swap]
        deadline = "1min"
        "#
    ));
    assert_eq!(built, read);
    assert_eq!(built.digest(), read.digest());
}

#[test]
fn code_is_held_to_the_same_rules() {
    let error = ReleaseFile::builder("w d", Secret::env("DATABASE_URL"))
        .validate(Validation::new(ident("sources")).max_shrink(f64::NAN))
        .build()
        .unwrap_err();
    insta::assert_snapshot!(error, @r#"
release file built in code: `release.name`: the name "w d" is not allowed; use 1 to 63 letters, digits, `.`, `_` and `-`, starting with a letter or digit
release file built in code: `release.tables`: must not be empty
release file built in code: `validate["sources"].table`: `sources` is no member of the release set; add it to `release.tables` or `release.matviews`
release file built in code: `validate["sources"].max_shrink`: must be a share of live's rows, from 0.0 to 1.0
"#);
}

#[test]
fn no_secret_is_printed() {
    let file = parse(
        &EXAMPLE
            .replace("env:DATABASE_URL", "postgres://u:hunter2@h/d")
            .replace("http://localhost:9200/...", "http://hunter2@localhost"),
    );
    let shown = format!(
        "{file:?} {} {}",
        toml::to_string(&file).unwrap(),
        serde_json::to_string(&file).unwrap()
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}
