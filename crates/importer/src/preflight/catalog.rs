//! The relations that checks are about, read once for all of them.

use std::collections::{BTreeMap, BTreeSet};

use cutover_core::{Ident, QualifiedName};
use tokio_postgres::GenericClient;

/// Columns by name, with the OID of their type and the type as people write it.
type Columns = BTreeMap<String, (u32, String)>;

/// What the catalog says about the relations checked.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    relations: BTreeMap<QualifiedName, Columns>,
    /// Rows as the last `ANALYZE` counted them, where it did.
    rows: BTreeMap<QualifiedName, u64>,
    types: BTreeMap<String, Option<u32>>,
    pub(super) postgis: Option<Ident>,
}

const COLUMNS: &str = "\
SELECT w.schema, w.name, a.attname::text, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod), \
       CASE WHEN c.relkind <> 'v' AND c.reltuples > 0 THEN c.reltuples::pg_catalog.int8 END \
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.text[]), pg_catalog.unnest($2::pg_catalog.text[])) \
       AS w(schema, name) \
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema \
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name \
                            AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped";

/// The schema that PostGIS is in, where it is installed.
pub(crate) async fn postgis_schema(
    client: &impl GenericClient,
) -> Result<Option<Ident>, tokio_postgres::Error> {
    let row = client
        .query_opt(
            "SELECT n.nspname::text FROM pg_catalog.pg_extension e \
               JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis'",
            &[],
        )
        .await?;
    Ok(row.and_then(|row| Ident::new(row.get::<_, &str>(0)).ok()))
}

impl Catalog {
    pub(super) async fn read(
        client: &impl GenericClient,
        relations: &BTreeSet<&QualifiedName>,
        types: &BTreeSet<&str>,
    ) -> Result<Self, tokio_postgres::Error> {
        let mut catalog = Self::default();
        let schemas: Vec<&str> = relations.iter().map(|name| name.schema.as_str()).collect();
        let names: Vec<&str> = relations.iter().map(|name| name.name.as_str()).collect();
        for row in client.query(COLUMNS, &[&schemas, &names]).await? {
            let (Ok(schema), Ok(name)) = (
                Ident::new(row.get::<_, &str>(0)),
                Ident::new(row.get::<_, &str>(1)),
            ) else {
                continue;
            };
            let relation = QualifiedName::new(schema, name);
            let rows = row
                .get::<_, Option<i64>>(5)
                .and_then(|rows| u64::try_from(rows).ok());
            if let Some(rows) = rows {
                catalog.rows.insert(relation.clone(), rows);
            }
            let columns = catalog.relations.entry(relation).or_default();
            if let Some(column) = row.get::<_, Option<String>>(2) {
                columns.insert(column, (row.get(3), row.get(4)));
            }
        }
        let wanted: Vec<&str> = types.iter().copied().collect();
        let found = client
            .query(
                "SELECT t.name, pg_catalog.to_regtype(t.name)::pg_catalog.oid \
                   FROM pg_catalog.unnest($1::pg_catalog.text[]) AS t(name)",
                &[&wanted],
            )
            .await?;
        catalog.types = found.iter().map(|row| (row.get(0), row.get(1))).collect();
        catalog.postgis = postgis_schema(client).await?;
        Ok(catalog)
    }

    pub(super) fn has(&self, relation: &QualifiedName) -> bool {
        self.relations.contains_key(relation)
    }

    /// How many rows the statistics expect, where they say so.
    pub(super) fn expected_rows(&self, relation: &QualifiedName) -> Option<u64> {
        self.rows.get(relation).copied()
    }

    /// Those of the columns that the relation does not have.
    pub(super) fn missing<'a>(
        &self,
        relation: &QualifiedName,
        columns: impl IntoIterator<Item = &'a Ident>,
    ) -> Vec<Ident> {
        let known = self.relations.get(relation);
        columns
            .into_iter()
            .filter(|column| known.is_none_or(|known| !known.contains_key(column.as_str())))
            .cloned()
            .collect()
    }

    /// The type that a column has instead of the one expected.
    pub(super) fn other_type(
        &self,
        relation: &QualifiedName,
        column: &Ident,
        expected: &str,
    ) -> Option<&str> {
        let (oid, text) = self.relations.get(relation)?.get(column.as_str())?;
        let wanted = self.types.get(expected).copied().flatten();
        (wanted != Some(*oid)).then_some(text.as_str())
    }
}
