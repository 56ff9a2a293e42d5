//! Sets of tables that are alike, with twins in staging.

use anyhow::Result;
use cutover_testkit::TestDatabase;

/// Makes `tables` tables, live and staged, in a database that is empty: each with a serial, five indexes, a check and a
/// comment; every fourth refers to the one before, every tenth is read by a view together with the one after, and every
/// tenth is referred to from a table outside. The first so many tables of it are a set, too, where the number is 1 or
/// divisible by 4.
///
/// All `rows` are in the first table; the tables with views and keys from outside have ten each.
///
/// # Errors
/// The server's.
pub async fn create_tables(database: &TestDatabase, tables: u32, rows: u64) -> Result<()> {
    let mut sql = Vec::new();
    for prefix in ["", "staging_"] {
        for number in 1..=tables {
            let rows = if number == 1 { rows } else { 10 };
            sql.extend(table(prefix, number, rows));
        }
    }
    for number in 1..=tables {
        let this = table_name(number);
        if number % 10 == 1 && number < tables {
            let next = table_name(number + 1);
            sql.push(format!(
                "CREATE VIEW both_{this} AS SELECT a.id, a.code, b.area FROM {this} a JOIN {next} b USING (id); \
                 COMMENT ON VIEW both_{this} IS 'reads two members';\n"
            ));
        }
        if number % 10 == 3 {
            sql.push(format!(
                "CREATE TABLE outside_{number} (id serial PRIMARY KEY, of integer REFERENCES {this}); \
                 INSERT INTO outside_{number} (of) SELECT id FROM {this};\n"
            ));
        }
    }
    let sql = sql.concat();
    database.execute(&sql).await?;
    database.execute("VACUUM (FREEZE, ANALYZE)").await?;
    database.execute("CHECKPOINT").await
}

/// The table of this number, counted from 1.
#[must_use]
pub fn table_name(number: u32) -> String {
    format!("t{number:04}")
}

fn table(prefix: &str, number: u32, rows: u64) -> Vec<String> {
    let this = prefix.to_owned() + &table_name(number);
    let mut sql = vec![format!(
        "CREATE TABLE {this} (id serial PRIMARY KEY, code integer NOT NULL, other integer, \
           seen timestamptz NOT NULL DEFAULT now(), area double precision, CONSTRAINT area_is_one CHECK (area >= 0)); \
         INSERT INTO {this} (code, area) SELECT n, n / 2.0 FROM generate_series(1, {rows}) n; \
         ALTER TABLE {this} ADD CONSTRAINT {this}_code_key UNIQUE (code); \
         CREATE INDEX {this}_other ON {this} (other) WHERE other > 0; \
         CREATE INDEX {this}_seen ON {this} (seen DESC, code); \
         CREATE INDEX {this}_area ON {this} (abs(area)); \
         COMMENT ON TABLE {this} IS 'number {number}';\n"
    )];
    if number.is_multiple_of(4) {
        let before = prefix.to_owned() + &table_name(number - 1);
        sql.push(format!(
            "ALTER TABLE {this} ADD CONSTRAINT to_other FOREIGN KEY (other) REFERENCES {before};\n"
        ));
    }
    sql
}
