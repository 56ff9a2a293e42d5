//! Of any bytes: reading them ends without a panic and without memory, and what is read is what is written again.

use allocation_counter::measure;
use cutover_geometry::{
    Coord, Dimensions, Ewkb, EwkbError, Extent, PostgisPoint, Primitive, decode_hex, encode_geo, encode_hex,
    encode_postgis,
};
use postgis::ewkb::{Point, PointM, PointZ, PointZM};

pub(crate) fn check(bytes: &[u8]) {
    let mut read: Option<Result<Ewkb<'_>, EwkbError>> = None;
    let mut facts = None;
    let memory = measure(|| {
        let value = Ewkb::parse(bytes);
        facts = value
            .as_ref()
            .ok()
            .map(|value| value.facts_within(Extent::LON_LAT));
        read = Some(value);
    });
    assert_eq!(memory.count_total, 0, "allocations by reading");
    let value = match read.unwrap() {
        Ok(value) => value,
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error} of {} bytes", bytes.len());
            return;
        }
    };
    let facts = facts.unwrap();
    assert!(facts.vertices * facts.dimensions.ordinates() * 8 <= bytes.len());
    assert_eq!(decode_hex(&encode_hex(bytes)).as_deref(), Ok(bytes));

    let again = match value.dimensions() {
        Dimensions::Xy => rewritten::<Point>(&value),
        Dimensions::Xyz => rewritten::<PointZ>(&value),
        Dimensions::Xym => rewritten::<PointM>(&value),
        Dimensions::Xyzm => rewritten::<PointZM>(&value),
    };
    let again = Ewkb::parse(&again).unwrap();
    assert_eq!(again.geometry_type(), value.geometry_type());
    assert_eq!(again.dimensions(), value.dimensions());
    assert_eq!(again.srid(), value.srid());
    assert_eq!(again.facts().vertices, facts.vertices);
    assert!(vertices(&again).eq(vertices(&value)), "{}", encode_hex(bytes));

    let mut planar = None;
    let memory = measure(|| planar = value.to_geo().ok());
    assert!(
        memory.bytes_max <= bound(bytes),
        "{memory:?} for {} bytes",
        bytes.len()
    );
    if let Some(planar) = planar {
        let written = encode_geo(&planar, value.srid()).unwrap();
        let written = Ewkb::parse(&written).unwrap();
        assert_eq!(written.srid(), value.srid());
        assert_eq!(written.facts().vertices, facts.vertices);
    }
}

fn rewritten<P: PostgisPoint>(value: &Ewkb<'_>) -> Vec<u8> {
    let mut converted = None;
    let memory = measure(|| converted = value.to_postgis::<P>().ok());
    assert!(memory.bytes_max <= bound(value.as_bytes()), "{memory:?}");
    encode_postgis(&converted.unwrap()).unwrap()
}

/// An empty element takes nine bytes, and up to 64 of them in a list that has just grown, beside the list it was copied from.
fn bound(bytes: &[u8]) -> u64 {
    4096 + 24 * bytes.len() as u64
}

/// The bits of every vertex in order, each line and ring opened by a mark.
fn vertices<'a>(value: &Ewkb<'a>) -> impl Iterator<Item = [u64; 4]> + 'a {
    const MARK: [u64; 4] = [u64::MAX; 4];
    let line = |coords: Vec<Coord>| std::iter::once(MARK).chain(coords.into_iter().map(bits));
    value.primitives().flat_map(move |primitive| -> Vec<[u64; 4]> {
        match primitive {
            Primitive::Point(point) => vec![bits(point.vertex())],
            Primitive::LineString(given) => line(given.coords().collect()).collect(),
            Primitive::Polygon(polygon) => polygon
                .rings()
                .flat_map(|ring| line(ring.coords().collect()))
                .collect(),
        }
    })
}

fn bits(Coord { x, y, z, m }: Coord) -> [u64; 4] {
    [x, y, z.unwrap_or_default(), m.unwrap_or_default()].map(f64::to_bits)
}
