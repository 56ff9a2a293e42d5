//! `ALTER … DEPENDS ON EXTENSION`: what is dropped with an extension without belonging to it.

use cutover_core::catalog::Trigger;
use cutover_core::{ObjectKind, ObjectName, Sql, Step};

use super::twin::Twin;

const PURPOSE: &str = "tie to its extension";

/// Of a materialized view itself.
pub(super) fn of_relation(twin: &Twin<'_>) -> impl Iterator<Item = Step> {
    twin.live.depends_on_extensions.iter().map(|extension| {
        let sql = twin.alter().then(" DEPENDS ON EXTENSION ").ident(extension);
        Step::new(PURPOSE, twin.object(), sql)
    })
}

/// Of a trigger, while its table is in the scratch schema.
pub(super) fn of_trigger(twin: &Twin<'_>, trigger: &Trigger) -> impl Iterator<Item = Step> {
    trigger.depends_on_extensions.iter().map(|extension| {
        let sql = Sql::text("ALTER TRIGGER ")
            .ident(&trigger.name)
            .then(" ON ")
            .name(&twin.scratch)
            .then(" DEPENDS ON EXTENSION ")
            .ident(extension);
        let object = ObjectName::part(ObjectKind::Trigger, &trigger.name, &twin.staging);
        Step::new(PURPOSE, object, sql)
    })
}
