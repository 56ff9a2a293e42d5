//! What holds for every generated value and for arbitrary bytes.

use cutover_geometry::{
    Dimensions, Ewkb, EwkbErrorKind, Extent, PostgisPoint, Primitive, decode_hex, encode_geo, encode_hex,
    encode_postgis,
};
use postgis::ewkb::{self as postgis_ewkb, EwkbRead as _, GeometryT};
use proptest::prelude::*;

use crate::shape::{Flavour, Sample, samples, seen};

/// Uses everything a value offers; says how many vertices it gave.
fn use_all_of(value: &Ewkb<'_>) -> usize {
    let facts = value.facts_within(Extent::LON_LAT);
    seen(value.geometry());
    let _ = value.to_geo();
    let _ = value.to_postgis::<postgis_ewkb::Point>();
    let _ = value.to_postgis::<postgis_ewkb::PointZM>();
    facts.vertices
}

fn reencoded<P: PostgisPoint>(value: &Ewkb<'_>) -> Vec<u8> {
    encode_postgis(&value.to_postgis::<P>().unwrap()).unwrap()
}

/// The X and Y of every point, line and ring that has any.
fn planar(value: &Ewkb<'_>) -> Vec<Vec<(u64, u64)>> {
    let xy = |coord: cutover_geometry::Coord| (coord.x.to_bits(), coord.y.to_bits());
    value
        .primitives()
        .flat_map(|primitive| match primitive {
            Primitive::Point(point) => vec![vec![xy(point.vertex())]],
            Primitive::LineString(line) => vec![line.coords().map(xy).collect()],
            Primitive::Polygon(polygon) => polygon
                .rings()
                .map(|ring| ring.coords().map(xy).collect())
                .collect(),
        })
        .filter(|line: &Vec<_>| !line.is_empty())
        .collect()
}

proptest! {
    #[test]
    fn a_value_reads_as_what_was_encoded(sample in samples()) {
        let bytes = sample.encode();
        let value = Ewkb::parse(&bytes).unwrap();
        prop_assert_eq!(seen(value.geometry()), sample.shape.clone());
        prop_assert_eq!(value.dimensions(), sample.dimensions);
        prop_assert_eq!(value.srid(), sample.srid());
        prop_assert_eq!(value.byte_order(), sample.orders[0]);
        let text = encode_hex(&bytes);
        prop_assert_eq!(decode_hex(&text), Ok(bytes));
    }

    #[test]
    fn a_value_cut_anywhere_is_refused(sample in samples()) {
        let bytes = sample.encode();
        for length in 0..bytes.len() {
            let error = Ewkb::parse(&bytes[..length]).unwrap_err();
            prop_assert!(error.offset <= length);
            prop_assert!(
                matches!(error.kind, EwkbErrorKind::Truncated { .. } | EwkbErrorKind::Count { .. }),
                "{error} for {length} bytes of {}", encode_hex(&bytes)
            );
        }
    }

    #[test]
    fn bytes_after_a_value_are_refused(sample in samples(), junk in proptest::collection::vec(any::<u8>(), 1..9)) {
        let mut bytes = sample.encode();
        let end = bytes.len();
        bytes.extend(&junk);
        let error = Ewkb::parse(&bytes).unwrap_err();
        prop_assert_eq!(error.offset, end);
        prop_assert_eq!(error.kind, EwkbErrorKind::TrailingBytes { count: junk.len() });
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = Ewkb::parse(&bytes) {
            prop_assert!(use_all_of(&value) * 16 <= bytes.len());
        }
    }

    /// Damage that keeps most of the structure gets further than noise does.
    #[test]
    fn damaged_values_never_panic_and_never_yield_more_than_their_bytes(
        sample in samples(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = sample.encode();
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        match Ewkb::parse(&bytes) {
            Ok(value) => prop_assert!(use_all_of(&value) * 16 <= bytes.len()),
            Err(error) => prop_assert!(error.offset <= bytes.len()),
        }
    }

    #[test]
    fn geo_values_round_trip(sample in samples()) {
        let bytes = sample.encode();
        let value = Ewkb::parse(&bytes).unwrap();
        // Empty points and open rings are refused; unit tests show it.
        let Ok(geometry) = value.to_geo() else { return Ok(()) };
        let again = encode_geo(&geometry, value.srid()).unwrap();
        let again = Ewkb::parse(&again).unwrap();
        prop_assert_eq!(again.srid(), value.srid());
        prop_assert_eq!(again.geometry_type(), value.geometry_type());
        prop_assert_eq!(again.dimensions(), Dimensions::Xy);
        prop_assert_eq!(planar(&again), planar(&value));
    }

    #[test]
    fn postgis_values_round_trip(sample in samples()) {
        let bytes = sample.encode();
        let value = Ewkb::parse(&bytes).unwrap();
        let again = match sample.dimensions {
            Dimensions::Xy => reencoded::<postgis_ewkb::Point>(&value),
            Dimensions::Xyz => reencoded::<postgis_ewkb::PointZ>(&value),
            Dimensions::Xym => reencoded::<postgis_ewkb::PointM>(&value),
            Dimensions::Xyzm => reencoded::<postgis_ewkb::PointZM>(&value),
        };
        let again = Ewkb::parse(&again).unwrap();
        prop_assert_eq!(again.srid(), value.srid());
        prop_assert_eq!(again.dimensions(), value.dimensions());
        prop_assert_eq!(seen(again.geometry()), sample.shape);
    }

    /// The `postgis` crate reads EWKB itself, if not ISO codes, nor the SRID of a collection.
    #[test]
    fn postgis_values_are_what_that_crate_reads(sample in samples()) {
        let sample = Sample { flavour: Flavour::Ewkb { srid: None }, ..sample };
        let bytes = sample.encode();
        let ours = Ewkb::parse(&bytes).unwrap().to_postgis::<postgis_ewkb::Point>().unwrap();
        let theirs = GeometryT::<postgis_ewkb::Point>::read_ewkb(&mut bytes.as_slice()).unwrap();
        prop_assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    }
}
