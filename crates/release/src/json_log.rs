//! The JSON-lines log: one event a line, appended.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cutover_core::{Event, EventSink};

/// Appends every event to a file as one line of JSON.
///
/// A disk that fills up while a release runs must not fail the release: a line that cannot be written is dropped, and
/// [`JsonLog::lost`] tells how many were.
#[derive(Debug)]
pub struct JsonLog {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    lost: u64,
}

/// The log file could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("could not open the log file {}", path.display())]
pub struct JsonLogError {
    /// Which file.
    pub path: PathBuf,
    source: io::Error,
}

impl JsonLog {
    /// Opens the file for appending and creates it, with its folder, when it is not there.
    ///
    /// # Errors
    /// [`JsonLogError`] when that is not allowed or not possible.
    pub fn open(path: &Path) -> Result<Self, JsonLogError> {
        let failed = |source| JsonLogError {
            path: path.to_owned(),
            source,
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(failed)?;
        Ok(Self {
            state: Mutex::new(State { file, lost: 0 }),
        })
    }

    /// How many lines could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.state.lock().map_or(0, |state| state.lost)
    }
}

impl EventSink for JsonLog {
    fn emit(&self, event: &Event) {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return;
        };
        line.push(b'\n');
        // A poisoned lock means that another thread panicked while writing; nothing more to be saved here.
        let Ok(mut state) = self.state.lock() else { return };
        if state.file.write_all(&line).is_err() {
            state.lost += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use cutover_core::{EventKind, Events};

    use super::*;

    #[test]
    fn appends_one_line_an_event() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/cutover.log");
        for _ in 0..2 {
            let events = Events::to(JsonLog::open(&path).unwrap());
            events.emit(EventKind::Warning {
                message: "two\nlines".into(),
            });
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["event"], "warning");
        assert_eq!(line["message"], "two\nlines");
        assert!(line["at"].is_string() && line["elapsed_ms"].is_u64());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let error = JsonLog::open(&folder.path().join("file/cutover.log")).unwrap_err();
        assert!(error.to_string().ends_with("file/cutover.log"), "{error}");
    }

    #[test]
    fn a_full_disk_loses_lines_and_nothing_else() {
        // /dev/full answers every write with ENOSPC.
        let log = JsonLog::open(Path::new("/dev/full")).unwrap();
        Events::to(move |event: &Event| {
            log.emit(event);
            assert_eq!(log.lost(), 1);
        })
        .emit(EventKind::Warning { message: "x".into() });
    }
}
