//! Schemas of their own for staging and backups: who may look into them.

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{ObjectKind, ObjectName};

use super::{Concern, Findings};

/// Whether they can be used at all, the plans say.
pub(super) fn check(live: &CatalogSnapshot, findings: &mut Findings) {
    for facts in &live.schemas {
        let schema = ObjectName::global(ObjectKind::Schema, &facts.name);
        if !facts.exists() {
            if live.server.may_create_schemas {
                let what = "does not exist, and will be made for nobody but the roles of the set";
                findings.ok(Concern::Schemas, format!("{schema} {what}"));
            }
        } else if facts.granted_to.is_empty() {
            findings.ok(
                Concern::Schemas,
                format!("{schema} is open to nobody but the roles of the set"),
            );
        } else {
            findings.warning(
                Concern::Schemas,
                format!(
                    "{schema} is open to {}: whatever publishes all that it may see as one of these finds staging or \
                     backups there",
                    facts.granted_to.join(", ")
                ),
                "REVOKE USAGE ON SCHEMA from them, or leave it to the privileges of the relations, which are live's",
            );
        }
    }
}
