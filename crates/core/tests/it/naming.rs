//! Names of staging and backups, and stamps, for inputs nobody thought of.

use std::collections::BTreeSet;

use cutover_core::{Ident, NamingPolicy, QualifiedName, Stamp};
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;

/// Names up to the limit, many of them with a long common beginning and some in wide characters.
fn ident() -> impl Strategy<Value = Ident> {
    let name = prop_oneof![
        "[a-c]{1,63}",
        "a{50,60}[ab]{0,3}",
        "(é|字|🦎|x){1,15}",
        "字{18,20}[ab]",
        "\\PC{1,20}",
    ];
    name.prop_filter_map("63 bytes at most", |name| Ident::new(name).ok())
}

fn stamp() -> impl Strategy<Value = Stamp> {
    "[0-9]{10}".prop_map(|digits| digits.parse().unwrap())
}

fn public(name: &Ident) -> QualifiedName {
    QualifiedName::new(Ident::new("public").unwrap(), name.clone())
}

proptest! {
    #[test]
    fn names_fit_and_stay_apart(names in prop::collection::btree_set(ident(), 1..20), stamps in prop::collection::btree_set(stamp(), 1..3)) {
        let policy = NamingPolicy::default();
        let mut made = BTreeSet::new();
        for name in &names {
            let live = public(name);
            let mut derived = vec![policy.staging(&live)];
            derived.extend(stamps.iter().map(|stamp| policy.backup(stamp, &live)));
            for derived in derived {
                // What `Ident::new` accepts is UTF-8 by type, not empty and at most 63 bytes long.
                prop_assert!(Ident::new(derived.name.as_str()).is_ok());
                prop_assert_eq!(&derived.schema, &live.schema);
                prop_assert!(policy.looks_managed(&derived.name), "{}", derived);
                prop_assert!(made.insert(derived.clone()), "{} twice", derived);
            }
        }
        prop_assert_eq!(made.len(), names.len() * (1 + stamps.len()));
    }

    #[test]
    fn short_names_are_kept_whole(name in "[a-zé]{1,20}") {
        let live = public(&Ident::new(name.as_str()).unwrap());
        let policy = NamingPolicy::default();
        let staging = policy.staging(&live);
        prop_assert_eq!(staging.name.as_str(), format!("staging_{name}"));
    }

    #[test]
    fn every_time_has_a_stamp(seconds in Timestamp::MIN.as_second()..=Timestamp::MAX.as_second()) {
        let stamp = Stamp::at(Timestamp::from_second(seconds).unwrap());
        prop_assert_eq!(stamp.as_str().parse::<Stamp>(), Ok(stamp.clone()));
    }

    #[test]
    fn the_first_free_stamp_is_free_and_near(minute in 0_i64..50_000_000, taken in prop::collection::btree_set(0_i64..12, 0..12)) {
        let time = Timestamp::from_second(minute * 60).unwrap();
        let at = |minutes: i64| Stamp::at(time.checked_add(minutes.minutes()).unwrap());
        let taken_stamps: Vec<Stamp> = taken.iter().map(|minutes| at(*minutes)).collect();
        let first = (0..=12).find(|minutes| !taken.contains(minutes)).unwrap();
        prop_assert_eq!(Stamp::first_free(time, &taken_stamps), at(first));
    }

    #[test]
    fn only_ten_digits_are_a_stamp(text in "\\PC{0,12}|[0-9]{8,12}") {
        let digits = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
        prop_assert_eq!(text.parse::<Stamp>().is_ok(), digits);
    }
}
