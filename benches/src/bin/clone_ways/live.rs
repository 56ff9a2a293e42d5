//! The tables that are cloned, and whether the clones are all there.

use anyhow::{Result, ensure};
use cutover_core::Ident;
use cutover_testkit::{Cluster, TestDatabase};

/// A database with the live tables, copied for each turn.
pub(crate) struct Live {
    pub(crate) cluster: Cluster,
    template: TestDatabase,
    tables: u32,
    parts: String,
}

/// What of the tables whose names begin with `$prefix` is counted: tables, valid indexes, constraints by kind, and
/// sequences.
const PARTS: &str = "SELECT (SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE '$prefix%') || ' tables, ' \
     || (SELECT count(*) FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid \
          WHERE x.indisvalid AND c.relname LIKE '$prefix%') || ' indexes, ' \
     || (SELECT string_agg(n || ' of ' || kind, ', ' ORDER BY kind) \
           FROM (SELECT contype::text AS kind, count(*) AS n FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
                  WHERE k.convalidated AND c.relname LIKE '$prefix%' GROUP BY contype) kinds) \
     || ', ' || (SELECT count(*) FROM pg_class WHERE relkind = 'S' AND relname LIKE '$prefix%') || ' sequences'";

impl Live {
    pub(crate) async fn start(tables: u32) -> Result<Self> {
        let cluster = Cluster::builder()
            .setting("max_locks_per_transaction", "512")
            .start()?;
        let template = cluster.empty_database().await?;
        let pairs = || (1..=tables).map(|number| (number, name(number), name((number % tables) + 1)));
        let created = pairs().map(|(number, this, other)| {
            format!(
                "CREATE TABLE {this} (id serial PRIMARY KEY, code text NOT NULL UNIQUE, other integer, \
                   seen timestamptz NOT NULL DEFAULT now(), area double precision CHECK (area >= 0)); \
                 CREATE INDEX {this}_other ON {this} (other) WHERE other > 0; \
                 CREATE INDEX {this}_seen ON {this} (seen DESC, code); \
                 CREATE INDEX {this}_lower ON {this} (lower(code)); \
                 COMMENT ON TABLE {this} IS 'number {number}, beside {other}';\n"
            )
        });
        let keyed = pairs().map(|(_, this, other)| {
            format!("ALTER TABLE {this} ADD CONSTRAINT to_other FOREIGN KEY (other) REFERENCES {other};\n")
        });
        let sql: Vec<String> = created.chain(keyed).collect();
        let sql = sql.concat();
        template.execute(&sql).await?;
        template.execute("VACUUM ANALYZE").await?;
        let parts = template.query_text(&PARTS.replace("$prefix", "t")).await?;
        Ok(Self {
            cluster,
            template,
            tables,
            parts,
        })
    }

    pub(crate) fn version(&self) -> u16 {
        self.cluster.version()
    }

    pub(crate) fn members(&self) -> Result<Vec<Ident>> {
        (1..=self.tables)
            .map(|number| Ok(Ident::new(name(number))?))
            .collect()
    }

    /// The live tables in a database of their own, with nothing left to write of the one before.
    pub(crate) async fn copy(&self) -> Result<TestDatabase> {
        let database = self.cluster.copy_of(&self.template).await?;
        database.execute("CHECKPOINT").await?;
        Ok(database)
    }

    pub(crate) async fn check(&self, database: &TestDatabase) -> Result<()> {
        let cloned = database
            .query_text(&PARTS.replace("$prefix", "staging_t"))
            .await?;
        ensure!(cloned == self.parts, "cloned {cloned} instead of {}", self.parts);
        Ok(())
    }
}

fn name(number: u32) -> String {
    format!("t{number:04}")
}
