//! A small release set with one of everything that follows a swap: two tables, a materialized view, a view over them and
//! a foreign key from outside. It is for tests that break a swap many times, and says whether what is left is whole.

use std::path::Path;

use cutover::{
    Activity, Cutover, ReleaseError, ReleaseOptions, ReleaseReport, RollbackOptions, RollbackReport,
    Selection, Status, StopSignal,
};
use cutover_core::records::ReleaseState;
use cutover_core::release_file::Label;
use cutover_core::{Environment, Events, Phase, Stamp};
use cutover_testkit::{Cluster, FaultProxy, TestDatabase};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_postgres::Client;

use crate::world::{cutover, swap_what_is_staged, wait_until};

const RELEASE_FILE: &str = r#"
[release]
name = "parks"
label = "%b%Y"
keep_backups = 1
tables = ["sources", "sites"]
matviews = ["portal_sites"]

[target]
url = "env:DATABASE_URL"

[refresh]
views = ["portal_sites"]

# Some tests stop the swap under its locks.
[swap]
lock_budget = "2m"

[[import]]
name = "sources"
into = "sources"
query = "SELECT DISTINCT source_id AS id, left(name, 7) || ' source ' || source_id AS title FROM portal_sites ORDER BY 1"

[[import]]
name = "sites"
into = "sites"
after = ["sources"]
query = "SELECT id, source_id, name FROM portal_sites WHERE at_import() ORDER BY id"
"#;

/// Month Jan2026 has 50 sites, month Feb2026 has 60.
const SCHEMA: &str = "
    CREATE TABLE upstream (month text, sites integer);
    INSERT INTO upstream VALUES ('Jan2026', 50);
    CREATE MATERIALIZED VIEW portal_sites AS
        SELECT n::bigint AS id, 1 + n % 3 AS source_id, month || ' site ' || n AS name
          FROM upstream, generate_series(1, sites) n;
    CREATE UNIQUE INDEX portal_sites_key ON portal_sites (id);
    CREATE FUNCTION at_import() RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE TABLE sources (id serial PRIMARY KEY, title text NOT NULL UNIQUE);
    CREATE TABLE sites (
        id bigint PRIMARY KEY,
        source_id integer NOT NULL CONSTRAINT sites_source_fk REFERENCES sources,
        name text NOT NULL
    );
    CREATE INDEX sites_lower_name ON sites (lower(name));
    CREATE VIEW titled_sites AS SELECT s.id, s.name, o.title FROM sites s JOIN sources o ON o.id = s.source_id;
    CREATE TABLE reviews (id integer PRIMARY KEY, site_id bigint CONSTRAINT reviews_site_fk REFERENCES sites);
";

/// Everything live that a statement can see, the month of each.
const MONTHS: &str = "
    SELECT string_agg(DISTINCT left(seen, 7), ' and ')
      FROM (SELECT name FROM sites UNION ALL SELECT title FROM sources UNION ALL SELECT name FROM portal_sites
            UNION ALL SELECT name || title FROM titled_sites UNION ALL SELECT title FROM titled_sites) all_of_it (seen)";

/// Names and definitions of what a swap renames or re-points.
const STRUCTURE: &str = "
    SELECT (SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes
             WHERE tablename IN ('sites', 'sources', 'portal_sites'))
        || '; ' || (SELECT confrelid::regclass::text FROM pg_constraint WHERE conname = 'reviews_site_fk')
        || '; ' || pg_get_serial_sequence('sources', 'id')";

const WHOLE_STRUCTURE: &str = "portal_sites_key sites_lower_name sites_pkey sources_pkey sources_title_key; sites; public.sources_id_seq";

/// What records and catalog say differently: backups of the newest set that are not what was recorded (an older one may be
/// half dropped, which the next clean-up finishes), staging that is in no record.
const DISAGREEMENTS: &str = "
    SELECT (SELECT count(*) FROM cutover.backup_object o LEFT JOIN pg_class c ON c.oid = o.oid AND c.relname = o.backup_name
             WHERE c.oid IS NULL AND o.stamp = (SELECT backup_stamp FROM cutover.release WHERE current))
         + (SELECT abs((EXISTS (SELECT FROM pg_class WHERE relname LIKE 'staging\\_%'))::int
                     - (EXISTS (SELECT FROM cutover.release WHERE staged IS NOT NULL))::int))";

/// Nothing of a command is left on the server.
const QUIET: &str = "
    SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'cutover: %')
       AND NOT EXISTS (SELECT FROM pg_locks WHERE mode <> 'AccessShareLock' AND locktype IN ('relation', 'advisory')
                          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";

pub(crate) struct Parks {
    pub(crate) database: TestDatabase,
    pub(crate) cutover: Cutover,
    directory: TempDir,
    observer: Client,
}

impl Parks {
    /// Month Jan2026 is live.
    async fn first() -> Self {
        static TEMPLATE: OnceCell<TestDatabase> = OnceCell::const_new();
        let make = || async { Self::first_on(Cluster::shared()).await.database };
        Self::copy_of(TEMPLATE.get_or_init(make).await).await
    }

    /// Month Jan2026 is live, Feb2026 built in staging and validated.
    pub(crate) async fn staged() -> Self {
        static TEMPLATE: OnceCell<TestDatabase> = OnceCell::const_new();
        let make = || async {
            // Of a copy: what was counted as written to a database is not copied with it.
            let parks = Self::first().await;
            parks.stage("Feb2026").await.unwrap();
            parks.database
        };
        Self::copy_of(TEMPLATE.get_or_init(make).await).await
    }

    /// Month Feb2026 is live, Jan2026 a backup set.
    pub(crate) async fn live() -> Self {
        static TEMPLATE: OnceCell<TestDatabase> = OnceCell::const_new();
        let make = || async {
            let parks = Self::staged().await;
            parks.go_live(&parks.cutover).await.unwrap();
            parks.database
        };
        Self::copy_of(TEMPLATE.get_or_init(make).await).await
    }

    /// Month Feb2026 is live, Jan2026 a backup set, Mar2026 built in staging and validated.
    pub(crate) async fn live_and_staged() -> Self {
        static TEMPLATE: OnceCell<TestDatabase> = OnceCell::const_new();
        let make = || async {
            let parks = Self::live().await;
            parks.stage("Mar2026").await.unwrap();
            parks.database
        };
        Self::copy_of(TEMPLATE.get_or_init(make).await).await
    }

    pub(crate) async fn first_on(cluster: &Cluster) -> Self {
        let database = cluster.empty_database().await.unwrap();
        database.execute(SCHEMA).await.unwrap();
        let parks = Self::on(database).await;
        parks.build("Jan2026", Selection::all()).await.unwrap();
        let reviews = "INSERT INTO reviews SELECT n, n FROM generate_series(1, 10) n";
        parks.database.execute(reviews).await.unwrap();
        parks
    }

    async fn copy_of(template: &TestDatabase) -> Self {
        Self::on(Cluster::shared().copy_of(template).await.unwrap()).await
    }

    async fn on(database: TestDatabase) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("release.toml"), RELEASE_FILE).unwrap();
        Self {
            cutover: cutover(&plain(database.url()), directory.path()),
            observer: database.connect().await.unwrap(),
            directory,
            database,
        }
    }

    /// Connects again, after the server was down.
    pub(crate) async fn reconnect(&mut self) {
        wait_until("the server accepts connections again", async || {
            self.database.connect().await.is_ok()
        })
        .await;
        self.observer = self.database.connect().await.unwrap();
    }

    pub(crate) fn url(&self) -> String {
        plain(self.database.url())
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The same release set, reached through a proxy.
    pub(crate) fn through(&self, proxy: &FaultProxy) -> Cutover {
        let direct = format!(":{}/", Cluster::shared().port());
        let url = self.url().replace(&direct, &format!(":{}/", proxy.port()));
        cutover(&url, self.directory())
    }

    /// The same release set with more in its release file, and variables that hooks may use.
    pub(crate) fn with(&self, more: &str) -> Cutover {
        self.with_variables(more, &[])
    }

    /// The same with more variables.
    pub(crate) fn with_variables(&self, more: &str, further: &[(&str, String)]) -> Cutover {
        let text = format!("{RELEASE_FILE}{more}");
        std::fs::write(self.directory().join("release.toml"), text).unwrap();
        let variables = [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("PGPASSWORD", "swordfish"),
            ("TOKEN", "Bearer 0123456789"),
        ];
        let further = further.iter().map(|(name, value)| (*name, value.as_str()));
        let variables = variables.into_iter().chain(further);
        cutover(&self.url(), self.directory()).environment(variables.collect::<Environment>())
    }

    /// Builds the month and validates it.
    pub(crate) async fn stage(&self, month: &str) -> Result<ReleaseReport, ReleaseError> {
        self.build(
            month,
            Selection::all().stop_after(Phase::ValidateAndManifest).unwrap(),
        )
        .await
    }

    /// Builds a Feb2026 of so many sites and validates it.
    pub(crate) async fn stage_sites(&self, sites: u32) -> Result<ReleaseReport, ReleaseError> {
        let phases = Selection::all().stop_after(Phase::ValidateAndManifest).unwrap();
        self.build_sites("Feb2026", sites, phases).await
    }

    async fn build(&self, month: &str, phases: Selection) -> Result<ReleaseReport, ReleaseError> {
        let sites = if month == "Jan2026" { 50 } else { 60 };
        self.build_sites(month, sites, phases).await
    }

    async fn build_sites(
        &self,
        month: &str,
        sites: u32,
        phases: Selection,
    ) -> Result<ReleaseReport, ReleaseError> {
        let upstream = format!("UPDATE upstream SET month = '{month}', sites = {sites}");
        self.database.execute(&upstream).await.unwrap();
        let options = ReleaseOptions::default()
            .label(Label::new(month).unwrap())
            .selection(phases)
            .discard_staging();
        self.cutover
            .release(&options, StopSignal::never(), &Events::none())
            .await
    }

    /// Puts live what is staged.
    pub(crate) async fn go_live(&self, cutover: &Cutover) -> Result<ReleaseReport, ReleaseError> {
        cutover
            .release(&swap_what_is_staged(), StopSignal::never(), &Events::none())
            .await
    }

    /// Rolls back to the newest backup set.
    pub(crate) async fn roll_back(
        &self,
        cutover: &Cutover,
        options: &RollbackOptions,
    ) -> Result<RollbackReport, ReleaseError> {
        let stamp = self.newest_backup().await;
        cutover
            .rollback(&stamp, options, StopSignal::never(), &Events::none())
            .await
    }

    pub(crate) async fn newest_backup(&self) -> Stamp {
        self.cutover.backups().await.unwrap()[0].stamp.clone()
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        self.observer.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn until(&self, condition: &str) {
        wait_until(condition, async || {
            self.observer.query_one(condition, &[]).await.unwrap().get(0)
        })
        .await;
    }

    /// Waits until the query finds a row, and returns its number.
    pub(crate) async fn until_found(&self, query: &str) -> i32 {
        let mut found = None;
        wait_until(query, async || {
            let row = self.observer.query_opt(query, &[]).await.unwrap();
            found = row.map(|row| row.get(0));
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// Waits until nothing of a command is left on the server, then makes sure that live is whole and that records,
    /// status and catalog say the same of it. Returns the month that is live.
    pub(crate) async fn whole(&self) -> String {
        self.until(QUIET).await;
        let month = self.text(MONTHS).await;
        let structure = self.text(STRUCTURE).await;
        assert_eq!(structure, WHOLE_STRUCTURE);
        let disagreements: i64 = self.observer.query_one(DISAGREEMENTS, &[]).await.unwrap().get(0);
        assert_eq!(disagreements, 0);
        let Status {
            activity,
            current,
            latest,
            backups,
            unmanaged,
            ..
        } = self.cutover.status().await.unwrap();
        assert_eq!(unmanaged, []);
        let current = current.unwrap();
        assert_eq!(current.label, month, "{current:#?}");
        assert!(current.backup_stamp.is_some() && current.swapped_at.is_some());
        assert!(backups.iter().all(|backup| backup.relations == 3), "{backups:#?}");
        let newest = &latest[0];
        match newest.state {
            // Its process is gone, or lost its connections before it could say how it ended.
            ReleaseState::Running => assert_eq!(activity, Activity::Dead { release: newest.id }),
            _ => assert_eq!(activity, Activity::Idle),
        }
        month
    }

    /// Drops the database, where a test makes hundreds.
    pub(crate) async fn discard(self) {
        Cluster::shared().discard(self.database).await.unwrap();
    }

    /// Nothing is left in staging, and every key is validated.
    pub(crate) async fn assert_tidy(&self) {
        let left = "SELECT count(*)::text FROM pg_class WHERE relname LIKE 'staging\\_%'";
        assert_eq!(self.text(left).await, "0");
        let validated = "SELECT convalidated::text FROM pg_constraint WHERE conname = 'reviews_site_fk'";
        assert_eq!(self.text(validated).await, "true");
    }
}

/// The proxy follows messages, so nobody may ask for encryption.
fn plain(url: &str) -> String {
    format!("{url}?sslmode=disable&connect_timeout=10")
}
