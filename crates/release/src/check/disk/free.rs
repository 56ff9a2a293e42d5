//! What is free on the disks of the server, and how that is known.
//!
//! SQL has no function for it. What an administrator's query or the release file says counts; else it is looked up, where
//! the server runs on this machine. Nothing is run on the server for it.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cutover_core::{Session, Sql};
use serde::Serialize;
use tokio_postgres::{Client, IsolationLevel};

use super::log_kept::LogKept;
use super::prediction::DiskPrediction;
use crate::Cutover;
use crate::release::with_causes;

/// How long the query of the release file may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How it is known what is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FreeFrom {
    /// `disk.free` of the release file says so.
    ReleaseFile,
    /// The query `disk.free_query` says so.
    Query,
    /// The server runs on this machine.
    ThisMachine,
}

impl fmt::Display for FreeFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReleaseFile => "as [disk] free says",
            Self::Query => "as [disk] free_query says",
            Self::ThisMachine => "as seen on this machine, where the server runs",
        })
    }
}

/// A disk of the server: what a release needs of it, and what is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DiskSpace {
    /// A folder of the server's on it; `None` where one figure speaks for all disks.
    pub path: Option<PathBuf>,
    /// What is needed there, in bytes.
    pub needed_bytes: u64,
    /// What is needed when the release is a fifth larger and all of the log stays that could.
    pub needed_with_margin_bytes: u64,
    /// What is free for the server there, staging that the next release removes or goes on with included.
    pub free_bytes: u64,
}

impl DiskSpace {
    /// Whether there is enough.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.needed_bytes <= self.free_bytes
    }

    /// Whether there is enough with a margin.
    #[must_use]
    pub fn fits_with_margin(&self) -> bool {
        self.needed_with_margin_bytes <= self.free_bytes
    }
}

/// A folder on the server with what is needed there.
#[derive(Debug)]
struct Need {
    path: PathBuf,
    bytes: u64,
    with_margin: u64,
}

fn and_a_fifth(bytes: u64) -> u64 {
    bytes.saturating_add(bytes / 5)
}

impl Cutover {
    /// What is free, or why that is not known.
    pub(super) async fn free_disk(
        &self,
        session: &mut Session,
        prediction: &DiskPrediction,
        log: &LogKept,
    ) -> Result<(FreeFrom, Vec<DiskSpace>), String> {
        let settings = self.file.disk();
        let (from, free) = if let Some(free) = settings.free {
            (FreeFrom::ReleaseFile, free.bytes())
        } else if let Some(query) = &settings.free_query {
            (FreeFrom::Query, ask(session, query).await?)
        } else {
            return Ok((FreeFrom::ThisMachine, look(session, prediction, log).await?));
        };
        let without_log = prediction.peak_bytes - prediction.log_kept_bytes;
        let all = DiskSpace {
            path: None,
            needed_bytes: prediction.peak_bytes,
            needed_with_margin_bytes: and_a_fifth(without_log) + prediction.log_at_most_bytes,
            free_bytes: free + prediction.staging_bytes,
        };
        Ok((from, vec![all]))
    }
}

async fn ask(session: &mut Session, query: &str) -> Result<u64, String> {
    let asked = run(session, query).await;
    let free = asked.map_err(|error| {
        let error = cutover_core::DatabaseError::from(error);
        format!("[disk] free_query: {}", with_causes(&error))
    })?;
    free.and_then(|bytes| u64::try_from(bytes).ok())
        .ok_or_else(|| "[disk] free_query returned no number of bytes".to_owned())
}

async fn run(session: &mut Session, query: &str) -> Result<Option<i64>, tokio_postgres::Error> {
    let tx = session
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted)
        .read_only(true)
        .start()
        .await?;
    let patience = Sql::text("SET LOCAL statement_timeout = ")
        .number(i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX));
    tx.batch_execute(patience.as_str()).await?;
    let sql = Sql::text("SELECT trunc((")
        .append(&Sql::operator_query(query.trim().trim_end_matches(';')))
        .then("\n)::numeric)::int8");
    let row = tx.query_one(sql.as_str(), &[]).await?;
    tx.rollback().await?;
    row.try_get(0)
}

/// Looks at the server's folders, where they are this machine's.
async fn look(
    client: &Session,
    prediction: &DiskPrediction,
    log: &LogKept,
) -> Result<Vec<DiskSpace>, String> {
    if !runs_here(client, client.backend_pid()).await {
        return Err("its server does not run on this machine, or not so that it can be seen".to_owned());
    }
    let Some(data) = &log.data_directory else {
        return Err("the server runs on this machine, but the role may not read data_directory".to_owned());
    };
    let mut needs: Vec<Need> = prediction
        .by_tablespace
        .iter()
        .map(|(place, bytes)| Need {
            path: if place.is_empty() {
                data.clone()
            } else {
                PathBuf::from(place)
            },
            bytes: *bytes,
            with_margin: and_a_fifth(*bytes),
        })
        .collect();
    // The folder of the log may be a link to another disk; who may not look into the data directory cannot tell.
    let pg_wal = data.join("pg_wal");
    needs.push(Need {
        path: if fs::metadata(&pg_wal).is_ok() {
            pg_wal
        } else {
            data.clone()
        },
        bytes: prediction.log_kept_bytes,
        with_margin: prediction.log_at_most_bytes,
    });
    by_disk(&needs, prediction.staging_bytes).map_err(|(path, error)| {
        format!(
            "the server runs on this machine, but its folder {} cannot be looked at: {error}",
            path.display()
        )
    })
}

/// One entry for each file system. Staging that is there is where live is, for the most part: with the first.
fn by_disk(needs: &[Need], staging: u64) -> Result<Vec<DiskSpace>, (PathBuf, std::io::Error)> {
    let mut disks: Vec<(u64, DiskSpace)> = Vec::new();
    for need in needs.iter().filter(|need| need.with_margin > 0) {
        let failed = |error| (need.path.clone(), error);
        let device = fs::metadata(&need.path).map_err(failed)?.dev();
        if let Some((_, disk)) = disks.iter_mut().find(|(known, _)| *known == device) {
            disk.needed_bytes += need.bytes;
            disk.needed_with_margin_bytes += need.with_margin;
            continue;
        }
        let free = free_at(&need.path).map_err(failed)?;
        let staging = if disks.is_empty() { staging } else { 0 };
        let disk = DiskSpace {
            path: Some(need.path.clone()),
            needed_bytes: need.bytes,
            needed_with_margin_bytes: need.with_margin,
            free_bytes: free.saturating_add(staging),
        };
        disks.push((device, disk));
    }
    Ok(disks.into_iter().map(|(_, disk)| disk).collect())
}

/// What is free for programs that are not root's, as the server is not.
fn free_at(path: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Whether the process that serves a session is one of this machine, by what Linux tells of it: a port of this machine may lead
/// to a server elsewhere, or into a container with disks of its own. There the process has another number here, and
/// another title; and the data directory has to be its user's.
async fn runs_here(client: &Client, pid: i32) -> bool {
    let asked = client
        .query_one(
            "SELECT session_user::pg_catalog.text, pg_catalog.current_database()::pg_catalog.text, \
                    (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory')",
            &[],
        )
        .await;
    let Ok(row) = asked else { return false };
    let process = PathBuf::from(format!("/proc/{pid}"));
    let Ok(title) = fs::read(process.join("cmdline")) else {
        return false;
    };
    let owner = |path: &Path| fs::metadata(path).map(|facts| facts.uid()).ok();
    let data = row.get::<_, Option<String>>(2);
    let is_owner = data.is_none_or(|data| owner(Path::new(&data)) == owner(&process));
    is_title_of(&String::from_utf8_lossy(&title), row.get(0), row.get(1)) && is_owner
}

/// As the server writes it: `postgres: wdpa_owner wdpa 10.0.0.7(40000) idle`, the name of its cluster before the role's.
fn is_title_of(title: &str, role: &str, database: &str) -> bool {
    title.starts_with("postgres: ") && title.contains(&format!(" {role} {database} "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_process_is_known_by_its_title() {
        let is = |title| is_title_of(title, "wdpa_owner", "wdpa");
        assert!(is("postgres: wdpa_owner wdpa 127.0.0.1(40000) SELECT\0"));
        assert!(is(
            "postgres: 15/main: wdpa_owner wdpa [local] idle in transaction\0"
        ));
        assert!(!is("postgres: wdpa_owner other 127.0.0.1(40000) idle\0"));
        assert!(!is("postgres: checkpointer \0"));
        assert!(!is("vim notes about wdpa_owner wdpa \0"));
    }

    #[test]
    fn folders_on_one_disk_share_what_is_free_there() {
        let folder = tempfile::tempdir().unwrap();
        let need = |path: &Path, bytes| Need {
            path: path.to_owned(),
            bytes,
            with_margin: bytes * 2,
        };
        let other = folder.path().join("other");
        fs::create_dir(&other).unwrap();
        let disks = by_disk(
            &[
                need(folder.path(), 10),
                need(&other, 20),
                need(Path::new("/nowhere"), 0),
            ],
            7,
        )
        .unwrap();
        let [disk] = disks.as_slice() else {
            panic!("{disks:?}")
        };
        assert_eq!((disk.needed_bytes, disk.needed_with_margin_bytes), (30, 60));
        assert!(disk.free_bytes > 7 && disk.fits());
        let (path, _) = by_disk(&[need(Path::new("/nowhere"), 1)], 0).unwrap_err();
        assert_eq!(path, Path::new("/nowhere"));
    }
}
