//! What the checkpoint of a chunk keeps of the checks of its rows: an import that is taken up goes on counting.

use std::collections::BTreeMap;

use cutover_core::records::ImportSoFar;
use geo::Point;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::preflight::findings::{Findings, Found};
use crate::preflight::geometry::native::Judged;
use crate::preflight::report::Offender;

/// By the digest of the check. A chunk in which nothing was found is kept, too: it has been checked.
pub(super) type ByCheck = BTreeMap<String, Kept>;

/// What one check found in the rows of one chunk, but for geometries to be looked at.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Rows of this chunk and all before it.
    rows: u64,
    unread: u64,
    offending: u64,
    found: Vec<KeptReason>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptReason {
    reason: String,
    count: u64,
    offenders: Vec<KeptOffender>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptOffender {
    row: u64,
    key: Vec<(String, Option<String>)>,
    detail: Option<String>,
    srid: Option<i32>,
    /// As texts, which read as the same numbers again.
    place: Option<[String; 2]>,
}

impl Kept {
    pub(super) fn of(Judged { findings, unread }: &Judged) -> Self {
        let found = findings.found().iter().map(|found| KeptReason {
            reason: found.reason.clone(),
            count: found.count,
            offenders: found.offenders.iter().map(KeptOffender::of).collect(),
        });
        Self {
            rows: findings.rows(),
            unread: *unread,
            offending: findings.offending(),
            found: found.collect(),
        }
    }

    fn judged(self, max_keys: usize) -> Judged {
        let found = self.found.into_iter().map(|found| Found {
            reason: found.reason,
            count: found.count,
            offenders: found.offenders.into_iter().map(KeptOffender::offender).collect(),
        });
        Judged {
            findings: Findings::of_kept(max_keys, self.rows, self.offending, found.collect()),
            unread: self.unread,
        }
    }
}

impl KeptOffender {
    fn of((row, offender): &(u64, Offender)) -> Self {
        Self {
            row: *row,
            key: offender.key.clone(),
            detail: offender.detail.clone(),
            srid: offender.srid,
            place: offender
                .place
                .map(|place| [place.x().to_string(), place.y().to_string()]),
        }
    }

    fn offender(self) -> (u64, Offender) {
        let number = |text: String| text.parse().ok();
        let place = self.place.and_then(|[x, y]| number(x).zip(number(y)));
        let offender = Offender {
            key: self.key,
            detail: self.detail,
            srid: self.srid,
            place: place.map(|(x, y): (f64, f64)| Point::new(x, y)),
            ..Offender::default()
        };
        (self.row, offender)
    }
}

/// What a check found in a chunk, where it was made on its rows.
fn in_chunk(checked: Option<&Value>, digest: &str) -> Option<Kept> {
    Kept::deserialize(checked?.get(digest)?).ok()
}

/// Whether a check was made on the rows of every chunk that is in.
pub(super) fn knows_all(so_far: &ImportSoFar, digest: &str) -> bool {
    so_far
        .checked
        .iter()
        .all(|checked| in_chunk(checked.as_ref(), digest).is_some())
}

/// What a check found in all chunks that are in.
pub(super) fn found_in(so_far: &ImportSoFar, digest: &str, max_keys: usize) -> Judged {
    let mut all = Judged {
        findings: Findings::new(max_keys),
        unread: 0,
    };
    let chunks = so_far.checked.iter();
    for kept in chunks.filter_map(|checked| in_chunk(checked.as_ref(), digest)) {
        all.add(kept.judged(max_keys));
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_is_what_was_found() {
        let judged = || {
            let mut findings = Findings::new(3).of_rows_behind(10);
            findings.next_row();
            findings.add("bad", || Offender {
                key: vec![("id".to_owned(), Some("7".to_owned())), ("pid".to_owned(), None)],
                detail: Some("why".to_owned()),
                srid: Some(4326),
                place: Some(Point::new(0.1 + 0.2, 1e-300)),
                ..Offender::default()
            });
            findings.next_row();
            findings.add("bad", Offender::default);
            Judged { findings, unread: 1 }
        };
        let chunk = json!({ "digest": Kept::of(&judged()) });
        let so_far = ImportSoFar {
            chunks: 1,
            checked: vec![Some(chunk.clone())],
            ..ImportSoFar::default()
        };
        let found = found_in(&so_far, "digest", 3);
        assert_eq!(
            (found.unread, found.findings.rows(), found.findings.offending()),
            (1, 12, 2)
        );
        assert_eq!(found.findings.into_vec(), judged().findings.into_vec());
        assert!(knows_all(&so_far, "digest") && !knows_all(&so_far, "another"));
        let so_far = ImportSoFar {
            checked: vec![Some(chunk), None],
            ..so_far
        };
        assert!(!knows_all(&so_far, "digest"), "one chunk was not checked");
    }
}
