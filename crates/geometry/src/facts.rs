//! What a preflight asks of a geometry, in one walk.

use crate::centroid::Centroid;
use crate::dimensions::Dimensions;
use crate::ewkb::{Ewkb, Primitive};
use crate::geometry_type::GeometryType;
use crate::ring_orientation::{Orientations, RingOrientation};
use crate::validity::Xy;
use crate::view::{Coord, LineString};

/// What there is to say of a geometry without judging its shape.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Facts {
    /// The type of the whole.
    pub geometry_type: GeometryType,
    /// The SRID, where one is said and it is above zero.
    pub srid: Option<i32>,
    /// The ordinates of every vertex.
    pub dimensions: Dimensions,
    /// The smallest box around the vertices with finite X and Y, holes left out; `None` where there is none.
    ///
    /// Equal to `ST_XMin` … `ST_YMax`, which take a polygon's shell for its bounds too, where all vertices are
    /// finite. With a NaN the answer of PostGIS depends on the order of the vertices; here it does not.
    pub extent: Option<Extent>,
    /// How many vertices: equal to `ST_NPoints`.
    pub vertices: usize,
    /// Vertices with a NaN or infinite X or Y.
    pub non_finite: Occurrences,
    /// Vertices with finite X and Y, and a NaN or infinite Z or M.
    pub non_finite_zm: Occurrences,
    /// Vertices with finite X and Y outside the bounds asked for.
    pub outside: Occurrences,
    /// Vertices of lines and rings with the X and Y of the vertex before them.
    pub repeated: Occurrences,
    /// Which way rings run; `None` where there are none.
    pub ring_orientation: Option<RingOrientation>,
    /// X and Y of the centroid: that of `ST_Centroid` to the last bit. Only what has the highest dimension counts, by its area,
    /// its length or its number. `None` for what is empty, and where a vertex or the centroid is not finite.
    pub centroid: Option<[f64; 2]>,
}

/// How often something was met, and where first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Occurrences {
    /// How many vertices.
    pub count: usize,
    /// Where the first of them begins in the value, in bytes.
    pub first_offset: Option<usize>,
}

impl Occurrences {
    fn note(&mut self, offset: usize) {
        self.count += 1;
        self.first_offset.get_or_insert(offset);
    }
}

/// A box along the axes; its edges belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the four edges")]
pub struct Extent {
    pub min_x: f64,
    pub min_y: f64,
    pub max_x: f64,
    pub max_y: f64,
}

impl Extent {
    /// The coordinates of SRID 4326: longitude -180 to 180, latitude -90 to 90.
    pub const LON_LAT: Self = Self {
        min_x: -180.0,
        min_y: -90.0,
        max_x: 180.0,
        max_y: 90.0,
    };

    const EVERYWHERE: Self = Self {
        min_x: f64::NEG_INFINITY,
        min_y: f64::NEG_INFINITY,
        max_x: f64::INFINITY,
        max_y: f64::INFINITY,
    };

    /// Whether the vertex lies inside or on an edge.
    #[must_use]
    pub fn contains(&self, coord: Coord) -> bool {
        (self.min_x..=self.max_x).contains(&coord.x) && (self.min_y..=self.max_y).contains(&coord.y)
    }

    fn around(coord: Coord) -> Self {
        Self {
            min_x: coord.x,
            min_y: coord.y,
            max_x: coord.x,
            max_y: coord.y,
        }
    }

    fn union(self, other: Self) -> Self {
        Self {
            min_x: self.min_x.min(other.min_x),
            min_y: self.min_y.min(other.min_y),
            max_x: self.max_x.max(other.max_x),
            max_y: self.max_y.max(other.max_y),
        }
    }
}

impl Ewkb<'_> {
    /// The facts, without bounds: nothing is `outside`.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.facts_within(Extent::EVERYWHERE)
    }

    /// The facts, counting the vertices outside `bounds`. One walk over the bytes, no allocation.
    #[must_use]
    pub fn facts_within(&self, bounds: Extent) -> Facts {
        let mut facts = Facts {
            geometry_type: self.geometry_type(),
            srid: self.srid(),
            dimensions: self.dimensions(),
            extent: None,
            vertices: 0,
            non_finite: Occurrences::default(),
            non_finite_zm: Occurrences::default(),
            outside: Occurrences::default(),
            repeated: Occurrences::default(),
            ring_orientation: None,
            centroid: None,
        };
        let (mut centroid, mut orientations) = (Centroid::NOTHING, Orientations::NONE);
        for primitive in self.primitives() {
            let extent = match primitive {
                Primitive::Point(point) => point.coord().and_then(|coord| {
                    centroid.add_point(Xy {
                        x: coord.x,
                        y: coord.y,
                    });
                    facts.note(coord, point.offset(), bounds)
                }),
                Primitive::LineString(line) => {
                    centroid.add_line(&line);
                    facts.note_all(line, bounds)
                }
                Primitive::Polygon(polygon) => {
                    let mut rings = polygon.rings();
                    let shell = rings.next();
                    let has_shell = shell.is_some_and(|shell| shell.len() > 0);
                    let extent = shell.and_then(|shell| facts.note_all(shell, bounds));
                    for hole in rings {
                        facts.note_all(hole, bounds);
                    }
                    for (index, ring) in polygon.rings().enumerate().filter(|_| has_shell) {
                        centroid.add_ring(&ring, index == 0);
                        orientations.add(&ring, index == 0);
                    }
                    extent
                }
            };
            facts.extent = union(facts.extent, extent);
        }
        if facts.non_finite.count == 0 && !facts.is_empty() {
            facts.centroid = centroid.get();
        }
        facts.ring_orientation = orientations.get();
        facts
    }
}

impl Facts {
    /// Whether it has no vertex: equal to `ST_IsEmpty`, also for collections of empty geometries.
    ///
    /// (`ST_IsEmpty` says no to a polygon whose rings have no vertices. PostGIS can hold one, but sends it as
    /// `POLYGON EMPTY`.)
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vertices == 0
    }

    /// Counts the vertices of a line; returns their extent.
    fn note_all(&mut self, line: LineString<'_>, bounds: Extent) -> Option<Extent> {
        let vertex_bytes = self.dimensions.ordinates() * 8;
        let mut extent = None;
        let mut before = None;
        for (index, coord) in line.coords().enumerate() {
            let offset = line.offset() + index * vertex_bytes;
            extent = union(extent, self.note(coord, offset, bounds));
            let at = Xy {
                x: coord.x,
                y: coord.y,
            };
            if before.replace(at) == Some(at) {
                self.repeated.note(offset);
            }
        }
        extent
    }

    /// Counts one vertex; returns its extent if it is finite.
    fn note(&mut self, coord: Coord, offset: usize, bounds: Extent) -> Option<Extent> {
        self.vertices += 1;
        if !(coord.x.is_finite() && coord.y.is_finite()) {
            self.non_finite.note(offset);
            return None;
        }
        if [coord.z, coord.m]
            .into_iter()
            .flatten()
            .any(|ordinate| !ordinate.is_finite())
        {
            self.non_finite_zm.note(offset);
        }
        if !bounds.contains(coord) {
            self.outside.note(offset);
        }
        Some(Extent::around(coord))
    }
}

fn union(one: Option<Extent>, other: Option<Extent>) -> Option<Extent> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.union(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode_hex, encode_geo};

    #[test]
    fn each_kind_of_bad_vertex_is_counted_and_placed() {
        let vertices = [
            (0.0, 0.0),
            (f64::NAN, 1.0),
            (181.0, 0.0),
            (0.0, f64::INFINITY),
            (-10.0, -90.5),
        ];
        let bytes = encode_geo(&geo::LineString::from(vertices.to_vec()).into(), Some(4326)).unwrap();
        let facts = Ewkb::parse(&bytes).unwrap().facts_within(Extent::LON_LAT);
        // Byte order, type code, SRID and count take 13 bytes, a vertex 16.
        assert_eq!(
            facts.non_finite,
            Occurrences {
                count: 2,
                first_offset: Some(13 + 16)
            }
        );
        assert_eq!(
            facts.outside,
            Occurrences {
                count: 2,
                first_offset: Some(13 + 32)
            }
        );
        assert_eq!(facts.non_finite_zm, Occurrences::default());
        assert_eq!(facts.vertices, 5);
        assert_eq!(
            facts.extent,
            Some(Extent {
                min_x: -10.0,
                min_y: -90.5,
                max_x: 181.0,
                max_y: 0.0
            })
        );
    }

    #[test]
    fn without_bounds_nothing_is_outside() {
        let bytes = encode_geo(&geo::Point::new(f64::MAX, f64::MIN).into(), None).unwrap();
        assert_eq!(
            Ewkb::parse(&bytes).unwrap().facts().outside,
            Occurrences::default()
        );
    }

    #[test]
    fn the_edge_belongs_to_the_bounds() {
        let bytes = encode_geo(&geo::Point::new(-180.0, 90.0).into(), None).unwrap();
        let facts = Ewkb::parse(&bytes).unwrap().facts_within(Extent::LON_LAT);
        assert_eq!(facts.outside.count, 0);
    }

    #[test]
    fn a_bad_height_is_not_a_bad_place() {
        let hex = "0101000080000000000000F03F0000000000000040000000000000F87F";
        let bytes = decode_hex(hex).unwrap();
        let facts = Ewkb::parse(&bytes).unwrap().facts();
        assert_eq!(facts.non_finite.count, 0);
        assert_eq!(
            facts.non_finite_zm,
            Occurrences {
                count: 1,
                first_offset: Some(5)
            }
        );
        assert_eq!(facts.extent.map(|extent| extent.max_y), Some(2.0));
    }
}
