//! Every error text, with its line and column.

use cutover_core::release_file::{FindingKind, ReleaseFile};

use super::{SMALL, findings_with};

fn findings(text: &str) -> String {
    ReleaseFile::parse(text, "release.toml").unwrap_err().to_string()
}

#[test]
fn an_empty_file_lacks_what_is_required() {
    insta::assert_snapshot!(findings(""), @r#"
release.toml:1:1: `release` is missing
release.toml:1:1: `target` is missing
"#);
    insta::assert_snapshot!(findings("[release]\n[target]\nschema = \"x\""), @r#"
release.toml:1:1: `release.name` is missing
release.toml:1:1: `release.tables` is missing
release.toml:2:1: `target.url` is missing
"#);
}

#[test]
fn text_that_is_no_toml() {
    insta::assert_snapshot!(findings("[release\nname = wdpa\n[target]\nurl = \"x\nschema = 1 2"), @r#"
release.toml:1:9: unclosed table, expected `]`
release.toml:4:9: invalid basic string, expected `"`
release.toml:5:10: string values must be quoted, expected literal string
"#);
    insta::assert_snapshot!(findings(&format!("{SMALL}url = \"y\"\n")), @"release.toml:8:1: duplicate key");
}

#[test]
fn syntax_errors_do_not_quote_the_text() {
    let error = findings("[target]\nurl = \"postgres://u:hunter2@h/d\n");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn unknown_keys_are_all_named_with_the_nearest_valid_one() {
    insta::assert_snapshot!(findings_with(r#"schma = "x"

[relase]
[swap]
stall_bugdet = "1s"
blockers = "cancel"

[[import]]
name = "sources"
into = "sources"
from = "portal_standard_sources"
colums = { a = "b" }

[[preflight.unique]]
view = "v"
key = ["id"]
sevrity = "warn"

[[hook]]
on = "failed"
name = "tell"
http = { methd = "POST", url = "http://x" }

[notify.slak]
webhook = "env:X"
"#), @r#"
release.toml:8:1: unknown key `target.schma`; did you mean `schema`?
release.toml:10:2: unknown key `relase`; did you mean `release`?
release.toml:12:1: unknown key `swap.stall_bugdet`; did you mean `stall_budget`?
release.toml:13:1: unknown key `swap.blockers`; the keys here are: `stall_budget`, `lock_budget`, `deadline`, `snapshot_deadline`, `old_snapshots`, `cancel_blockers_after`, `max_standby_lag`, `allow_lost_writes`, `hold`, `prewarm`, `matviews`
release.toml:19:1: unknown key `import["sources"].colums`; did you mean `columns`?
release.toml:24:1: unknown key `preflight.unique["v"].sevrity`; did you mean `severity`?
release.toml:29:10: unknown key `hook["tell"].http.methd`; did you mean `method`?
release.toml:31:9: unknown key `notify.slak`; did you mean `slack`?
"#);
}

#[test]
fn wrong_types_are_all_named() {
    insta::assert_snapshot!(findings_with(r#"pool_size = -1
schema = ""

[staging]
lightweight = "yes"
sequences = "reset"

[refresh]
views = "portal"

[preflight]
geometry = [1]
unique = { view = "x" }

[swap]
deadline = "soon"
lock_budget = 10

[[import]]
name = "a"
into = "table_whose_name_is_longer_than_sixty_three_bytes_and_so_is_cut_by_postgresql"
query = "SELECT {{ mnth }}"
delimiter = ";;"

[import.columns]
"" = "x"

[[hook]]
on = "later"
name = "h"
command = "ls"

[log]
path = 1

[[validate]]
table = ["a"]
max_shrink = "5%"
"#), @r#"
release.toml:8:13: `target.pool_size`: invalid value: integer `-1`, expected a whole number from 0 up
release.toml:9:10: `target.schema`: a name must not be empty
release.toml:12:15: `staging.lightweight`: invalid type: string "yes", expected a boolean
release.toml:13:13: `staging.sequences`: unknown variant `reset`, expected `continue` or `restart`
release.toml:16:9: `refresh.views`: expected an array
release.toml:19:13: `preflight.geometry[0]`: expected tables, each headed `[[preflight.geometry]]`
release.toml:20:10: `preflight.unique`: expected tables, each headed `[[preflight.unique]]`
release.toml:23:12: `swap.deadline`: "soon" is no length of time; write it like `100ms`, `30s`, `10min`, `1h` or `60d`
release.toml:24:15: `swap.lock_budget`: invalid type: integer `10`, expected a string
release.toml:28:8: `import["a"].into`: the name "table_whose_name_is_longer_than_sixty_three_bytes_and_so_is_cut_by_postgresql" has 77 bytes, PostgreSQL keeps 63
release.toml:29:9: `import["a"].query`: unknown variable `mnth`; did you mean `month`?
release.toml:30:13: `import["a"].delimiter`: ";;" is no delimiter; use one ASCII character, as `,`, `;` or `\t`
release.toml:30:13: `import["a"].delimiter` is out of place: only a `csv` source has it
release.toml:33:1: `import["a"].columns`: a name must not be empty
release.toml:36:6: `hook["h"].on`: unknown variant `later`, expected one of `started`, `phase_complete`, `post_swap`, `post_rollback`, `failed`
release.toml:38:11: `hook["h"].command`: expected an array
release.toml:41:8: `log.path`: invalid type: integer `1`, expected a string
release.toml:44:9: `validate[0].table`: invalid type: sequence, expected a string
release.toml:45:14: `validate[0].max_shrink`: invalid type: string "5%", expected a number
"#);
}

#[test]
fn a_bad_list_item_and_a_bad_pattern_have_their_own_place() {
    insta::assert_snapshot!(findings(r#"[release]
name = "wdpa"
label_pattern = "[A-Z"
tables = [
  "sources",
  "",
  7,
]
[target]
url = "env:"
"#), @r#"
release.toml:3:17: `release.label_pattern`: `[A-Z` is no regular expression: unclosed character class
release.toml:6:3: `release.tables[1]`: a name must not be empty
release.toml:7:3: `release.tables[2]`: invalid type: integer `7`, expected a string
release.toml:10:7: `target.url`: `env:` must be followed by the name of an environment variable
"#);
}

#[test]
fn tables_in_the_wrong_shape() {
    insta::assert_snapshot!(findings("release = 1\n[[target]]\n[import]\nname = \"a\"\n"), @r#"
release.toml:1:11: `release`: expected a table `[release]`
release.toml:2:1: `target`: expected a table `[target]`
release.toml:3:1: `import`: expected tables, each headed `[[import]]`
"#);
}

#[test]
fn the_release_has_to_make_sense() {
    insta::assert_snapshot!(findings(r#"[release]
name = "the release"
label = "%b %Y"
tables = ["sources", "sources"]
matviews = ["sources"]
[target]
url = "env:DATABASE_URL"
[refresh]
views = ["a", "b", "a"]
"#), @r#"
release.toml:2:8: `release.name`: the name "the release" is not allowed; use 1 to 63 letters, digits, `.`, `_` and `-`, starting with a letter or digit
release.toml:3:9: `release.label`: the label "Jan 1970" is not allowed; use 1 to 63 letters, digits, `.`, `_` and `-`, starting with a letter or digit
release.toml:4:22: `release.tables[1]`: "sources" is listed twice
release.toml:5:13: `release.matviews[0]`: "sources" is one of `release.tables` already
release.toml:9:20: `refresh.views[2]`: a is listed twice
"#);
    insta::assert_snapshot!(findings(r#"[release]
name = "wdpa"
label_pattern = "[0-9]+"
tables = []
[target]
url = "env:DATABASE_URL"
"#), @r#"
release.toml:1:1: `release.label`: its own default would be refused: the label `Jan1970` does not match `release.label_pattern`, which is `[0-9]+`
release.toml:4:10: `release.tables`: must not be empty
"#);
    insta::assert_snapshot!(findings(&SMALL.replace("[target]", "label = \"%!\"\n[target]")), @"release.toml:6:9: `release.label`: `%!` is no format for a label: strftime formatting failed: found unrecognized specifier directive `!`");
}

#[test]
fn imports_have_to_make_sense() {
    insta::assert_snapshot!(findings_with(r#"
[[import]]
name = "sources"
into = "source"
from = "v"

[[import]]
name = "sources"
into = "countries"
from = "v"
columns = {}
after = ["protcted", "nothing like it", "late"]

[[import]]
name = "protected"
into = "protected_areas"
query = "SELECT * FROM {{ staging('protected_aeras') }}, {{ staging('sources') }}"

[[import]]
name = "late"
phase = "related"
into = "sources"
csv = "{{ staging('sources') }}.csv"
way = "server"
header = false

[[import]]
name = "csv"
into = "sources"
csv = "x.csv"
columns = { id = "idd" }
fields = ["id", "name"]
max_rejects = 3
max_silence = "1h"
ranges = 2

[[import]]
name = "plain"
into = "sources"
from = "v"
null = ["-"]
"#), @r#"
release.toml:11:8: `import["sources"].into`: `source` is no member of the release set; did you mean `sources`?
release.toml:15:8: `import["sources"].name`: this name is taken by an earlier one
release.toml:16:8: `import["sources"].into`: `countries` is no member of the release set; add it to `release.tables` or `release.matviews`
release.toml:18:11: `import["sources"].columns`: maps no column; leave it out to match columns by name
release.toml:19:10: `import["sources"].after[0]`: no import is named `protcted`; did you mean `protected`?
release.toml:19:22: `import["sources"].after[1]`: no import is named `nothing like it`; the imports are: `csv`, `late`, `plain`, `protected`, `sources`
release.toml:19:41: `import["sources"].after[2]`: `late` runs in a later phase
release.toml:24:9: `import["protected"].query`: staging('protected_aeras'): `protected_aeras` is no member of the release set; did you mean `protected_areas`?
release.toml:24:9: `import["protected"].query`: staging('sources') is filled by the import `late`; that runs in a later phase
release.toml:24:9: `import["protected"].query`: staging('sources') is filled by the import `csv`; add it to `after`, so that it is done: after = ["csv"]
release.toml:24:9: `import["protected"].query`: staging('sources') is filled by the import `plain`; add it to `after`, so that it is done: after = ["plain"]
release.toml:26:1: `import["late"]`: a file without a header needs `fields`, the names of its columns
release.toml:30:7: `import["late"].csv`: a path cannot hold the name of a staging relation
release.toml:31:7: `import["late"].way`: a CSV file is read by the client; use "copy" or "auto"
release.toml:38:18: `import["csv"].columns.id`: `idd` is no field of the file; did you mean `id`?
release.toml:39:10: `import["csv"].fields`: the header names the fields; set `header = false`
release.toml:41:15: `import["csv"].max_silence`: is not for a CSV file
release.toml:42:10: `import["csv"].ranges`: they are ranges of a key; name a `key`
release.toml:42:10: `import["csv"].ranges`: is not for a CSV file
release.toml:48:8: `import["plain"].null` is out of place: only a `csv` source has it
"#);
}

#[test]
fn an_import_has_one_source() {
    insta::assert_snapshot!(findings_with(r#"
[[import]]
name = "none"
into = "sources"

[[import]]
name = "both"
into = "sources"
from = "v"
query = "SELECT 1"
"#), @r#"
release.toml:9:1: `import["none"]`: needs a source: one of `from`, `query`, `csv` and `rust`
release.toml:13:1: `import["both"]`: has several sources (`from`, `query`); keep one
"#);
}

#[test]
fn rust_code_sends_its_rows_as_they_are_to_be() {
    insta::assert_snapshot!(findings_with(r#"
[[import]]
name = "statistics"
into = "sources"
rust = " "
way = "server"
columns = { id = "idd" }
others = "by_name"
max_rejects = 1
null = ["-"]
"#), @r#"
release.toml:12:8: `import["statistics"].rust`: the code needs the name that the program gives it
release.toml:13:7: `import["statistics"].way`: Rust code sends its rows through the client; use "copy" or "auto"
release.toml:14:11: `import["statistics"].columns` is out of place: Rust code sends the table's columns as they are to be
release.toml:15:10: `import["statistics"].others` is out of place: Rust code sends the table's columns as they are to be
release.toml:16:15: `import["statistics"].max_rejects`: needs rows that pass through the client; use the way "copy" or "auto"
release.toml:16:15: `import["statistics"].max_rejects`: is not for Rust code, whose rows are all in or none
release.toml:17:8: `import["statistics"].null` is out of place: only a `csv` source has it
"#);
}

#[test]
fn the_portal_is_reached_in_one_of_two_ways() {
    for portal in ["", "user_mapping = false", "url = \"env:P\"\nuser_mapping = true"] {
        let told = findings(&format!("{SMALL}[portal]\n{portal}"));
        assert!(
            told.ends_with("`portal`: needs one of `url` and `user_mapping = true`"),
            "{portal}: {told}"
        );
    }
    let file = ReleaseFile::parse(&format!("{SMALL}[portal]\nuser_mapping = true"), "release.toml").unwrap();
    let portal = file.portal().unwrap();
    assert!(portal.user_mapping && portal.url.is_none());
}

#[test]
fn imports_do_not_wait_in_a_circle() {
    insta::assert_snapshot!(findings_with(r#"
[[import]]
name = "a"
into = "sources"
from = "v"
after = ["c"]
[[import]]
name = "b"
into = "sources"
from = "v"
after = ["a"]
[[import]]
name = "c"
into = "sources"
from = "v"
after = ["b"]
[[import]]
name = "self"
into = "sources"
from = "v"
after = ["self"]
[[import]]
name = "behind"
into = "sources"
from = "v"
after = ["a"]
"#), @r#"
release.toml:13:9: `import["a"].after`: goes in a circle: a → c → b → a
release.toml:28:9: `import["self"].after`: goes in a circle: self → self
"#);
}

#[test]
fn a_staging_table_is_read_only_after_it_is_filled() {
    let import = |name: &str, into: &str, rest: &str| {
        format!("[[import]]\nname = \"{name}\"\ninto = \"{into}\"\n{rest}\n")
    };
    let areas = import("areas", "protected_areas", "from = \"v\"");
    let reading = |rest: &str| {
        import(
            "sources",
            "sources",
            &format!("query = \"SELECT 1 FROM {{{{ staging('protected_areas') }}}}\"\n{rest}"),
        )
    };
    insta::assert_snapshot!(findings_with(&format!("{areas}{}", reading(""))), @r#"release.toml:15:9: `import["sources"].query`: staging('protected_areas') is filled by the import `areas`; add it to `after`, so that it is done: after = ["areas"]"#);
    let later = import("areas", "protected_areas", "from = \"v\"\nphase = \"related\"");
    insta::assert_snapshot!(findings_with(&format!("{later}{}", reading(""))), @r#"release.toml:16:9: `import["sources"].query`: staging('protected_areas') is filled by the import `areas`; that runs in a later phase"#);
    super::parse(&format!("{SMALL}{areas}{}", reading("phase = \"related\"")));
    super::parse(&format!("{SMALL}{areas}{}", reading("after = [\"areas\"]")));
}

#[test]
fn checks_gates_hooks_and_swap_have_to_make_sense() {
    insta::assert_snapshot!(findings_with(r#"
[[preflight.not_empty]]
any_of = []
[[preflight.unique]]
view = "v"
key = []
[[preflight.geometry]]
view = "v"
column = "g"
bounds = [180, -90, -180, 90]
max_share = 1.5
max = 3
severity = "warn"
when = "import"
engine = "server"
[[preflight.query]]
name = "early"
sql = "SELECT 1 FROM {{ staging('sources') }}, {{ staging('source') }}"
[[preflight.query]]
name = "early"
sql = "SELECT 1"
max = 1
[[validate]]
table = "source"
max_shrink = 5
max_growth = -1
query = "SELECT 1 FROM {{ staging('countries') }}"
[[hook]]
on = "failed"
name = "a hook"
command = []
[[hook]]
on = "post_swap"
name = "sql"
sql = "NOTIFY {{ staging('x') }}"
required = true
timeout = "0s"
[[hook]]
on = "started"
phases = ["release_lock"]
name = "phases"
command = ["true"]
[[hook]]
on = "phase_complete"
phases = ["finalise_swap", "post_swap"]
name = "late"
command = ["true"]
required = true
[swap]
stall_budget = "10s"
lock_budget = "0s"
deadline = "1s"
"#), @r#"
release.toml:10:10: `preflight.not_empty[0].any_of`: must not be empty
release.toml:13:7: `preflight.unique["v"].key`: must not be empty
release.toml:17:10: `preflight.geometry["v"].bounds`: must be [xmin, ymin, xmax, ymax], the smaller ones first
release.toml:18:13: `preflight.geometry["v"].max_share`: must be a share of all rows, from 0.0 to 1.0
release.toml:19:7: `preflight.geometry["v"].max`: a check of severity "warn" stops nothing, however much it finds
release.toml:22:10: `preflight.geometry["v"].engine`: rows that an importer brings are judged by the program: leave out `engine`, or `when`
release.toml:25:7: `preflight.query["early"].sql`: staging('source'): `source` is no member of the release set; did you mean `sources`?
release.toml:25:7: `preflight.query["early"].sql`: tables have no staging yet when preflight runs; use `[[validate]]` for it
release.toml:27:8: `preflight.query["early"].name`: this name is taken by an earlier one
release.toml:31:9: `validate["source"].table`: `source` is no member of the release set; did you mean `sources`?
release.toml:32:14: `validate["source"].max_shrink`: must be a share of live's rows, from 0.0 to 1.0
release.toml:33:14: `validate["source"].max_growth`: must be a share of live's rows, 0.0 or more
release.toml:34:9: `validate["source"].query`: staging('countries'): `countries` is no member of the release set; add it to `release.tables` or `release.matviews`
release.toml:37:8: `hook["a hook"].name`: the name "a hook" is not allowed; use 1 to 63 letters, digits, `.`, `_` and `-`, starting with a letter or digit
release.toml:38:11: `hook["a hook"].command`: must not be empty
release.toml:42:7: `hook["sql"].sql`: staging('x'): `x` is no member of the release set; add it to `release.tables` or `release.matviews`
release.toml:43:12: `hook["sql"].required`: nothing can be refused at this point any more, so a failure here is only a warning; leave it out
release.toml:44:11: `hook["sql"].timeout`: must be at least 1ms
release.toml:47:10: `hook["phases"].phases`: only `on = "phase_complete"` is about phases
release.toml:47:10: `hook["phases"].phases`: the record is closed by then; the last phase with hooks is `cleanup_and_retention`
release.toml:55:12: `hook["late"].required`: nothing can be refused at this point any more, so a failure here is only a warning; leave it out
release.toml:58:15: `swap.lock_budget`: must be at least 1ms
release.toml:59:12: `swap.deadline`: must not be shorter than `swap.stall_budget`
"#);
}

#[test]
fn a_hook_has_one_action() {
    insta::assert_snapshot!(findings_with(r#"
[[hook]]
on = "failed"
name = "none"
[[hook]]
on = "failed"
name = "both"
sql = "SELECT 1"
command = ["true"]
"#), @r#"
release.toml:9:1: `hook["none"]`: needs an action: one of `http`, `command` and `sql`
release.toml:12:1: `hook["both"]`: has several actions (`command`, `sql`); keep one
"#);
}

#[test]
fn an_unknown_key_does_not_hide_what_makes_no_sense() {
    insta::assert_snapshot!(findings_with(r#"
[[validate]]
table = "source"
min_row = 1
"#), @r#"
release.toml:10:9: `validate["source"].table`: `source` is no member of the release set; did you mean `sources`?
release.toml:11:1: unknown key `validate["source"].min_row`; did you mean `min_rows`?
"#);
}

#[test]
fn findings_are_data() {
    let error = ReleaseFile::parse(&format!("{SMALL}schma = 1"), "release.toml").unwrap_err();
    assert_eq!(error.origin(), "release.toml");
    let [finding] = error.findings() else {
        panic!("{error}")
    };
    assert_eq!(
        (finding.kind, finding.key.as_str()),
        (FindingKind::UnknownKey, "target.schma")
    );
    assert_eq!(finding.position.map(|at| (at.line, at.column)), Some((8, 1)));
}

#[test]
fn importers_at_once_need_connections_and_no_foreign_keys() {
    insta::assert_snapshot!(findings_with(r#"pool_size = 5

[staging]
include_fks = true

[load]
jobs = 3
max_rate = "0kB"
"#), @r#"
release.toml:14:8: `load.jobs`: 3 importers at once take 6 connections, and `target.pool_size` is 5
release.toml:14:8: `load.jobs`: where foreign keys are there before the load (`staging.include_fks`) one importer runs after the other
release.toml:15:12: `load.max_rate`: nothing would ever arrive; leave it out for no limit
"#);
    insta::assert_snapshot!(findings_with("[load]\njobs = 0\n"), @"release.toml:9:8: `load.jobs`: somebody has to do the work; use 1 or more");
    insta::assert_snapshot!(findings_with(r#"
pool_size = 9

[[import]]
name = "keyed"
into = "sources"
from = "s"
key = ["id"]
ranges = 4

[[import]]
name = "keyless"
into = "sources"
from = "s"
ranges = 65

[[import]]
name = "inside"
into = "sources"
from = "s"
key = ["id"]
way = "server"
ranges = 2

[load]
jobs = 2
ranges = 0
"#), @r#"
release.toml:22:10: `import["keyless"].ranges`: more than 64 take more sessions than they are worth
release.toml:22:10: `import["keyless"].ranges`: they are ranges of a key; name a `key`
release.toml:30:10: `import["inside"].ranges`: needs rows that pass through the client; use the way "copy" or "auto"
release.toml:34:10: `load.ranges`: somebody has to do the work; use 1 or more
release.toml:34:10: `load.ranges`: 2 importers at once, by up to 4 ranges each, take 10 connections, and `target.pool_size` is 9
"#);
}

#[test]
fn free_disk_is_told_in_one_way_and_growth_is_a_share() {
    insta::assert_snapshot!(findings_with(r#"
[disk]
free = "10GB"
free_query = "SELECT 1"
growth = -0.1
"#), @r#"
release.toml:11:14: `disk.free_query`: `free` says it already; leave one out
release.toml:12:10: `disk.growth`: must be a share of live's size, 0.0 or more: 0.1 for a tenth more
"#);
}

#[test]
fn columns_that_change_on_their_way() {
    insta::assert_snapshot!(findings_with(r#"
[[import]]
name = "areas"
into = "protected_areas"
from = "portal_sites"
way = "server"
others = "by_names"
first_by = { key = [], ordr = ["site_pid"] }
[import.columns]
title = { fro = "name", null_if = "-" }
year = 7
iucn = { from = "iucn_cat", default = 1, lookup = { tabel = "iucn", match = "name", take = "id", unknown = "skip" } }
lat = { from = "geom", centroid = "latitud" }

[[import]]
name = "listed"
into = "sources"
csv = "x.csv"
first_by = { key = ["a"], order = ["b"] }
"#), @r#"
release.toml:14:10: `import["areas"].others`: unknown variant `by_names`, expected `leave_out` or `by_name`
release.toml:15:12: `import["areas"].first_by.order` is missing
release.toml:15:24: unknown key `import["areas"].first_by.ordr`; did you mean `order`?
release.toml:17:9: `import["areas"].columns.title.from` is missing
release.toml:17:11: unknown key `import["areas"].columns.title.fro`; did you mean `from`?
release.toml:17:35: `import["areas"].columns.title.null_if`: expected an array
release.toml:18:8: `import["areas"].columns.year`: invalid type: integer `7`, expected a string
release.toml:19:39: `import["areas"].columns.iucn.default`: invalid type: integer `1`, expected a string
release.toml:19:51: `import["areas"].columns.iucn.lookup.table` is missing
release.toml:19:53: unknown key `import["areas"].columns.iucn.lookup.tabel`; did you mean `table`?
release.toml:19:108: `import["areas"].columns.iucn.lookup.unknown`: unknown variant `skip`, expected one of `reject`, `null`, `add`
release.toml:20:35: `import["areas"].columns.lat.centroid`: unknown variant `latitud`, expected `latitude` or `longitude`
release.toml:26:12: `import["listed"].first_by` is out of place: a `csv` file's rows are taken as they are
"#);
    insta::assert_snapshot!(findings_with(r#"
[[import]]
name = "areas"
into = "protected_areas"
from = "portal_sites"
way = "server"
first_by = { key = [], order = ["site_pid", "site_pid"] }
[import.columns]
a = { from = "a", split = "", default = "x" }
b = { from = "b", split = ";" }
c = { from = "c", cast = true, centroid = "longitude" }
d = { from = "d", lookup = { table = "public.sources", match = "name", take = "id" } }
e = { from = "e", lookup = { table = "protected_areas", match = "name", take = "id", unknown = "add" } }

[[import]]
name = "plain"
into = "sources"
from = "portal_sources"
others = "by_name"
"#), @r#"
release.toml:14:20: `import["areas"].first_by.key`: must not be empty
release.toml:14:45: `import["areas"].first_by.order[1]`: "site_pid" is listed twice
release.toml:16:27: `import["areas"].columns.a.split`: a list needs something between its parts
release.toml:16:41: `import["areas"].columns.a.default`: has no meaning for the parts of a list: empty ones and those of `null_if` are left out
release.toml:17:27: `import["areas"].columns.b.split`: "a" is split already; one list can become rows
release.toml:18:43: `import["areas"].columns.c.centroid`: is made of a geometry: `split`, `null_if`, `default` and `cast` have no meaning beside it
release.toml:19:28: `import["areas"].columns.d.lookup`: sets rows aside, which needs rows that pass through the client; use the way "copy" or "auto", or unknown = "null"
release.toml:19:28: `import["areas"].columns.d.lookup`: staging('sources') is filled by the import `plain`; add it to `after`, so that it is done: after = ["plain"]
release.toml:20:28: `import["areas"].columns.e.lookup`: sets rows aside, which needs rows that pass through the client; use the way "copy" or "auto", or unknown = "null"
release.toml:20:96: `import["areas"].columns.e.lookup.unknown`: protected_areas is of the release set: importers fill it anew, and only tables outside the set are added to
release.toml:26:10: `import["plain"].others`: has no meaning without `columns`: all columns go by name then
"#);
}
