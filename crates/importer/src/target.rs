//! The columns of the table that is filled, as the catalog has them.

use cutover_core::{Ident, QualifiedName};
use tokio_postgres::GenericClient;

/// A table and what an import must know of it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) columns: Vec<TargetColumn>,
    /// Triggers that will fire for every row.
    pub(crate) triggers: i64,
    /// A publication that it, or a partition of it, is in.
    pub(crate) published_by: Option<Ident>,
}

#[derive(Debug, Clone)]
pub(crate) struct TargetColumn {
    pub(crate) name: Ident,
    /// The type as people write it, with its modifier.
    pub(crate) type_text: String,
    /// The type below any domain, without a modifier: what the source is cast to.
    pub(crate) base_type: QualifiedName,
    pub(crate) without_value: WithoutValue,
    pub(crate) not_null: bool,
    /// Whether its binary form means the same in every database.
    pub(crate) portable: bool,
}

/// What becomes of a column that an import does not fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithoutValue {
    /// The row is refused: NOT NULL without a default.
    Refused,
    /// It gets its default, or NULL.
    Default,
    /// It gets the next number, and INSERT refuses any other unless told to take it: GENERATED ALWAYS AS IDENTITY.
    Identity,
    /// The server computes it, and nobody may give it a value.
    Generated,
}

/// Arrays and composites carry the OIDs of their parts in their binary form, which differ from database to database
/// for types that `initdb` did not make (OIDs from 16384).
const COLUMNS: &str = "\
SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), bn.nspname::text, b.typname::text, \
       CASE WHEN a.attgenerated <> '' THEN 'generated' WHEN a.attidentity = 'a' THEN 'identity' \
            WHEN a.attidentity = 'd' OR a.atthasdef OR t.typdefault IS NOT NULL \
              OR NOT (a.attnotnull OR t.typnotnull) THEN 'default' ELSE 'refused' END, \
       b.typreceive <> 0 AND b.typtype <> 'c' AND (b.typcategory <> 'A' OR b.typelem < 16384), \
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger g \
         WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgenabled IN ('O', 'A')), \
       a.attnotnull OR t.typnotnull \
  FROM pg_catalog.pg_class c \
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
  LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
  LEFT JOIN LATERAL ( \
       WITH RECURSIVE up AS ( \
            SELECT t.oid, t.typtype, t.typbasetype \
             UNION ALL \
            SELECT d.oid, d.typtype, d.typbasetype \
              FROM up JOIN pg_catalog.pg_type d ON d.oid = up.typbasetype WHERE up.typtype = 'd') \
       SELECT up.oid FROM up WHERE up.typtype <> 'd') base ON true \
  LEFT JOIN pg_catalog.pg_type b ON b.oid = base.oid \
  LEFT JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace \
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') \
 ORDER BY a.attnum";

/// Whatever takes it in: a list, its schema, or all tables.
const PUBLISHED: &str = "\
SELECT p.pubname::pg_catalog.text \
  FROM pg_catalog.pg_class t \
  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace \
  JOIN LATERAL (SELECT t.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(t.oid)) tree ON true \
  JOIN pg_catalog.pg_class c ON c.oid = tree.oid \
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
  JOIN pg_catalog.pg_publication_tables p ON p.schemaname = n.nspname AND p.tablename = c.relname \
 WHERE tn.nspname = $1 AND t.relname = $2 \
 ORDER BY 1 LIMIT 1";

impl Target {
    /// Reads a table; `None` when there is none of that name.
    pub(crate) async fn read(
        client: &impl GenericClient,
        table: &QualifiedName,
    ) -> Result<Option<Self>, tokio_postgres::Error> {
        let rows = client
            .query(COLUMNS, &[&table.schema.as_str(), &table.name.as_str()])
            .await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let triggers = first.get(6);
        let mut columns = Vec::with_capacity(rows.len());
        for row in &rows {
            let ident = |n| row.get::<_, Option<String>>(n).map(Ident::new);
            // A table without columns is one row of NULLs.
            let (Some(Ok(name)), Some(Ok(schema)), Some(Ok(base))) = (ident(0), ident(2), ident(3)) else {
                continue;
            };
            columns.push(TargetColumn {
                name,
                type_text: row.get(1),
                base_type: QualifiedName::new(schema, base),
                without_value: match row.get::<_, &str>(4) {
                    "generated" => WithoutValue::Generated,
                    "identity" => WithoutValue::Identity,
                    "default" => WithoutValue::Default,
                    _ => WithoutValue::Refused,
                },
                not_null: row.get(7),
                portable: row.get(5),
            });
        }
        let published = client
            .query_opt(PUBLISHED, &[&table.schema.as_str(), &table.name.as_str()])
            .await?;
        Ok(Some(Self {
            columns,
            triggers,
            published_by: published.and_then(|row| Ident::new(row.get::<_, String>(0)).ok()),
        }))
    }
}
