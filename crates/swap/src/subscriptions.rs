//! Subscriptions that write to members: nothing can make them follow.
//!
//! A subscription keeps by oid which tables it writes to, and looks up by name where a change goes ([31.2]). After the renames
//! the one is the backup and the other the new table, of which it knows nothing: it skips what it is sent, without a word.
//! `ALTER SUBSCRIPTION … REFRESH PUBLICATION` would tell it, but copies the rows over those that went live.
//!
//! [31.2]: https://www.postgresql.org/docs/15/logical-replication-subscription.html

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{ObjectKind, ObjectName};

use crate::refused::{Refusal, RefusalKind};

/// Collects the subscriptions that write to what changes places.
pub(crate) fn check(live: &CatalogSnapshot, incoming: &CatalogSnapshot, refusals: &mut Vec<Refusal>) {
    for relation in live.relations.iter().chain(&incoming.relations) {
        for subscription in &relation.subscriptions {
            refusals.push(Refusal::new(
                RefusalKind::Subscription,
                ObjectName::global(ObjectKind::Subscription, subscription),
                format!(
                    "writes to {}, and would skip what it is sent once that changes places",
                    relation.name
                ),
                "take the table off the publication that it subscribes to and ALTER SUBSCRIPTION … REFRESH PUBLICATION, or \
                 DROP SUBSCRIPTION; or leave the table out of the release set",
            ));
        }
    }
}
