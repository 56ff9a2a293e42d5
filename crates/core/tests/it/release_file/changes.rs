//! What can be wrong with a declared change.

use super::findings_with;

#[test]
fn a_declared_change_is_of_something_and_said_once() {
    insta::assert_snapshot!(findings_with(r#"
[[change]]
table = "source"
why = "nothing"
sql = "ALTER TABLE {{ staging('protected_area') }} ADD COLUMN x text"

[[change]]
table = "sources"
ad = { columns = ["a"] }
drop = { index = ["b"], columns = [] }

[[change]]
table = "sources"
add = { indexes = ["i", "i"] }
drop = { indexes = ["i"] }
alter = { table = ["comment", "comment"], columns = { a = [] }, indexes = { i = ["definition"] } }
"#), @r#"
release.toml:9:1: `change["source"]`: declares no change; say with `add`, `drop` and `alter` what will differ from live
release.toml:10:9: `change["source"].table`: `source` is no member of the release set; did you mean `sources`?
release.toml:12:7: `change["source"].sql`: staging('protected_area'): `protected_area` is no member of the release set; did you mean `protected_areas`?
release.toml:16:1: unknown key `change["sources"].ad`; did you mean `add`?
release.toml:17:10: unknown key `change["sources"].drop.index`; the keys here are: `columns`, `constraints`, `indexes`, `triggers`, `sequences`, `statistics`, `policies`, `rules`
release.toml:17:35: `change["sources"].drop.columns`: must not be empty
release.toml:21:25: `change["sources"].add.indexes[1]`: index "i" of "sources" is declared already; one that is replaced under its name is altered
release.toml:22:21: `change["sources"].drop.indexes[0]`: index "i" of "sources" is declared already; one that is replaced under its name is altered
release.toml:23:31: `change["sources"].alter.table[1]`: "comment" is listed twice
release.toml:23:59: `change["sources"].alter.columns.a`: must not be empty
release.toml:23:81: `change["sources"].alter.indexes.i`: index "i" of "sources" is declared already; one that is replaced under its name is altered
"#);
    insta::assert_snapshot!(findings_with(r#"
[[change]]
table = "sources"
add = ["a"]
drop = { columns = "a" }
alter = { columns = ["a"] }
"#), @r#"
release.toml:11:7: `change["sources"].add`: expected a table `[change["sources"].add]`
release.toml:12:20: `change["sources"].drop.columns`: expected an array
release.toml:13:21: `change["sources"].alter.columns`: invalid type: sequence, expected a table
"#);
}
