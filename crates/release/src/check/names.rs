//! Names that staging or backups have to cut.

use cutover_core::catalog::CatalogSnapshot;
use cutover_core::{MAX_IDENT_BYTES, Stamp};
use jiff::Timestamp;

use super::{Concern, Findings};
use crate::Cutover;

impl Cutover {
    /// Nothing is lost by it, but people look for backups by name.
    pub(super) fn check_names(&self, live: &CatalogSnapshot, findings: &mut Findings) {
        let stamp = Stamp::at(Timestamp::now());
        for relation in &live.relations {
            let indexes = relation.indexes.iter().map(|index| &index.name);
            for name in indexes.chain([&relation.name]) {
                let backup = self.naming.backup(&stamp, name).name;
                if !backup.as_str().ends_with(name.name.as_str()) {
                    let what = format!(
                        "{name} is cut in backups: with what goes before it, it has over {MAX_IDENT_BYTES} bytes; \
                         cutover.backup_object has the whole name"
                    );
                    findings.ok(Concern::Names, what);
                }
            }
        }
        findings.ok_unless_found(Concern::Names, "none has to be cut");
    }
}
