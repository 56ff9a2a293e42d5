//! Finds the PostgreSQL server binaries that the machine has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Directories that hold one directory per major version, each with a `bin` inside.
const VERSIONED: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
    ("/Applications/Postgres.app/Contents/Versions", ""),
];

/// The server binaries of one major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installation {
    pub(super) version: u16,
    pub(super) bin: PathBuf,
}

impl Installation {
    /// The wanted major version, or the newest when `None`.
    pub(super) fn find(wanted: Option<u16>) -> Result<Self> {
        let mut all = Self::all();
        match wanted {
            None if all.is_empty() => bail!("no PostgreSQL server binaries found; {}", remedy(None)),
            None => Ok(all.remove(0)),
            Some(version) => all
                .into_iter()
                .find(|found| found.version == version)
                .with_context(|| {
                    format!(
                        "no binaries of PostgreSQL {version} found; {}",
                        remedy(Some(version))
                    )
                }),
        }
    }

    /// Every installation, newest first.
    pub(super) fn all() -> Vec<Self> {
        let mut seen = BTreeSet::new();
        let mut found: Vec<Self> = candidates()
            .into_iter()
            .filter(|bin| bin.join("initdb").is_file())
            .filter(|bin| seen.insert(bin.canonicalize().unwrap_or_else(|_| bin.clone())))
            .filter_map(|bin| {
                Some(Self {
                    version: major_version(&bin)?,
                    bin,
                })
            })
            .collect();
        found.sort_by_key(|installation| std::cmp::Reverse(installation.version));
        found
    }
}

/// The sentence that tells how to get server binaries.
fn remedy(version: Option<u16>) -> String {
    let version = version.map_or_else(|| "15".to_owned(), |version| version.to_string());
    format!(
        "install the Debian packages postgresql-{version} and postgresql-{version}-postgis-3 \
         (or let scripts/test do it), or set CUTOVER_TEST_PG_VERSION to a version that is installed"
    )
}

fn candidates() -> Vec<PathBuf> {
    let mut bins = Vec::new();
    for (parent, prefix) in VERSIONED {
        for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let versioned = name
                .to_str()
                .and_then(|name| name.strip_prefix(prefix))
                .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
            if versioned {
                bins.push(entry.path().join("bin"));
            }
        }
    }
    bins.push(PathBuf::from("/usr/local/pgsql/bin"));
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        bins.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    bins.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    bins
}

fn major_version(bin: &Path) -> Option<u16> {
    let output = Command::new(bin.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    parse_major(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.14 (Debian …)` is 15; so is `15beta1`.
fn parse_major(text: &str) -> Option<u16> {
    let (_, version) = text.split_once(") ")?;
    let digits = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_versions_of_releases_and_betas() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta2\n"), Some(19));
        assert_eq!(parse_major("bash: no such file"), None);
    }

    #[test]
    fn a_version_that_is_not_there_names_the_packages() {
        let error = Installation::find(Some(7)).unwrap_err().to_string();
        assert!(
            error.contains("postgresql-7-postgis-3") && error.contains("scripts/test"),
            "{error}"
        );
    }
}
