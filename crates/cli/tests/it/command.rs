//! Runs the built command in a folder of its own, with nothing of the developer's environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cutover_testkit::{Cluster, TestDatabase};
use serde_json::Value;
use tempfile::TempDir;

/// A release set of two tables that fill from two others.
pub(crate) const RELEASE_FILE: &str = r#"
[release]
name = "parks"
label = "%b%Y"
tables = ["sites", "visits"]

[target]
url = "env:DATABASE_URL"

[[preflight.not_empty]]
any_of = ["upstream_sites"]

[[import]]
name = "sites"
into = "sites"
query = "SELECT id, name FROM upstream_sites ORDER BY id"

[[import]]
name = "visits"
phase = "related"
into = "visits"
after = ["sites"]
query = "SELECT v.id, v.site_id FROM upstream_visits v JOIN {{ staging('sites') }} s ON s.id = v.site_id"

[[validate]]
table = "sites"
min_rows = 1
"#;

const SCHEMA: &str = "
    CREATE TABLE upstream_sites (id bigint, name text);
    CREATE TABLE upstream_visits (id bigint, site_id bigint);
    INSERT INTO upstream_sites SELECT n, 'site ' || n FROM generate_series(1, 40) n;
    INSERT INTO upstream_visits SELECT n, 1 + n % 40 FROM generate_series(1, 100) n;
    CREATE TABLE sites (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE visits (id bigint PRIMARY KEY, site_id bigint NOT NULL REFERENCES sites);
";

/// A folder to run the command in, with a release file.
pub(crate) struct Workplace {
    folder: TempDir,
    url: Option<String>,
}

/// How the command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workplace {
    /// A folder without anything.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            url: None,
        }
    }

    /// A folder with a release file.
    pub(crate) fn with_file(text: &str) -> Self {
        let workplace = Self::empty();
        std::fs::write(workplace.path("release.toml"), text).unwrap();
        workplace
    }

    /// The release file above, and a database with its tables.
    pub(crate) async fn with_database() -> (Self, TestDatabase) {
        let database = Cluster::shared().empty_database().await.unwrap();
        database.execute(SCHEMA).await.unwrap();
        let mut workplace = Self::with_file(RELEASE_FILE);
        workplace.url = Some(database.url().to_owned());
        (workplace, database)
    }

    /// The database that the release file's variable leads to.
    pub(crate) fn at(mut self, url: &str) -> Self {
        self.url = Some(url.to_owned());
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command, not yet run; its standard input is no terminal.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("USER", "tester")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null());
        if let Some(url) = &self.url {
            command.env("DATABASE_URL", url);
        }
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the command, which must end well with a document.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json", "--quiet"]].concat());
        assert_eq!(ended.status, 0, "{ended:#?}");
        ended.document()
    }
}

impl Ended {
    /// What stdout holds, which must be one document.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        assert!(
            self.stdout.trim_start().starts_with('{'),
            "no document: {self:#?}"
        );
        serde_json::from_str(&self.stdout).unwrap()
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The README names every field of a part of a document.
#[track_caller]
pub(crate) fn documented(part: &Value) {
    let readme = include_str!("../../README.md");
    for field in part.as_object().unwrap().keys() {
        assert!(
            readme.contains(&format!("`{field}`")),
            "the README does not name {field}"
        );
    }
}
