//! A schema of its own for staging.

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{NamingPolicy, ObjectKind, ObjectName};

use crate::Refusal;

/// Collects why it cannot hold staging; it may be still to be made.
pub(crate) fn check(snapshot: &CatalogSnapshot, naming: &NamingPolicy, refusals: &mut Vec<Refusal>) {
    let schema = naming.staging_schema(&snapshot.schema);
    if *schema == snapshot.schema {
        return;
    }
    let object = || ObjectName::global(ObjectKind::Schema, schema);
    let Some(facts) = snapshot.schema_facts(schema) else {
        let why = "is to hold staging, and the snapshot of live tells nothing of it";
        refusals.push(Refusal::new(
            object(),
            why,
            "read it with CatalogSnapshot::with_schemas",
        ));
        return;
    };
    let obstacles = facts.against_staging(snapshot).into_iter();
    refusals.extend(obstacles.map(|found| Refusal::new(object(), found.why, found.remedy)));
}

/// Whether staging is in another schema than live.
pub(crate) fn is_apart(snapshot: &CatalogSnapshot, naming: &NamingPolicy) -> bool {
    *naming.staging_schema(&snapshot.schema) != snapshot.schema
}
