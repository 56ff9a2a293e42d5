//! What there is: live tables, and what could be imported from.

use std::collections::BTreeSet;

use cutover_core::{Ident, ObjectKind, ObjectName, QualifiedName, StatementError};
use serde::Deserialize;
use serde_json::Value;
use tokio_postgres::{Client, Row};

/// A table, or something to import from.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) kind: Kind,
    pub(super) name: QualifiedName,
    pub(super) rows: u64,
    pub(super) columns: Vec<Column>,
    /// What is unique, the primary key first.
    pub(super) keys: Vec<Vec<String>>,
    /// Tables that its foreign keys refer to.
    pub(super) refers_to: Vec<u32>,
    /// What its query reads.
    pub(super) reads: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    View,
    MaterializedView,
    ForeignTable,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    /// As the server prints it, with its modifiers.
    #[serde(rename = "type")]
    pub(super) type_name: String,
    /// The bare name of its type; of a domain that of what it rests on.
    pub(super) family: String,
    pub(super) not_null: bool,
    /// Whether a default or a sequence fills it in.
    pub(super) filled: bool,
    pub(super) generated: bool,
}

impl Relation {
    /// Whether it would be rebuilt for a release of this schema's tables, and go live with them.
    pub(super) fn is_matview_of(&self, schema: &Ident) -> bool {
        self.kind == Kind::MaterializedView && self.name.schema == *schema
    }
}

/// The live tables of a schema, and the sources.
#[derive(Debug, Clone, Default)]
pub(super) struct Landscape {
    pub(super) database: String,
    pub(super) tables: Vec<Relation>,
    pub(super) sources: Vec<Relation>,
}

impl Column {
    /// Whether an import has to fill it.
    pub(super) fn is_required(&self) -> bool {
        self.not_null && !self.filled && !self.generated
    }

    pub(super) fn is_geometry(&self) -> bool {
        self.family == "geometry"
    }

    /// Of `geometry(MultiPolygon,4326)` the type, where there is one, and the SRID.
    pub(super) fn geometry_modifier(&self) -> Option<(&str, i32)> {
        let (_, modifier) = self.type_name.split_once('(')?;
        let (kind, srid) = modifier.strip_suffix(')')?.split_once(',')?;
        Some((kind.trim_end_matches(['Z', 'M']), srid.trim().parse().ok()?))
    }
}

impl Landscape {
    /// Reads the catalog. Without schemas of the portal, whatever reads a foreign table is a source.
    pub(super) async fn read(
        client: &Client,
        schema: &Ident,
        portal_schemas: &[Ident],
    ) -> Result<Self, StatementError> {
        let portal: Vec<&str> = portal_schemas.iter().map(Ident::as_str).collect();
        let rows = client
            .query(include_str!("sql/relations.sql"), &[&schema.as_str(), &portal])
            .await
            .map_err(|error| {
                let object = ObjectName::global(ObjectKind::Schema, schema);
                StatementError::new("look for tables and sources beside", object, error)
            })?;
        let database = client
            .query_one("SELECT pg_catalog.current_database()::pg_catalog.text", &[])
            .await
            .map_err(|error| {
                let object = ObjectName::global(ObjectKind::Schema, schema);
                StatementError::new("ask for the database of", object, error)
            })?;
        let mut landscape = Self {
            database: database.get(0),
            ..Self::default()
        };
        for row in &rows {
            // The server's own names: they are none only when they are longer than this server's can be.
            let Some(relation) = relation(row) else { continue };
            if row.get("is_source") {
                landscape.sources.push(relation);
            } else {
                landscape.tables.push(relation);
            }
        }
        Ok(landscape)
    }

    /// Sources that can be imported from: of foreign tables those that no view stands for; of plain views over materialized
    /// views none where these are of `schema`, since such a view goes on reading the live ones, which hold the last release.
    pub(super) fn sources_to_import(&self, schema: &Ident) -> impl Iterator<Item = &Relation> {
        self.sources.iter().filter(move |source| match source.kind {
            Kind::ForeignTable => self
                .sources
                .iter()
                .all(|reader| !reader.reads.contains(&source.oid)),
            Kind::View => {
                let behind = self.behind([source.oid]);
                self.sources
                    .iter()
                    .all(|other| !behind.contains(&other.oid) || !other.is_matview_of(schema))
            }
            Kind::Table | Kind::MaterializedView => true,
        })
    }

    /// These relations and all that their queries read, directly or through other sources.
    pub(super) fn behind(&self, these: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
        let mut waiting: Vec<u32> = these.into_iter().collect();
        let mut behind = BTreeSet::new();
        while let Some(oid) = waiting.pop() {
            if behind.insert(oid) {
                let source = self.sources.iter().find(|source| source.oid == oid);
                waiting.extend(source.into_iter().flat_map(|source| &source.reads));
            }
        }
        behind
    }
}

fn relation(row: &Row) -> Option<Relation> {
    let ident = |column: &str| Ident::new(row.get::<_, &str>(column)).ok();
    Some(Relation {
        oid: row.get("oid"),
        kind: match row.get::<_, &str>("kind") {
            "v" => Kind::View,
            "m" => Kind::MaterializedView,
            "f" => Kind::ForeignTable,
            _ => Kind::Table,
        },
        name: QualifiedName::new(ident("schema")?, ident("name")?),
        rows: u64::try_from(row.get::<_, i64>("rows")).unwrap_or(0),
        columns: serde_json::from_value(row.get::<_, Value>("columns")).ok()?,
        keys: serde_json::from_value(row.get::<_, Value>("keys")).ok()?,
        refers_to: row.get("refers_to"),
        reads: row.get("reads"),
    })
}
