//! The one scan of a geometry check: every row is looked at once, and only offending rows leave the server.

use cutover_core::{Ident, Sql};
use geo::Point;
use tokio_postgres::Row;

use super::check::{Bounds, GeometryCheck};

/// The types whose validity PostGIS can tell; for the others (TIN, triangles, polyhedral surfaces) it raises an error.
const JUDGED: &str = "('POINT', 'LINESTRING', 'POLYGON', 'MULTIPOINT', 'MULTILINESTRING', 'MULTIPOLYGON', \
                       'GEOMETRYCOLLECTION', 'CIRCULARSTRING', 'COMPOUNDCURVE', 'CURVEPOLYGON', 'MULTICURVE', \
                       'MULTISURFACE')";

/// Returns key, SRID, type, flags, `ST_IsValidDetail`'s reason and the places, for offending rows only.
///
/// Each stage is a sub-select with `OFFSET 0`, so that the planner neither evaluates a stage twice nor moves it
/// before the one that guards it:
/// 1. what the header tells: NULL, empty, SRID, type;
/// 2. whether all coordinates are finite. A NaN hides from the bounding box, but not from a sum: the perimeter (or
///    length) of a geometry with one is no finite number. Only then, and for points and collections, which have
///    no such sum, is the geometry printed to look for one. Validity is never asked of a geometry with a NaN:
///    `ST_IsValidDetail` raises an error there, which would end the whole scan;
/// 3. the range, where the SRID is the expected one; and the validity.
pub(super) fn scan(check: &GeometryCheck, postgis: &Ident) -> Sql {
    let call = |sql: Sql, function: &'static str| sql.ident(postgis).then(function);
    let column = Sql::text("v.").ident(&check.column);
    let keys = Sql::join(
        check
            .key
            .iter()
            .map(|key| Sql::text("v.").ident(key).then("::pg_catalog.text")),
        ", ",
    );

    let sql = Sql::text("SELECT f.key, f.g IS NULL, f.srid, f.type, f.empty, f.finite, ")
        .append(&outside(check.bounds, postgis))
        .then(", (f.validity).reason, ");
    let sql = call(sql, ".ST_X((f.validity).location), ");
    let sql = call(sql, ".ST_Y((f.validity).location),\n       p.x, p.y\n  FROM (SELECT c.*, CASE WHEN c.finite AND NOT c.empty AND c.type IN ")
        .then(JUDGED)
        .then("\n                    THEN ");
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
        .then(" AS v OFFSET 0) AS h OFFSET 0) AS c OFFSET 0) AS f\n  LEFT JOIN LATERAL (SELECT ");
    // The first vertex out of range, else the first: set-returning functions in a select list stop when nobody asks on.
    let sql = call(sql, ".ST_X(d.v) AS x, ");
    let sql = call(sql, ".ST_Y(d.v) AS y FROM (SELECT (");
    call(
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
    .then(")\n WHERE ")
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
    .then(") OR NOT (f.validity).valid")
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

/// One reason why a row offends.
pub(super) struct Reason {
    /// The kind of violation, under which it is counted.
    pub(super) kind: String,
    /// More about this row.
    pub(super) detail: Option<String>,
    pub(super) place: Option<Point<f64>>,
}

/// The key of a row that [`scan`] returned, and everything that is wrong with it.
pub(super) fn judge(check: &GeometryCheck, row: &Row) -> (Vec<Option<String>>, Vec<Reason>) {
    let mut reasons = Vec::new();
    let mut add = |reason: &str, detail, place| {
        reasons.push(Reason {
            kind: reason.to_owned(),
            detail,
            place,
        });
    };
    let point = |x, y| {
        Some(Point::new(
            row.get::<_, Option<f64>>(x)?,
            row.get::<_, Option<f64>>(y)?,
        ))
    };
    let key = row.get(0);
    if row.get(1) {
        add("no geometry", None, None);
        return (key, reasons);
    }
    let srid: i32 = row.get(2);
    if srid != check.srid {
        add(
            "wrong SRID",
            Some(format!("{srid} instead of {}", check.srid)),
            None,
        );
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
        add("wrong type", Some(found.to_owned()), point(10, 11));
    }
    if row.get(4) {
        if !check.allow_empty {
            add("empty", None, None);
        }
        return (key, reasons);
    }
    if !row.get::<_, bool>(5) {
        add("coordinate not finite", None, None);
        return (key, reasons);
    }
    if srid == check.srid && row.get(6) {
        add("coordinate out of range", None, point(10, 11));
    }
    if let Some(reason) = row.get::<_, Option<String>>(7) {
        // The reason's first words are its kind; GEOS may append the place, which stands in `place`.
        let kind = reason.split('[').next().unwrap_or(&reason).trim().to_lowercase();
        add(&format!("invalid: {kind}"), None, point(8, 9));
    }
    (key, reasons)
}
