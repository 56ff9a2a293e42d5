//! What hooks are told of the release.

use std::collections::BTreeMap;

use cutover_core::release_file::HookPoint;
use cutover_core::{Phase, Stamp};
use serde::Serialize;

use crate::{Manifest, SwapFigures};

/// The version of the shape of [`HookFacts`]; grows when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;
/// Of an error, what a variable holds at most: the operating system bounds it too.
const LONGEST_VARIABLE: usize = 16 * 1024;

/// Everything that is known of a release at a point, as hooks get it: one JSON document.
#[derive(Debug, Serialize)]
pub(crate) struct HookFacts<'a> {
    pub(crate) schema_version: u32,
    pub(crate) hook: &'a str,
    pub(crate) point: HookPoint,
    pub(crate) phase: Option<Phase>,
    pub(crate) release_set: &'a str,
    pub(crate) release: i64,
    pub(crate) label: &'a str,
    /// The backup set that holds what was live before.
    pub(crate) backup: Option<&'a Stamp>,
    /// The backup set that is live again.
    pub(crate) restored: Option<&'a Stamp>,
    /// Why the release failed.
    pub(crate) error: Option<&'a str>,
    pub(crate) swap: Option<&'a SwapFigures>,
    pub(crate) manifest: Option<&'a Manifest>,
}

impl<'a> HookFacts<'a> {
    /// Those of a release that has not come far.
    pub(crate) fn new(point: HookPoint, phase: Option<Phase>, release: i64) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            hook: "",
            point,
            phase,
            release_set: "",
            release,
            label: "",
            backup: None,
            restored: None,
            error: None,
            swap: None,
            manifest: None,
        }
    }

    pub(super) fn point(&self) -> (HookPoint, Option<Phase>) {
        (self.point, self.phase)
    }

    /// The same for one hook.
    pub(super) fn to<'h>(&'h self, hook: &'h str) -> HookFacts<'h>
    where
        'a: 'h,
    {
        HookFacts { hook, ..*self }
    }

    /// As one JSON document.
    pub(super) fn document(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// One by one, for the templates of requests.
    pub(super) fn values(&self) -> Result<BTreeMap<&'static str, String>, serde_json::Error> {
        let mut values = BTreeMap::from([
            ("facts", self.document()?),
            ("release_set", self.release_set.to_owned()),
            ("label", self.label.to_owned()),
            ("month", self.label.to_owned()),
            ("release", self.release.to_string()),
            ("point", self.point.to_string()),
        ]);
        values.extend(self.phase.map(|phase| ("phase", phase.to_string())));
        values.extend(self.backup.map(|backup| ("backup", backup.to_string())));
        Ok(values)
    }

    /// One by one, for the environment of commands: `None` where there is none, so that no variable of before is taken for
    /// it.
    pub(super) fn variables(&self) -> [(&'static str, Option<String>); 10] {
        [
            ("CUTOVER_HOOK", Some(self.hook.to_owned())),
            ("CUTOVER_POINT", Some(self.point.to_string())),
            ("CUTOVER_PHASE", self.phase.map(|phase| phase.to_string())),
            ("CUTOVER_RELEASE_SET", Some(self.release_set.to_owned())),
            ("CUTOVER_RELEASE", Some(self.release.to_string())),
            ("CUTOVER_LABEL", Some(self.label.to_owned())),
            ("CUTOVER_BACKUP", self.backup.map(ToString::to_string)),
            ("CUTOVER_RESTORED", self.restored.map(ToString::to_string)),
            ("CUTOVER_ERROR", self.error.map(for_a_variable)),
            (
                "CUTOVER_EXCLUSIVE_MS",
                self.swap.map(|swap| swap.exclusive_ms.to_string()),
            ),
        ]
    }
}

fn for_a_variable(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(LONGEST_VARIABLE)];
    text.replace('\0', "")
}

#[cfg(test)]
mod tests {
    use cutover_core::release_file::VARIABLES;

    use super::*;

    /// A command may call `cutover` itself: what it is told must not be taken for settings.
    #[test]
    fn no_fact_is_a_setting() {
        let facts = HookFacts::new(HookPoint::Started, None, 1);
        for (name, _) in facts.variables() {
            assert!(VARIABLES.iter().all(|variable| variable.name != name), "{name}");
            assert_ne!(name, "CUTOVER_FILE");
        }
    }
}
