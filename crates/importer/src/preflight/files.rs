//! What was found, as files.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::geojson::WGS84;
use super::report::PreflightReport;

/// A file of findings that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write what the preflight found to {}", path.display())]
pub struct FindingsError {
    /// The file, or its folder.
    pub path: PathBuf,
    source: io::Error,
}

impl PreflightReport {
    /// Writes the report to `NAME.json` in the folder, which is made where it is not there, and
    /// [what there is to look at](Self::to_geojson) to `NAME.geojson`, for another SRID than 4326 to
    /// `NAME.srid-3857.geojson` and the like; returns the files. The name is `preflight`, or tells whose findings they are.
    ///
    /// Each file appears whole, in place of one of that name. Those written earlier under the name for SRIDs that are no more
    /// found are removed, and nothing else. Blocks while it writes.
    ///
    /// # Errors
    /// [`FindingsError`] names the file.
    pub fn write_findings(&self, folder: &Path, name: &str) -> Result<Vec<PathBuf>, FindingsError> {
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        let mut files = vec![folder.join(format!("{name}.json"))];
        write(&files[0], self)?;
        for (srid, collection) in self.to_geojson() {
            let file = folder.join(match srid {
                WGS84 => format!("{name}.geojson"),
                srid => format!("{name}.srid-{srid}.geojson"),
            });
            write(&file, &collection)?;
            files.push(file);
        }
        for entry in std::fs::read_dir(folder).map_err(at(folder))? {
            let file = entry.map_err(at(folder))?.path();
            if is_of_an_srid(&file, name) && !files.contains(&file) {
                std::fs::remove_file(&file).map_err(at(&file))?;
            }
        }
        Ok(files)
    }
}

/// Whether this was written under the name for an SRID of its own.
fn is_of_an_srid(file: &Path, name: &str) -> bool {
    let file = file.file_name().and_then(|file| file.to_str());
    let srid = file
        .and_then(|file| file.strip_prefix(name)?.strip_prefix(".srid-"))
        .and_then(|name| name.strip_suffix(".geojson"));
    srid.is_some_and(|srid| srid.parse::<i32>().is_ok())
}

fn write(file: &Path, content: &impl Serialize) -> Result<(), FindingsError> {
    let bytes = serde_json::to_vec_pretty(content).map_err(io::Error::from);
    let aside = file.with_extension("new");
    bytes
        .and_then(|bytes| std::fs::write(&aside, bytes))
        .and_then(|()| std::fs::rename(&aside, file))
        .map_err(at(file))
}

fn at(path: &Path) -> impl Fn(io::Error) -> FindingsError {
    move |source| FindingsError {
        path: path.to_owned(),
        source,
    }
}
