//! Geometries as PostGIS sends them: extended well-known binary, little-endian, with an SRID.

/// Longitude and latitude, in degrees.
pub(super) type Position = [f64; 2];
/// A closed line: its last position equals its first.
pub(super) type Ring = Vec<Position>;
/// A shell and its holes; empty without a ring.
pub(super) type Rings = Vec<Ring>;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Geometry {
    MultiPoint(Vec<Position>),
    Polygon(Rings),
    MultiPolygon(Vec<Rings>),
}

const HAS_SRID: u32 = 0x2000_0000;
const POINT: u32 = 1;
const POLYGON: u32 = 3;
const MULTI_POINT: u32 = 4;
const MULTI_POLYGON: u32 = 6;

impl Geometry {
    pub(super) fn to_ewkb(&self, srid: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::MultiPoint(points) => {
                put_header(&mut bytes, MULTI_POINT, Some(srid));
                put_count(&mut bytes, points.len());
                for point in points {
                    put_header(&mut bytes, POINT, None);
                    put_position(&mut bytes, *point);
                }
            }
            Self::Polygon(rings) => {
                put_header(&mut bytes, POLYGON, Some(srid));
                put_rings(&mut bytes, rings);
            }
            Self::MultiPolygon(polygons) => {
                put_header(&mut bytes, MULTI_POLYGON, Some(srid));
                put_count(&mut bytes, polygons.len());
                for rings in polygons {
                    put_header(&mut bytes, POLYGON, None);
                    put_rings(&mut bytes, rings);
                }
            }
        }
        bytes
    }
}

fn put_header(bytes: &mut Vec<u8>, kind: u32, srid: Option<u32>) {
    bytes.push(1); // little-endian
    match srid {
        Some(srid) => {
            bytes.extend_from_slice(&(kind | HAS_SRID).to_le_bytes());
            bytes.extend_from_slice(&srid.to_le_bytes());
        }
        None => bytes.extend_from_slice(&kind.to_le_bytes()),
    }
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    // Our largest geometries have less than a million positions.
    bytes.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_rings(bytes: &mut Vec<u8>, rings: &Rings) {
    put_count(bytes, rings.len());
    for ring in rings {
        put_count(bytes, ring.len());
        bytes.reserve(ring.len() * 16);
        for position in ring {
            put_position(bytes, *position);
        }
    }
}

fn put_position(bytes: &mut Vec<u8>, [longitude, latitude]: Position) {
    bytes.extend_from_slice(&longitude.to_le_bytes());
    bytes.extend_from_slice(&latitude.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multipoint_is_written_as_postgis_writes_it() {
        let point = Geometry::MultiPoint(vec![[1.0, 2.0]]);
        let [one, two] = [[0, 0, 0, 0, 0, 0, 0xF0, 0x3F], [0, 0, 0, 0, 0, 0, 0, 0x40]];
        // SELECT 'SRID=4326;MULTIPOINT(1 2)'::geometry
        let multipoint = [1, 4, 0, 0, 0x20, 0xE6, 0x10, 0, 0, 1, 0, 0, 0];
        let inner = [1, 1, 0, 0, 0];
        assert_eq!(
            point.to_ewkb(4326),
            [&multipoint[..], &inner, &one, &two].concat()
        );
    }
}
