//! Geometries judged by PostGIS: every row is looked at once, and only offending rows leave the server.

use cutover_core::{Ident, Sql};
use geo::Point;
use tokio_postgres::Row;

use super::{
    EMPTY, NO_GEOMETRY, NOT_FINITE, NOT_JUDGED, OUT_OF_RANGE, Reasons, WRONG_SRID, WRONG_TYPE,
    invalid_by_postgis, wrong_srid,
};
use crate::preflight::check::{Bounds, GeometryCheck};

/// The types whose validity PostGIS can tell; for the others (TIN, triangles, polyhedral surfaces) it raises an error.
const JUDGED: &str = "('POINT', 'LINESTRING', 'POLYGON', 'MULTIPOINT', 'MULTILINESTRING', 'MULTIPOLYGON', \
                       'GEOMETRYCOLLECTION', 'CIRCULARSTRING', 'COMPOUNDCURVE', 'CURVEPOLYGON', 'MULTICURVE', \
                       'MULTISURFACE')";

/// The types whose rows travel and are judged here, but for collections.
const SIMPLE: &str = "('POINT', 'LINESTRING', 'POLYGON', 'MULTIPOINT', 'MULTILINESTRING', 'MULTIPOLYGON')";

/// Types that are not read here, as they stand in the text of a collection.
const CURVES_AND_SURFACES: &str = "'CIRCULARSTRING|CURVE|SURFACE|TIN|TRIANGLE'";

/// Those of them about which PostGIS raises an error when it is asked.
const SURFACES: &str = "'POLYHEDRALSURFACE|TIN|TRIANGLE'";

/// Which rows a scan returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Returned {
    /// Those with something wrong.
    Offending,
    /// Those with curves or surfaces, whatever is wrong with them.
    NotReadHere,
}

/// Returns key, SRID, type, flags, `ST_IsValidDetail`'s verdict and the places.
pub(in crate::preflight) fn scan(check: &GeometryCheck, postgis: &Ident) -> Sql {
    rows(check, postgis, Returned::Offending)
}

/// The same for each row with a geometry that cannot be read here.
pub(in crate::preflight) fn scan_of_unread(check: &GeometryCheck, postgis: &Ident) -> Sql {
    rows(check, postgis, Returned::NotReadHere)
}

fn rows(check: &GeometryCheck, postgis: &Ident, returned: Returned) -> Sql {
    let call = |sql: Sql, function: &'static str| sql.ident(postgis).then(function);
    let sql = Sql::text("SELECT f.key, f.g IS NULL, f.srid, f.type, f.empty, f.finite, ")
        .append(&outside(check.bounds, postgis))
        .then(", (f.validity).valid, (f.validity).reason, ");
    let sql = call(sql, ".ST_X((f.validity).location), ");
    let sql = call(sql, ".ST_Y((f.validity).location),\n       p.x, p.y\n  FROM ")
        .append(&judged_rows(check, postgis, returned))
        .then("\n  LEFT JOIN LATERAL (SELECT ");
    // The first vertex out of range, else the first: set-returning functions in a select list stop when nobody asks on.
    let sql = call(sql, ".ST_X(d.v) AS x, ");
    let sql = call(sql, ".ST_Y(d.v) AS y FROM (SELECT (");
    let sql = call(
        sql,
        ".ST_DumpPoints(f.g)).geom AS v) AS d\n                      WHERE f.finite AND (",
    )
    .append(&wrong_type(check))
    .then(" OR ")
    .append(&outside_vertex(check.bounds, postgis))
    .then(") LIMIT 1) AS p ON f.srid = ")
    .number(check.srid.into())
    .then(" AND (")
    .append(&wrong_type(check))
    .then(" OR ")
    .append(&outside(check.bounds, postgis))
    .then(")");
    if returned == Returned::NotReadHere {
        return sql;
    }
    sql.then("\n WHERE ")
        .then(if check.allow_null { "" } else { "f.g IS NULL OR " })
        .then(if check.allow_empty { "" } else { "f.empty OR " })
        .then("f.srid <> ")
        .number(check.srid.into())
        .then(" OR ")
        .append(&wrong_type(check))
        .then(" OR NOT f.finite OR (f.srid = ")
        .number(check.srid.into())
        .then(" AND ")
        .append(&outside(check.bounds, postgis))
        // Whose validity was not asked is told, unless there is nothing to be valid.
        .then(") OR NOT coalesce((f.validity).valid, f.empty)")
}

/// Sends every row with its key, its geometry and the server's verdict, to be judged here as well:
/// [`native::Row`](super::native::Row) reads them.
pub(in crate::preflight) fn copy_with_verdict(check: &GeometryCheck, postgis: &Ident) -> Sql {
    let mut sql = Sql::text("COPY (SELECT ");
    for position in 1..=check.key.len() {
        let position = i64::try_from(position).unwrap_or(i64::MAX); // There are at most 1600 columns.
        sql = sql.then("f.key[").number(position).then("], ");
    }
    sql.then("CAST(f.g AS ")
        .ident(postgis)
        .then(".geometry), (f.validity).valid, (f.validity).reason, ")
        .ident(postgis)
        .then(".ST_X((f.validity).location), ")
        .ident(postgis)
        .then(".ST_Y((f.validity).location)\n  FROM ")
        .append(&judged_rows(check, postgis, Returned::Offending))
        .then(") TO STDOUT (FORMAT binary)")
}

/// The rows, as `f`, with all that the server has to say of them.
///
/// Each stage is a sub-select with `OFFSET 0`, so that the planner neither evaluates a stage twice nor moves it
/// before the one that guards it:
/// 1. what the header tells: NULL, empty, SRID, type;
/// 2. whether all coordinates are finite. A NaN hides from the bounding box, but not from a sum: the perimeter (or
///    length) of a geometry with one is no finite number. Only then, and for points and collections, which have
///    no such sum, is the geometry printed to look for one. Validity is never asked of a geometry with a NaN:
///    `ST_IsValidDetail` raises an error there, which would end the whole scan; nor of surfaces in a collection;
/// 3. the box, and the validity.
fn judged_rows(check: &GeometryCheck, postgis: &Ident, returned: Returned) -> Sql {
    let call = |sql: Sql, function: &'static str| sql.ident(postgis).then(function);
    let column = Sql::text("v.").ident(&check.column);
    let keys = Sql::join(
        check
            .key
            .iter()
            .map(|key| Sql::text("v.").ident(key).then("::pg_catalog.text")),
        ", ",
    );
    let sql = Sql::text("(SELECT c.*, CASE WHEN c.finite AND NOT c.empty AND c.type IN ")
        .then(JUDGED)
        .then("\n                         AND (c.type <> 'GEOMETRYCOLLECTION' OR ");
    let sql = call(sql, ".ST_AsText(c.g) !~ ")
        .then(SURFACES)
        .then(")\n                    THEN ");
    let sql = call(sql, ".ST_IsValidDetail(c.g) END AS validity,\n               ");
    let sql = call(
        sql,
        ".box3d(c.g) AS box\n          FROM (SELECT h.*, CASE WHEN h.type NOT IN ('POINT', 'MULTIPOINT') AND h.type NOT LIKE '%COLLECTION'\n                            AND (",
    );
    let sql = call(sql, ".ST_Perimeter(h.g) + ");
    let sql = call(
        sql,
        ".ST_Length(h.g)) < 'Infinity' THEN true\n                       ELSE ",
    );
    let sql = call(sql, ".ST_AsText(");
    let sql = call(
        sql,
        ".ST_Force2D(h.g)) !~* 'nan|inf' END AS finite\n                  FROM (SELECT ARRAY[",
    )
    .append(&keys)
    .then("]::pg_catalog.text[] AS key, ")
    .append(&column)
    .then(" AS g, ");
    let sql = call(sql, ".ST_SRID(").append(&column).then(") AS srid, ");
    let sql = call(sql, ".GeometryType(").append(&column).then(") AS type, ");
    let sql = call(sql, ".ST_IsEmpty(")
        .append(&column)
        .then(") AS empty\n                          FROM ")
        .name(&check.view)
        .then(" AS v OFFSET 0) AS h");
    let sql = match returned {
        Returned::Offending => sql,
        Returned::NotReadHere => {
            let sql = sql
                .then("\n                 WHERE h.type NOT IN ")
                .then(SIMPLE)
                .then("\n                   AND (h.type <> 'GEOMETRYCOLLECTION' OR ");
            call(sql, ".ST_AsText(h.g) ~ ")
                .then(CURVES_AND_SURFACES)
                .then(")")
        }
    };
    sql.then(" OFFSET 0) AS c OFFSET 0) AS f")
}

fn wrong_type(check: &GeometryCheck) -> Sql {
    if check.types.is_empty() {
        // Then at least one whose validity can be told.
        return Sql::text("f.type NOT IN ").then(JUDGED);
    }
    let types = check
        .types
        .iter()
        .map(|name| Sql::text("").literal(&name.to_uppercase()));
    Sql::text("f.type NOT IN (")
        .append(&Sql::join(types, ", "))
        .then(")")
}

/// Whether the bounding box, in full double precision, reaches out of the range.
fn outside(bounds: Option<Bounds>, postgis: &Ident) -> Sql {
    let Some(bounds) = bounds else {
        return Sql::text("false");
    };
    let side = |function: &'static str| Sql::text("").ident(postgis).then(function);
    Sql::text("(")
        .append(&beyond(
            &side(".ST_XMin(f.box)"),
            &side(".ST_XMax(f.box)"),
            bounds.min_x,
            bounds.max_x,
        ))
        .then(" OR ")
        .append(&beyond(
            &side(".ST_YMin(f.box)"),
            &side(".ST_YMax(f.box)"),
            bounds.min_y,
            bounds.max_y,
        ))
        .then(")")
}

/// Whether the vertex `d.v` is out of the range.
fn outside_vertex(bounds: Option<Bounds>, postgis: &Ident) -> Sql {
    let Some(bounds) = bounds else {
        return Sql::text("false");
    };
    let x = Sql::text("").ident(postgis).then(".ST_X(d.v)");
    let y = Sql::text("").ident(postgis).then(".ST_Y(d.v)");
    beyond(&x, &x, bounds.min_x, bounds.max_x)
        .then(" OR ")
        .append(&beyond(&y, &y, bounds.min_y, bounds.max_y))
}

fn beyond(low: &Sql, high: &Sql, min: f64, max: f64) -> Sql {
    Sql::text("")
        .append(low)
        .then(" < ")
        .append(&float(min))
        .then(" OR ")
        .append(high)
        .then(" > ")
        .append(&float(max))
}

/// A float as a typed constant: the shortest text that reads back as the same number.
fn float(value: f64) -> Sql {
    Sql::text("")
        .literal(&value.to_string())
        .then("::pg_catalog.float8")
}

/// The key of a row that was returned, and everything that is wrong with it.
pub(in crate::preflight) fn judge(check: &GeometryCheck, row: &Row) -> (Vec<Option<String>>, Reasons) {
    let mut reasons = Reasons::default();
    let point = |x, y| {
        Some(Point::new(
            row.get::<_, Option<f64>>(x)?,
            row.get::<_, Option<f64>>(y)?,
        ))
    };
    let key = row.get(0);
    if row.get(1) {
        reasons.add(NO_GEOMETRY, None, None);
        return (key, reasons);
    }
    let srid: i32 = row.get(2);
    reasons.srid = Some(srid);
    if srid != check.srid {
        reasons.add(WRONG_SRID, Some(wrong_srid(srid, check.srid)), None);
    }
    let found: &str = row.get(3);
    let allowed = if check.types.is_empty() {
        JUDGED.contains(&format!("'{found}'"))
    } else {
        check
            .types
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(found))
    };
    if !allowed {
        reasons.add(WRONG_TYPE, Some(found.to_owned()), point(11, 12));
    }
    if row.get(4) {
        if !check.allow_empty {
            reasons.add(EMPTY, None, None);
        }
        return (key, reasons);
    }
    if !row.get::<_, bool>(5) {
        reasons.add(NOT_FINITE, None, None);
        return (key, reasons);
    }
    if srid == check.srid && row.get(6) {
        reasons.add(OUT_OF_RANGE, None, point(11, 12));
    }
    match row.get::<_, Option<bool>>(7) {
        Some(false) => {
            let reason = row.get::<_, Option<&str>>(8).unwrap_or_default();
            reasons.add(invalid_by_postgis(reason), None, point(9, 10));
        }
        // Of a type that is not allowed enough is said.
        None if allowed => reasons.add(NOT_JUDGED, Some(format!("{found} with surfaces")), None),
        Some(true) | None => {}
    }
    (key, reasons)
}
