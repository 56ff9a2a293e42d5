//! Security labels.

use cutover_core::catalog::{OwnedSequence, SecurityLabel};
use cutover_core::{ObjectKind, ObjectName, QualifiedName, Sql, Step};

use super::twin::Twin;

/// The purpose of the steps: what the server answers does not tell that a label was meant.
pub(crate) const LABELLING: &str = "set the security label of";

/// The labels of a relation, its columns and its sequences. Their provider decides whether the session may set them.
pub(super) fn labels(
    twin: &Twin<'_>,
    sequences: &[(ObjectName, QualifiedName, &OwnedSequence)],
) -> Vec<Step> {
    let relation = twin.verb("").name(&twin.staging);
    let mut steps = of(&twin.object(), &relation, &twin.live.security_labels);
    for column in &twin.live.columns {
        let on = Sql::text("COLUMN ")
            .name(&twin.staging)
            .then(".")
            .ident(&column.name);
        let object = ObjectName::part(ObjectKind::Column, &column.name, &twin.staging);
        steps.extend(of(&object, &on, &column.security_labels));
    }
    for (object, name, sequence) in sequences {
        let on = Sql::text("SEQUENCE ").name(name);
        steps.extend(of(object, &on, &sequence.security_labels));
    }
    steps
}

fn of(object: &ObjectName, on: &Sql, labels: &[SecurityLabel]) -> Vec<Step> {
    let step = |label: &SecurityLabel| {
        let sql = Sql::text("SECURITY LABEL FOR ")
            .literal(&label.provider)
            .then(" ON ")
            .append(on)
            .then(" IS ")
            .literal(&label.label);
        Step::new(LABELLING, object.clone(), sql)
    };
    labels.iter().map(step).collect()
}
