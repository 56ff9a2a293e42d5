//! Geometry checks with `when = "import"`: on whose rows each is made, or why the phase `preflight` reads its view after all.

use std::fmt;

use cutover_core::release_file::{self as file, GeometryMoment, ImportSource, ImportWay};
use cutover_importer::preflight::Check;
use serde::Serialize;

use crate::{Cutover, ReleaseError, ReleaseOptions};

/// Where a geometry check with `when = "import"` is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedCheck {
    /// The check.
    pub check: String,
    /// The importer on whose rows it is made; `None` where the phase `preflight` reads the view for it.
    pub importer: Option<String>,
    /// Why it cannot be made on an importer's rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

impl fmt::Display for PlannedCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "check {}: ", self.check)?;
        match (&self.importer, &self.because) {
            (Some(importer), _) => write!(f, "on the rows of importer {importer}, as they pass"),
            (None, Some(because)) => write!(f, "read apart in preflight: {because}"),
            (None, None) => f.write_str("read apart in preflight"),
        }
    }
}

/// When a check is made.
pub(crate) enum Moment<'a> {
    /// In the phase `preflight`, as the release file has it.
    Preflight,
    /// On the rows of this importer.
    With(&'a file::Import),
    /// In the phase `preflight`, because of this.
    Apart(String),
}

impl Cutover {
    /// When a geometry check is made in a run with these options. What only the catalog tells (that a column is converted on
    /// its way, say) is found when the importer is planned, and the check is made apart then.
    pub(crate) fn moment(&self, check: &file::GeometryCheck, options: &ReleaseOptions) -> Moment<'_> {
        if check.when != GeometryMoment::Import {
            return Moment::Preflight;
        }
        let view = self.source_relation(&check.view);
        let mut obstacles = Vec::new();
        for import in self.file.imports() {
            match &import.source {
                ImportSource::Relation { from, .. } if self.source_relation(from) == view => {}
                _ => continue,
            }
            match obstacle(import, check, options) {
                None => return Moment::With(import),
                Some(why) => obstacles.push(format!("importer {} {why}", import.name)),
            }
        }
        if obstacles.is_empty() {
            Moment::Apart(format!("no importer reads {view} as it is (`from`)"))
        } else {
            Moment::Apart(obstacles.join("; "))
        }
    }

    /// The checks that are made on the rows of an importer.
    pub(crate) fn checks_of(
        &self,
        import: &file::Import,
        options: &ReleaseOptions,
    ) -> Result<Vec<Check>, ReleaseError> {
        let all = self.file.preflight().geometry.iter();
        let its_own = all.filter(
            |check| matches!(self.moment(check, options), Moment::With(other) if other.name == import.name),
        );
        its_own.map(|check| self.geometry(check)).collect()
    }

    /// Where the checks with `when = "import"` would be made in a whole release.
    pub(crate) fn planned_checks(&self) -> Result<Vec<PlannedCheck>, ReleaseError> {
        let options = ReleaseOptions::default();
        let mut planned = Vec::new();
        for check in &self.file.preflight().geometry {
            let (importer, because) = match self.moment(check, &options) {
                Moment::Preflight => continue,
                Moment::With(import) => (Some(import.name.clone()), None),
                Moment::Apart(why) => (None, Some(why)),
            };
            planned.push(PlannedCheck {
                check: self.geometry(check)?.to_string(),
                importer,
                because,
            });
        }
        Ok(planned)
    }
}

/// Why a check cannot be made on the rows of an importer that reads its view.
fn obstacle(import: &file::Import, check: &file::GeometryCheck, options: &ReleaseOptions) -> Option<String> {
    if !options.runs(import) {
        return Some("does not run".to_owned());
    }
    if options.sample.is_some() {
        return Some("brings a sample only".to_owned());
    }
    if import.way == ImportWay::Server {
        return Some("goes inside the server (`way`)".to_owned());
    }
    if import.transforms() {
        return Some("changes its rows on their way".to_owned());
    }
    let columns = import.source.columns()?;
    let mut wanted = std::iter::once(&check.column).chain(&check.key);
    let missing = wanted.find(|column| !columns.values().any(|source| source.from() == *column))?;
    Some(format!("does not bring column {missing}"))
}
