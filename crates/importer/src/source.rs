//! The columns of a source, and how their types fit the target's.

use std::collections::BTreeSet;

use cutover_core::{Ident, QualifiedName, Sql};
use serde_json::Value;
use tokio_postgres::GenericClient;

use crate::mapping::Mapping;
use crate::target::Target;

/// A relation or query, as the session that reads it sees it.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// What stands behind `FROM`, without the alias.
    pub(crate) from: Sql,
    pub(crate) columns: Vec<SourceColumn>,
    /// The planner's estimate.
    pub(crate) expected: Option<u64>,
    /// The relations it scans, for the locks it takes.
    pub(crate) reads: Vec<QualifiedName>,
    /// Whether a foreign data wrapper reads some of it.
    pub(crate) is_foreign: bool,
    /// Whether it says of rows why they are to be set aside, in a column that is no table's.
    pub(crate) has_verdicts: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct SourceColumn {
    pub(crate) name: Ident,
    pub(crate) type_oid: u32,
}

/// A query as a sub-select. The line break keeps a closing `--` comment from swallowing the parenthesis.
pub(crate) fn sub_select(query: &str) -> Sql {
    let query = query.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    Sql::text("(").append(&Sql::operator_query(query)).then("\n)")
}

impl Rows {
    /// Asks the server for the columns of a source, and its planner for what it would read. Reads no row.
    pub(crate) async fn read(client: &impl GenericClient, from: Sql) -> Result<Self, tokio_postgres::Error> {
        // Only described, never executed: the statements that move rows list their columns.
        let select = Sql::text("SELECT * FROM ").append(&from).then(" AS s");
        let described = client.prepare(select.as_str()).await?;
        let columns = described
            .columns()
            .iter()
            .filter_map(|column| {
                // PostgreSQL gives every column a name that can be quoted, so none is lost here.
                let name = Ident::new(column.name()).ok()?;
                Some(SourceColumn {
                    name,
                    type_oid: column.type_().oid(),
                })
            })
            .collect();
        let explain = Sql::text("EXPLAIN (FORMAT JSON, VERBOSE) ").append(&select);
        let explained: Value = client.query_one(explain.as_str(), &[]).await?.get(0);
        let plan = explained.pointer("/0/Plan").unwrap_or(&Value::Null);
        let mut reads = BTreeSet::new();
        scanned(plan, &mut reads);
        Ok(Self {
            from,
            columns,
            expected: plan.get("Plan Rows").and_then(Value::as_u64),
            reads: reads.into_iter().collect(),
            is_foreign: has_foreign_scan(plan),
            has_verdicts: false,
        })
    }

    pub(crate) fn labels(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }
}

/// Collects the relations that a plan scans, wherever in its tree.
fn scanned(plan: &Value, found: &mut BTreeSet<QualifiedName>) {
    let text = |key| plan.get(key).and_then(Value::as_str).map(Ident::new);
    if let (Some(Ok(schema)), Some(Ok(name))) = (text("Schema"), text("Relation Name")) {
        found.insert(QualifiedName::new(schema, name));
    }
    for child in plan.get("Plans").and_then(Value::as_array).into_iter().flatten() {
        scanned(child, found);
    }
}

/// Whether a plan has a foreign scan, wherever in its tree. One of several relations together names none of them.
fn has_foreign_scan(plan: &Value) -> bool {
    let children = plan.get("Plans").and_then(Value::as_array);
    plan.get("Node Type").and_then(Value::as_str) == Some("Foreign Scan")
        || children.into_iter().flatten().any(has_foreign_scan)
}

/// How one source column becomes one target column.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub(crate) source_type: String,
    pub(crate) conversion: Conversion,
    /// The source can send its binary form, and it is one that can travel between databases.
    pub(crate) portable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// The same type below any domain.
    None,
    /// PostgreSQL converts on assignment; the type as the source's database names it.
    Assign(QualifiedName),
    /// A text for a type that the source's database does not have: the target's input function reads it.
    TextForm,
    /// PostgreSQL would not assign the one to the other.
    Impossible,
}

/// The rules of PostgreSQL's `find_coercion_pathway` for assignments: a cast of context `a` or `i` between the base
/// types, or any type to a string type; between two arrays the same of their elements. Both ways of importing follow
/// it, so a source that one way takes, the other takes too.
const FITS: &str = "\
WITH RECURSIVE pair AS ( \
     SELECT p.n, p.src, d.oid AS dst \
       FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.text[]), \
                       pg_catalog.unnest($3::pg_catalog.text[])) \
            WITH ORDINALITY AS p(src, schema, name, n) \
       LEFT JOIN LATERAL ( \
            SELECT t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace \
             WHERE t.typname = p.name AND (tn.nspname = p.schema OR pg_catalog.pg_type_is_visible(t.oid) \
                   OR EXISTS (SELECT FROM pg_catalog.pg_depend e \
                               WHERE e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass \
                                 AND e.objid = t.oid AND e.deptype = 'e')) \
             ORDER BY tn.nspname = p.schema DESC, pg_catalog.pg_type_is_visible(t.oid) DESC LIMIT 1) d ON true), \
base AS ( \
     SELECT n, dst, t.oid, t.typtype, t.typbasetype FROM pair JOIN pg_catalog.pg_type t ON t.oid = src \
      UNION ALL \
     SELECT b.n, b.dst, t.oid, t.typtype, t.typbasetype \
       FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd') \
SELECT p.n, pg_catalog.format_type(p.src, NULL), s.oid = d.oid, dn.nspname::text, d.typname::text, \
       d.typcategory = 'S' \
       OR (s.typcategory = 'A' AND EXISTS (SELECT FROM pg_catalog.pg_type e \
                                            WHERE d.typcategory = 'A' AND e.oid = d.typelem AND e.typcategory = 'S')) \
       OR EXISTS (SELECT FROM pg_catalog.pg_cast c WHERE c.castcontext IN ('a', 'i') \
                   AND ((c.castsource = s.oid AND c.casttarget = d.oid) \
                     OR (s.typcategory = 'A' AND d.typcategory = 'A' \
                         AND c.castsource = s.typelem AND c.casttarget = d.typelem))), \
       s.typcategory = 'S', \
       s.typsend <> 0 AND s.typtype <> 'c' AND (s.typcategory <> 'A' OR s.typelem < 16384) \
  FROM pair p \
  JOIN base b ON b.n = p.n AND b.typtype <> 'd' \
  JOIN pg_catalog.pg_type s ON s.oid = b.oid \
  LEFT JOIN pg_catalog.pg_type d ON d.oid = p.dst \
  LEFT JOIN pg_catalog.pg_namespace dn ON dn.oid = d.typnamespace \
 ORDER BY p.n";

/// Asks the source's database how each mapped column fits, in the order of the mapping.
pub(crate) async fn read_fits(
    client: &impl GenericClient,
    mapping: &Mapping,
    target: &Target,
    source: &Rows,
) -> Result<Vec<Fit>, tokio_postgres::Error> {
    let pairs = || {
        mapping
            .pairs
            .iter()
            .map(|pair| (&target.columns[pair.target], &source.columns[pair.source]))
    };
    let oids: Vec<u32> = pairs().map(|(_, source)| source.type_oid).collect();
    let schemas: Vec<&str> = pairs()
        .map(|(target, _)| target.base_type.schema.as_str())
        .collect();
    let names: Vec<&str> = pairs()
        .map(|(target, _)| target.base_type.name.as_str())
        .collect();
    let rows = client.query(FITS, &[&oids, &schemas, &names]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let found = |n| {
                row.get::<_, Option<String>>(n)
                    .and_then(|name| Ident::new(name).ok())
            };
            let conversion = match (found(3), found(4)) {
                (Some(_), Some(_)) if row.get(2) => Conversion::None,
                (Some(schema), Some(name)) if row.get(5) => {
                    Conversion::Assign(QualifiedName::new(schema, name))
                }
                (None, _) if row.get(6) => Conversion::TextForm,
                _ => Conversion::Impossible,
            };
            Fit {
                source_type: row.get(1),
                conversion,
                portable: row.get(7),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_closed_whatever_its_end() {
        assert_eq!(sub_select("SELECT 1 ;\n").as_str(), "(SELECT 1\n)");
        assert_eq!(sub_select("SELECT 1 -- one").as_str(), "(SELECT 1 -- one\n)");
    }

    #[test]
    fn scans_are_found_at_any_depth() {
        let plan = serde_json::json!({"Node Type": "Limit", "Plans": [
            {"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "b"},
            {"Node Type": "Sort", "Plans": [{"Node Type": "Foreign Scan", "Schema": "f", "Relation Name": "a"}]}]});
        let mut found = BTreeSet::new();
        scanned(&plan, &mut found);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, [r#""f"."a""#, r#""public"."b""#]);
        assert!(has_foreign_scan(&plan) && !has_foreign_scan(&plan["Plans"][0]));
    }
}
