//! What is refused, where, and in which words.

use cutover_geometry::{Ewkb, MAX_DEPTH, decode_hex};

#[track_caller]
fn check(hex: &str, expected: &str) {
    let bytes = decode_hex(&hex.replace(' ', "")).unwrap();
    let error = Ewkb::parse(&bytes).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

const POINT: &str = "01 01000000 0000000000000000 0000000000000000";

#[test]
fn every_error_says_what_and_where() {
    check("", "1 bytes are needed and 0 are left, at byte 0");
    check("02", "2 is no byte order (0 or 1), at byte 0");
    check("01 0100", "4 bytes are needed and 2 are left, at byte 1");
    check("01 00000000", "unknown geometry type code 0x0, at byte 1");
    check("01 01000010", "unknown geometry type code 0x10000001, at byte 1");
    check("01 0A000000 00000000", "CURVEPOLYGON is not supported, at byte 1");
    check("01 01000020 E610", "4 bytes are needed and 2 are left, at byte 5");
    check(
        "01 01000000 0000000000000000",
        "16 bytes are needed and 8 are left, at byte 5",
    );
    check(
        &format!("{POINT} 00"),
        "1 bytes after the end of the value, at byte 21",
    );
}

#[test]
fn a_count_is_not_believed_beyond_the_bytes_that_follow() {
    for code in ["02", "03", "04", "05", "06", "07"] {
        check(
            &format!("01 {code}000000 FFFFFFFF 00000000"),
            "a count of 4294967295 does not fit in the 4 bytes left, at byte 5",
        );
    }
    check(
        "01 03000000 01000000 FFFFFF7F 0000000000000000 0000000000000000",
        "a count of 2147483647 does not fit in the 16 bytes left, at byte 9",
    );
}

#[test]
fn elements_must_fit_their_container() {
    check(
        &format!("01 06000000 01000000 {POINT}"),
        "POINT as an element of MULTIPOLYGON, at byte 9",
    );
    check(
        &format!("01 04000080 01000000 {POINT}"),
        "element is XY inside a value that is XYZ, at byte 9",
    );
    check(
        "01 07000020 E6100000 01000000 01 01000020 110F0000 0000000000000000 0000000000000000",
        "element has SRID 3857 inside a value with SRID 4326, at byte 13",
    );
    check(
        "01 07000000 01000000 01 01000020 110F0000 0000000000000000 0000000000000000",
        "element has SRID 3857 inside a value with SRID 0, at byte 9",
    );
    check(
        "01 07000000 01000000 01 11000000 00000000",
        "TRIANGLE is not supported, at byte 10",
    );
}

#[test]
fn an_element_may_repeat_the_srid_of_the_whole() {
    let hex = "0107000020E61000000100000001 01000020E6100000 0000000000000000 0000000000000000";
    let bytes = decode_hex(&hex.replace(' ', "")).unwrap();
    assert_eq!(Ewkb::parse(&bytes).unwrap().srid(), Some(4326));
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| {
        let bytes = decode_hex(&"010700000001000000".repeat(levels - 1)).unwrap();
        [bytes, decode_hex("010700000000000000").unwrap()].concat()
    };
    let deepest = nested(MAX_DEPTH);
    let value = Ewkb::parse(&deepest).unwrap();
    assert!(value.facts().is_empty());
    assert!(value.to_geo().is_ok());

    let error = Ewkb::parse(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error.to_string(), "nested deeper than 200 levels, at byte 1796");
    // As deep as a megabyte can say: the stack does not follow.
    assert!(Ewkb::parse(&nested(100_000)).is_err());
}
