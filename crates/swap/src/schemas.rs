//! Schemas of their own for staging and backups, seen from a swap.

use cutover_core::catalog::{CatalogSnapshot, SchemaObstacle};
use cutover_core::{Ident, NamingPolicy, ObjectKind, ObjectName, Step};

use crate::refused::{Refusal, RefusalKind};

/// Collects why relations cannot change their schemas, or backups cannot be where `policy` puts them.
pub(crate) fn check(
    live: &CatalogSnapshot,
    incoming: &CatalogSnapshot,
    policy: &NamingPolicy,
    refusals: &mut Vec<Refusal>,
) {
    let mut refuse = |schema: &Ident, reason: String, remedy| {
        let object = ObjectName::global(ObjectKind::Schema, schema);
        refusals.push(Refusal::new(RefusalKind::Schema, object, reason, remedy));
    };
    let server = &live.server;
    if incoming.schema != live.schema && !server.may_create_in_schema {
        let reason = format!(
            "does not let role {} create relations, nor move them there",
            server.role
        );
        refuse(&live.schema, reason, "GRANT CREATE ON SCHEMA to the role");
    }
    let schema = policy.backup_schema(&live.schema);
    if *schema == live.schema {
        return;
    }
    let Some(facts) = live.schema_facts(schema) else {
        let reason = "is to hold the backups, and the snapshot of live tells nothing of it".to_owned();
        refuse(schema, reason, "read it with CatalogSnapshot::with_schemas");
        return;
    };
    for SchemaObstacle { why, remedy, .. } in facts.against_backups(live) {
        refuse(schema, why, remedy);
    }
}

/// Makes the schema of the backups where it is not there.
pub(crate) fn make(live: &CatalogSnapshot, policy: &NamingPolicy) -> Vec<Step> {
    let schema = policy.backup_schema(&live.schema);
    let facts = live.schema_facts(schema).into_iter();
    facts.flat_map(|facts| facts.make_for_backups(live)).collect()
}
