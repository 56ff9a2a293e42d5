//! A geometry as plain data, an encoder for it, and strategies that make them.

use cutover_geometry::{ByteOrder, Coord, Dimensions, Geometry, LineString, Polygon};
use proptest::collection::vec;
use proptest::prelude::*;

/// The bits of X, Y, Z and M, so that NaNs compare; zero where the dimensions have no Z or M.
pub(crate) type Vertex = [u64; 4];

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Point(Vertex),
    LineString(Vec<Vertex>),
    Polygon(Vec<Vec<Vertex>>),
    MultiPoint(Vec<Vertex>),
    MultiLineString(Vec<Vec<Vertex>>),
    MultiPolygon(Vec<Vec<Vec<Vertex>>>),
    GeometryCollection(Vec<Shape>),
}

impl Shape {
    /// Whether a polygon's shell has no vertex although the polygon has rings.
    pub(crate) fn has_hollow_polygon(&self) -> bool {
        let hollow = |rings: &Vec<Vec<Vertex>>| rings.first().is_some_and(Vec::is_empty);
        match self {
            Self::Polygon(rings) => hollow(rings),
            Self::MultiPolygon(polygons) => polygons.iter().any(hollow),
            Self::GeometryCollection(shapes) => shapes.iter().any(Self::has_hollow_polygon),
            _ => false,
        }
    }
}

/// How a type code says Z, M and SRID.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Flavour {
    Ewkb { srid: Option<i32> },
    Iso,
}

#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) shape: Shape,
    pub(crate) dimensions: Dimensions,
    pub(crate) flavour: Flavour,
    /// Of the elements, in turn: a value may mix them.
    pub(crate) orders: Vec<ByteOrder>,
}

impl Sample {
    pub(crate) fn srid(&self) -> Option<i32> {
        match self.flavour {
            Flavour::Ewkb { srid } => srid,
            Flavour::Iso => None,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder {
            bytes: Vec::new(),
            sample: self,
            headers: 0,
        };
        encoder.shape(&self.shape, self.srid());
        encoder.bytes
    }
}

struct Encoder<'s> {
    bytes: Vec<u8>,
    sample: &'s Sample,
    headers: usize,
}

impl Encoder<'_> {
    fn shape(&mut self, shape: &Shape, srid: Option<i32>) {
        match shape {
            Shape::Point(vertex) => {
                let order = self.header(1, srid);
                self.vertex(order, *vertex);
            }
            Shape::LineString(vertices) => {
                let order = self.header(2, srid);
                self.vertices(order, vertices);
            }
            Shape::Polygon(rings) => {
                let order = self.header(3, srid);
                self.u32(order, rings.len());
                for ring in rings {
                    self.vertices(order, ring);
                }
            }
            Shape::MultiPoint(points) => self.elements(4, srid, points, |&vertex| Shape::Point(vertex)),
            Shape::MultiLineString(lines) => {
                self.elements(5, srid, lines, |line| Shape::LineString(line.clone()));
            }
            Shape::MultiPolygon(polygons) => {
                self.elements(6, srid, polygons, |rings| Shape::Polygon(rings.clone()));
            }
            Shape::GeometryCollection(shapes) => self.elements(7, srid, shapes, Shape::clone),
        }
    }

    fn elements<T>(&mut self, code: u32, srid: Option<i32>, elements: &[T], shape: fn(&T) -> Shape) {
        let order = self.header(code, srid);
        self.u32(order, elements.len());
        for element in elements {
            self.shape(&shape(element), None);
        }
    }

    fn header(&mut self, code: u32, srid: Option<i32>) -> ByteOrder {
        let order = self.sample.orders[self.headers % self.sample.orders.len()];
        self.headers += 1;
        let (has_z, has_m) = match self.sample.dimensions {
            Dimensions::Xy => (0, 0),
            Dimensions::Xyz => (1, 0),
            Dimensions::Xym => (0, 1),
            Dimensions::Xyzm => (1, 1),
        };
        let code = match self.sample.flavour {
            Flavour::Iso => code + has_z * 1000 + has_m * 2000,
            Flavour::Ewkb { .. } => code | has_z << 31 | has_m << 30 | u32::from(srid.is_some()) << 29,
        };
        self.bytes.push(u8::from(order == ByteOrder::LittleEndian));
        self.bytes.extend(ordered(order, code.to_le_bytes()));
        if let Some(srid) = srid {
            self.bytes.extend(ordered(order, srid.to_le_bytes()));
        }
        order
    }

    fn vertices(&mut self, order: ByteOrder, vertices: &[Vertex]) {
        self.u32(order, vertices.len());
        for vertex in vertices {
            self.vertex(order, *vertex);
        }
    }

    fn vertex(&mut self, order: ByteOrder, [x, y, z, m]: Vertex) {
        let ordinates = match self.sample.dimensions {
            Dimensions::Xy => vec![x, y],
            Dimensions::Xyz => vec![x, y, z],
            Dimensions::Xym => vec![x, y, m],
            Dimensions::Xyzm => vec![x, y, z, m],
        };
        for ordinate in ordinates {
            self.bytes.extend(ordered(order, ordinate.to_le_bytes()));
        }
    }

    fn u32(&mut self, order: ByteOrder, count: usize) {
        let count = u32::try_from(count).unwrap();
        self.bytes.extend(ordered(order, count.to_le_bytes()));
    }
}

fn ordered<const N: usize>(order: ByteOrder, mut little_endian: [u8; N]) -> [u8; N] {
    if order == ByteOrder::BigEndian {
        little_endian.reverse();
    }
    little_endian
}

/// What the crate's views say a value is.
pub(crate) fn seen(geometry: Geometry<'_>) -> Shape {
    match geometry {
        Geometry::Point(point) => Shape::Point(vertex(point.vertex())),
        Geometry::LineString(line) => Shape::LineString(vertices(line)),
        Geometry::Polygon(polygon) => Shape::Polygon(rings(polygon)),
        Geometry::MultiPoint(points) => {
            Shape::MultiPoint(points.elements().map(|point| vertex(point.vertex())).collect())
        }
        Geometry::MultiLineString(lines) => Shape::MultiLineString(lines.elements().map(vertices).collect()),
        Geometry::MultiPolygon(polygons) => Shape::MultiPolygon(polygons.elements().map(rings).collect()),
        Geometry::GeometryCollection(geometries) => {
            Shape::GeometryCollection(geometries.elements().map(seen).collect())
        }
    }
}

fn rings(polygon: Polygon<'_>) -> Vec<Vec<Vertex>> {
    polygon.rings().map(vertices).collect()
}

fn vertices(line: LineString<'_>) -> Vec<Vertex> {
    line.coords().map(vertex).collect()
}

fn vertex(coord: Coord) -> Vertex {
    let Coord { x, y, z, m } = coord;
    [
        x.to_bits(),
        y.to_bits(),
        z.unwrap_or(0.0).to_bits(),
        m.unwrap_or(0.0).to_bits(),
    ]
}

pub(crate) fn samples() -> impl Strategy<Value = Sample> {
    let dimensions = prop_oneof![
        Just(Dimensions::Xy),
        Just(Dimensions::Xyz),
        Just(Dimensions::Xym),
        Just(Dimensions::Xyzm)
    ];
    let flavours = prop_oneof![
        prop_oneof![Just(None), Just(Some(4326)), (1..=999_999).prop_map(Some)]
            .prop_map(|srid| Flavour::Ewkb { srid }),
        Just(Flavour::Iso)
    ];
    let orders = vec(
        prop_oneof![Just(ByteOrder::LittleEndian), Just(ByteOrder::BigEndian)],
        1..4,
    );
    dimensions.prop_flat_map(move |dimensions| {
        (shapes(dimensions), flavours.clone(), orders.clone()).prop_map(move |(shape, flavour, orders)| {
            Sample {
                shape,
                dimensions,
                flavour,
                orders,
            }
        })
    })
}

fn shapes(dimensions: Dimensions) -> impl Strategy<Value = Shape> {
    let ordinate = prop_oneof![
        20 => (-200_i32..200).prop_map(|quarter| f64::from(quarter) / 4.0),
        4 => any::<f64>(),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ];
    let vertex = [ordinate.clone(), ordinate.clone(), ordinate.clone(), ordinate].prop_map(
        move |[x, y, z, m]: [f64; 4]| {
            let z = if dimensions.has_z() { z } else { 0.0 };
            let m = if dimensions.has_m() { m } else { 0.0 };
            [x, y, z, m].map(f64::to_bits)
        },
    );
    let empty = Just([f64::NAN.to_bits(), f64::NAN.to_bits(), 0, 0]);
    let point = prop_oneof![4 => vertex.clone(), 1 => empty];
    let line = vec(vertex, 0..6);
    let polygon = vec(line.clone(), 0..4);
    let leaf = prop_oneof![
        point.clone().prop_map(Shape::Point),
        line.clone().prop_map(Shape::LineString),
        polygon.clone().prop_map(Shape::Polygon),
        vec(point, 0..4).prop_map(Shape::MultiPoint),
        vec(line, 0..4).prop_map(Shape::MultiLineString),
        vec(polygon, 0..4).prop_map(Shape::MultiPolygon),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        vec(inner, 0..4).prop_map(Shape::GeometryCollection)
    })
}
