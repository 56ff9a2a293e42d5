//! What is live after a turn.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use cutover_testkit::TestDatabase;

use crate::servers::members;
use crate::way::Way;

/// Of a relation the number of rows and, where that was asked for, a checksum over all values.
pub(crate) type Contents = BTreeMap<&'static str, (String, Option<String>)>;

pub(crate) async fn read(database: &TestDatabase, every_value: bool) -> Result<Contents> {
    let mut contents = Contents::new();
    for member in members() {
        let rows = database
            .query_text(&format!("SELECT count(*) FROM {member}"))
            .await?;
        let mut checksum = None;
        if every_value {
            let sql = format!("SELECT coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {member} t");
            checksum = Some(database.query_text(&sql).await?);
        }
        contents.insert(member, (rows, checksum));
    }
    Ok(contents)
}

/// Checksums are compared where both have them.
pub(crate) fn compare(expected: &Contents, found: &Contents, way: Way) -> Result<()> {
    for (member, (rows, checksum)) in found {
        let Some((expected_rows, expected_checksum)) = expected.get(member) else {
            continue;
        };
        ensure!(
            rows == expected_rows,
            "{way}: {member} has {rows} rows instead of {expected_rows}"
        );
        ensure!(
            checksum.is_none() || expected_checksum.is_none() || checksum == expected_checksum,
            "{way}: {member} has other values than the first way left"
        );
    }
    Ok(())
}
