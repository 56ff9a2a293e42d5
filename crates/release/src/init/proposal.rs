//! From what there is to what a release could be: no connection, no text.

use std::collections::BTreeSet;

use cutover_core::release_file::RelationRef;
use cutover_core::{Ident, QualifiedName};
use serde::Serialize;

use super::landscape::{Column, Kind, Landscape, Relation};
use super::likeness::{Pairing, is_named_after, pair};
use super::safe_name;

/// What a release file is proposed to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Proposal {
    /// The release set's name.
    pub name: String,
    /// The schema of the tables.
    pub schema: Ident,
    /// The tables, each after those that it refers to.
    pub tables: Vec<Ident>,
    /// The materialized views that go live with them, in the order of their dependencies.
    pub matviews: Vec<Ident>,
    /// All materialized views that importers read, in that order.
    pub refresh: Vec<String>,
    /// The importers.
    pub imports: Vec<ProposedImport>,
    /// Tables outside the set that refer to it, for which no source was found.
    pub left_out: Vec<Ident>,
    /// Tables that a source fits, but that a source reads: they may be what is imported from.
    pub read_by_sources: Vec<Ident>,
    #[serde(skip)]
    pub(super) gates: Vec<Gate>,
}

/// An importer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProposedImport {
    /// Its name.
    pub name: String,
    /// The table that it fills.
    pub into: Ident,
    /// What it reads.
    pub from: String,
    /// The columns that it fills, and those they are filled from.
    pub columns: Vec<(String, String)>,
    /// Those of them for which only likeness of name and type speaks.
    pub guessed: Vec<String>,
    /// Columns that must not be NULL and for which nothing was found, with their types: to be filled in by hand.
    pub missing: Vec<(String, String)>,
    /// Columns that stay NULL, or at their default.
    pub unfilled: Vec<String>,
    /// Columns of the table that tell its rows apart.
    pub key: Vec<String>,
    #[serde(skip)]
    pub(super) geometry: Option<Geometry>,
    #[serde(skip)]
    pub(super) source: QualifiedName,
    /// Whether it is a materialized view of the set.
    #[serde(skip)]
    pub(super) is_member: bool,
}

/// What is known of a source's geometries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) column: String,
    pub(super) srid: Option<i32>,
    pub(super) types: Vec<&'static str>,
}

/// What must hold for a table before the swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gate {
    pub(super) table: Ident,
    /// Whether live has rows to compare with.
    pub(super) has_rows: bool,
}

/// A source for a table, and how well it fits.
struct Fit<'a> {
    source: &'a Relation,
    pairings: Vec<Pairing>,
    key: Vec<String>,
    score: (bool, usize, usize),
}

impl Proposal {
    /// What `landscape` suggests: of `only` these tables, where any are named. There may be nothing that fits.
    pub(super) fn compute(name: String, schema: Ident, landscape: &Landscape, only: &[Ident]) -> Self {
        let mut fits: Vec<(&Relation, Vec<Fit<'_>>)> = Vec::new();
        let mut read_by_sources = Vec::new();
        for table in &landscape.tables {
            if !only.is_empty() && !only.contains(&table.name.name) {
                continue;
            }
            let best = best_fits(table, landscape, &schema);
            let is_read = |source: &Relation| source.reads.contains(&table.oid);
            if best.is_empty() {
                continue;
            }
            if landscape.sources.iter().any(is_read) {
                // A materialized view over tables of the set is empty while these are imported.
                read_by_sources.push(table.name.name.clone());
            } else {
                fits.push((table, best));
            }
        }
        let members: BTreeSet<u32> = fits.iter().map(|(table, _)| table.oid).collect();
        let fits = in_order(fits, |(table, _)| table.oid, |(table, _)| &table.refers_to);
        let views = matviews_behind(&fits, landscape);
        let mut imports = Vec::new();
        for (table, best) in &fits {
            for fit in best {
                imports.push(fit.import(table, best.len() > 1, &schema));
            }
        }
        let left_out = landscape
            .tables
            .iter()
            .filter(|table| !members.contains(&table.oid))
            .filter(|table| table.refers_to.iter().any(|oid| members.contains(oid)))
            .map(|table| table.name.name.clone());
        Self {
            name,
            left_out: left_out.collect(),
            read_by_sources,
            tables: fits.iter().map(|(table, _)| table.name.name.clone()).collect(),
            matviews: views
                .iter()
                .filter(|view| view.is_matview_of(&schema))
                .map(|view| view.name.name.clone())
                .collect(),
            refresh: views.iter().map(|view| reference(view, &schema)).collect(),
            gates: fits
                .iter()
                .map(|(table, _)| Gate {
                    table: table.name.name.clone(),
                    has_rows: table.rows > 0,
                })
                .collect(),
            schema,
            imports,
        }
    }
}

/// The sources that fit a table best: several only where they fit alike, as points and polygons of the same form do, and none of
/// them reads another one, whose rows would come twice.
fn best_fits<'a>(table: &Relation, landscape: &'a Landscape, schema: &Ident) -> Vec<Fit<'a>> {
    let mut fits: Vec<Fit<'a>> = landscape
        .sources_to_import(schema)
        .filter_map(|source| Fit::of(table, source))
        .collect();
    let Some(best) = fits.iter().map(|fit| fit.score).max() else {
        return Vec::new();
    };
    fits.retain(|fit| fit.score == best);
    let first = fits.first().map(|fit| fit.pairings.clone());
    fits.retain(|fit| Some(&fit.pairings) == first.as_ref());
    let alike: BTreeSet<u32> = fits.iter().map(|fit| fit.source.oid).collect();
    fits.retain(|fit| landscape.behind([fit.source.oid]).intersection(&alike).count() == 1);
    fits
}

impl<'a> Fit<'a> {
    /// `None` where too little speaks for it: neither the name nor two columns and a key, or all that is needed.
    fn of(table: &Relation, source: &'a Relation) -> Option<Self> {
        let pairings = pair(table, source);
        let filled = |name: &String| pairings.iter().any(|pairing| pairing.into == *name);
        let key = table.keys.iter().find(|key| key.iter().all(filled)).cloned();
        let same = pairings.iter().filter(|pairing| !pairing.guessed).count();
        let nothing_missing = missing(table, &pairings).next().is_none();
        let named_after = is_named_after(source, table);
        let speaks =
            (named_after && !pairings.is_empty()) || (same >= 2 && (key.is_some() || nothing_missing));
        speaks.then(|| Self {
            source,
            score: (named_after, same, pairings.len()),
            pairings,
            key: key.unwrap_or_default(),
        })
    }

    fn import(&self, table: &Relation, is_one_of_several: bool, schema: &Ident) -> ProposedImport {
        let into = table.name.name.clone();
        let name = safe_name(&if is_one_of_several {
            format!("{}_from_{}", into.as_str(), self.source.name.name.as_str())
        } else {
            into.as_str().to_owned()
        });
        let is_filled = |column: &Column| self.pairings.iter().any(|pairing| pairing.into == column.name);
        let unfilled = table.columns.iter().filter(|column| {
            !is_filled(column) && !column.is_required() && !column.generated && !column.filled
        });
        ProposedImport {
            name,
            from: reference(self.source, schema),
            columns: self
                .pairings
                .iter()
                .map(|pairing| (pairing.into.clone(), pairing.from.clone()))
                .collect(),
            guessed: self
                .pairings
                .iter()
                .filter(|pairing| pairing.guessed)
                .map(|pairing| pairing.into.clone())
                .collect(),
            missing: missing(table, &self.pairings)
                .map(|column| (column.name.clone(), column.type_name.clone()))
                .collect(),
            unfilled: unfilled.map(|column| column.name.clone()).collect(),
            key: self.key.clone(),
            geometry: self.geometry(table),
            into,
            source: self.source.name.clone(),
            is_member: self.source.is_matview_of(schema),
        }
    }

    fn geometry(&self, table: &Relation) -> Option<Geometry> {
        let column = |relation: &Relation, name: &str| {
            relation
                .columns
                .iter()
                .find(|column| column.name == name)
                .cloned()
        };
        self.pairings.iter().find_map(|pairing| {
            let into = column(table, &pairing.into).filter(Column::is_geometry)?;
            let from = column(self.source, &pairing.from)?;
            let modifier = into.geometry_modifier().or(from.geometry_modifier());
            Some(Geometry {
                column: pairing.from.clone(),
                srid: modifier.map(|(_, srid)| srid).filter(|srid| *srid > 0),
                types: modifier.map_or(Vec::new(), |(kind, _)| types(kind)),
            })
        })
    }
}

/// The types that a column of a type takes, where it is one that a check can name.
fn types(kind: &str) -> Vec<&'static str> {
    const TYPES: [&str; 7] = [
        "Point",
        "LineString",
        "Polygon",
        "MultiPoint",
        "MultiLineString",
        "MultiPolygon",
        "GeometryCollection",
    ];
    TYPES.into_iter().filter(|known| *known == kind).collect()
}

fn missing<'t>(table: &'t Relation, pairings: &[Pairing]) -> impl Iterator<Item = &'t Column> {
    table
        .columns
        .iter()
        .filter(|column| column.is_required() && pairings.iter().all(|pairing| pairing.into != column.name))
}

/// The name of a relation, as release files write it.
fn reference(relation: &Relation, schema: &Ident) -> String {
    if relation.name.schema == *schema {
        RelationRef::new(relation.name.name.clone()).to_string()
    } else {
        RelationRef::from(relation.name.clone()).to_string()
    }
}

/// The materialized views that these read, directly or not, each after those that it reads.
fn matviews_behind<'a>(fits: &[(&Relation, Vec<Fit<'a>>)], landscape: &'a Landscape) -> Vec<&'a Relation> {
    let read = fits
        .iter()
        .flat_map(|(_, best)| best.iter().map(|fit| fit.source.oid));
    let behind = landscape.behind(read);
    let views: Vec<&Relation> = landscape
        .sources
        .iter()
        .filter(|source| source.kind == Kind::MaterializedView && behind.contains(&source.oid))
        .collect();
    in_order(views, |view| view.oid, |view| &view.reads)
}

/// Each after those that it needs, else in their order; what goes round in a circle stays as it is.
fn in_order<T>(mut waiting: Vec<T>, oid: impl Fn(&T) -> u32, needs: impl Fn(&T) -> &Vec<u32>) -> Vec<T> {
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let left: BTreeSet<u32> = waiting.iter().map(&oid).collect();
        let ready = waiting
            .iter()
            .position(|item| needs(item).iter().all(|need| !left.contains(need)))
            .unwrap_or(0);
        ordered.push(waiting.remove(ready));
    }
    ordered
}
