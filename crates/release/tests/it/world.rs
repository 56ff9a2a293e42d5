//! The reference dataset with a `Cutover` on it, made once and copied for each test.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cutover::{Cutover, ReleaseError, ReleaseOptions, ReleaseReport, ResumeOptions, Selection, StopSignal};
use cutover_core::release_file::{Label, ReleaseFile};
use cutover_core::{ConnectSettings, Environment, Event, EventKind, Events, Phase};
use cutover_testkit::dataset::{
    LIVE_OWNER, PortalConnection, PortalSpec, RELEASE_MATVIEWS, RELEASE_TABLES, create_live, create_portal,
    write_csvs,
};
use cutover_testkit::{Cluster, FaultProxy, TestDatabase, normalised_dump};
use regex::Regex;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// The months that tests publish; each has a portal of its own, which nobody changes.
pub(crate) const MONTHS: [u32; 3] = [1, 2, 3];

/// Columns that hold numbers drawn by a table of the release set.
const DRAWN: &str = "{id,green_list_status_id,no_take_status_id,pame_evaluation_id,pame_source_id,protected_area_id,\
    protected_area_parcel_id,source_id}";

/// The fewest sites there can be: every kind of fact, and a release in a second or two.
pub(crate) fn month(month: u32) -> PortalSpec {
    PortalSpec::new(1, 0.0).in_month(month)
}

pub(crate) fn cluster() -> &'static Cluster {
    Cluster::shared()
}

/// A live database with a release set on it.
pub(crate) struct Site {
    live: TestDatabase,
    directory: TempDir,
    month: u32,
    pub(crate) cutover: Cutover,
}

/// What several tests begin with. Databases in here are only copied, never connected to again.
#[derive(Default)]
struct Templates {
    portals: OnceCell<Vec<TestDatabase>>,
    empty: OnceCell<TestDatabase>,
    month_1: OnceCell<TestDatabase>,
    month_2_staged: OnceCell<TestDatabase>,
    month_2_alone: OnceCell<String>,
}

static TEMPLATES: Templates = Templates {
    portals: OnceCell::const_new(),
    empty: OnceCell::const_new(),
    month_1: OnceCell::const_new(),
    month_2_staged: OnceCell::const_new(),
    month_2_alone: OnceCell::const_new(),
};

impl Templates {
    async fn portal(&self, month: u32) -> &TestDatabase {
        let portals = self.portals.get_or_init(|| async {
            let mut portals = Vec::new();
            for month in MONTHS {
                portals.push(portal(&self::month(month)).await);
            }
            portals
        });
        &portals.await[usize::try_from(month).unwrap() - 1]
    }

    async fn empty(&self) -> &TestDatabase {
        let make = async || {
            let live = cluster().database().await.unwrap();
            let portal = PortalConnection::to(cluster(), self.portal(1).await);
            create_live(&live.connect().await.unwrap(), &portal)
                .await
                .unwrap();
            live
        };
        self.empty.get_or_init(make).await
    }

    async fn month_1(&self) -> &TestDatabase {
        let make = async || {
            let mut site = Site::empty().await;
            site.publish(1).await.unwrap();
            site.live
        };
        self.month_1.get_or_init(make).await
    }

    async fn month_2_staged(&self) -> &TestDatabase {
        let make = async || {
            let site = Site::month_1().await;
            let build = Selection::all().stop_after(Phase::ValidateAndManifest).unwrap();
            site.run(site.options().selection(build)).await.unwrap();
            site.live
        };
        self.month_2_staged.get_or_init(make).await
    }
}

/// Between the tests' server and whoever connects.
pub(crate) async fn proxy() -> FaultProxy {
    FaultProxy::start(cluster().host(), cluster().port())
        .await
        .unwrap()
}

/// A portal database; nothing refers to it yet.
pub(crate) async fn portal(spec: &PortalSpec) -> TestDatabase {
    let portal = cluster().database().await.unwrap();
    create_portal(&portal.connect().await.unwrap(), spec)
        .await
        .unwrap();
    portal
}

impl Site {
    /// Nothing released yet; the portal shows month 1.
    pub(crate) async fn empty() -> Self {
        Self::copy_of(TEMPLATES.empty().await, 1).await
    }

    /// Month 1 is live; the portal shows month 2.
    pub(crate) async fn month_1() -> Self {
        Self::copy_of(TEMPLATES.month_1().await, 2).await
    }

    /// Month 1 is live, month 2 built in staging and validated.
    pub(crate) async fn month_2_staged() -> Self {
        Self::copy_of(TEMPLATES.month_2_staged().await, 2).await
    }

    /// The same database once more, as it is now; nobody may be connected to it. The release file is the example's.
    pub(crate) async fn copy(&self) -> Self {
        Self::copy_of(&self.live, self.month).await
    }

    /// Drops the database, where a test makes hundreds.
    pub(crate) async fn discard(self) {
        cluster().discard(self.live).await.unwrap();
    }

    async fn copy_of(template: &TestDatabase, month: u32) -> Self {
        let live = cluster().copy_of(template).await.unwrap();
        let name = live.name();
        live.execute(&format!("GRANT CREATE ON DATABASE {name} TO {LIVE_OWNER}"))
            .await
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let example = include_str!("../../../../examples/wdpa/release.toml");
        std::fs::write(release_file(directory.path()), example).unwrap();
        std::fs::create_dir(directory.path().join("data")).unwrap();
        let url = cluster().url_for(LIVE_OWNER, LIVE_OWNER, live.name());
        let mut site = Self {
            cutover: cutover(&url, directory.path()),
            live,
            directory,
            month,
        };
        site.show(month).await;
        site
    }

    /// Lets the portal be that of a month.
    pub(crate) async fn show(&mut self, month: u32) {
        self.show_portal(&self::month(month), TEMPLATES.portal(month).await)
            .await;
    }

    /// Lets the portal be another database.
    pub(crate) async fn show_portal(&mut self, spec: &PortalSpec, portal: &TestDatabase) {
        let sql = format!("ALTER SERVER portal OPTIONS (SET dbname '{}')", portal.name());
        self.live.execute(&sql).await.unwrap();
        write_csvs(&self.directory.path().join("data"), spec, &spec.month_label()).unwrap();
        self.month = spec.month;
    }

    /// The same site with another release file.
    pub(crate) fn edit(&mut self, edit: impl FnOnce(&str) -> String) {
        let path = release_file(self.directory.path());
        let text = edit(&std::fs::read_to_string(&path).unwrap());
        std::fs::write(path, text).unwrap();
        self.cutover = cutover(&self.url(), self.directory.path());
    }

    /// The same site with a piece of the release file replaced.
    #[track_caller]
    pub(crate) fn replace(&mut self, from: &str, to: &str) {
        self.edit(|text| {
            assert!(text.contains(from), "the release file does not contain {from:?}");
            text.replacen(from, to, 1)
        });
    }

    pub(crate) fn live(&self) -> &TestDatabase {
        &self.live
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// How the role that owns the release set connects.
    pub(crate) fn url(&self) -> String {
        cluster().url_for(LIVE_OWNER, LIVE_OWNER, self.live.name())
    }

    /// The same through a proxy, which must be able to follow the messages.
    pub(crate) fn url_through(&self, proxy: &FaultProxy) -> String {
        let (port, database) = (proxy.port(), self.live.name());
        format!("postgresql://{LIVE_OWNER}:{LIVE_OWNER}@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// A session of the superuser that holds `sql`'s locks until it is dropped or commits.
    pub(crate) async fn holding(&self, sql: &str) -> tokio_postgres::Client {
        let client = self.live.connect().await.unwrap();
        client.batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
        client
    }

    /// The label of the month that the portal shows.
    pub(crate) fn label(&self) -> Label {
        Label::new(month(self.month).month_label()).unwrap()
    }

    /// All phases, under the label of the month that the portal shows.
    pub(crate) fn options(&self) -> ReleaseOptions {
        ReleaseOptions::default().label(self.label())
    }

    /// A release nobody stops or listens to.
    pub(crate) async fn run(&self, options: ReleaseOptions) -> Result<ReleaseReport, ReleaseError> {
        self.cutover
            .release(&options, StopSignal::never(), &Events::none())
            .await
    }

    /// Goes on with the newest release; nobody stops it or listens.
    pub(crate) async fn resume(&self, options: ResumeOptions) -> Result<ReleaseReport, ReleaseError> {
        self.cutover
            .resume(&options, StopSignal::never(), &Events::none())
            .await
    }

    /// Shows a month and publishes it.
    pub(crate) async fn publish(&mut self, month: u32) -> Result<ReleaseReport, ReleaseError> {
        if self.month != month {
            self.show(month).await;
        }
        self.run(self.options()).await
    }

    /// Schema and data of everything in the live schema but backups and staging; what materialized views hold as well,
    /// which `pg_dump` leaves out.
    pub(crate) async fn dump_live(&self) -> String {
        let args = [
            "--schema=public",
            "--exclude-table=bk*",
            "--exclude-table=staging_*",
        ];
        let mut dump = normalised_dump(cluster(), self.live.name(), &args).unwrap();
        let client = self.live.connect().await.unwrap();
        for view in RELEASE_MATVIEWS {
            let populated =
                format!("SELECT relispopulated FROM pg_class WHERE oid = 'public.{view}'::regclass");
            let populated: bool = client.query_one(&populated, &[]).await.unwrap().get(0);
            writeln!(dump, "-- {view}, populated: {populated}").unwrap();
            if populated {
                let rows = format!("SELECT v::text FROM public.{view} v ORDER BY v::text COLLATE \"C\"");
                for row in client.query(&rows, &[]).await.unwrap() {
                    writeln!(dump, "{}", row.get::<_, &str>(0)).unwrap();
                }
            }
        }
        dump
    }

    /// Schema and rows of what is live but for numbers that the database drew for rows: what was drawn for an import that
    /// was broken off is not drawn again.
    pub(crate) async fn live_but_for_drawn_numbers(&self) -> String {
        let args = [
            "--schema=public",
            "--exclude-table=bk*",
            "--exclude-table=staging_*",
            "--schema-only",
        ];
        let mut dump = normalised_dump(cluster(), self.live.name(), &args).unwrap();
        for table in RELEASE_TABLES.into_iter().chain(RELEASE_MATVIEWS) {
            writeln!(dump, "-- {table}").unwrap();
            let rows = format!("SELECT (to_jsonb(t) - '{DRAWN}'::text[])::text FROM public.{table} t");
            let mut rows = self.texts(&rows).await;
            rows.sort();
            for row in rows {
                writeln!(dump, "{row}").unwrap();
            }
        }
        dump
    }

    /// Schema and data of the whole database, records included.
    pub(crate) fn dump_everything(&self) -> String {
        normalised_dump(cluster(), self.live.name(), &[]).unwrap()
    }

    /// Relations, in any schema, whose name begins with a prefix.
    pub(crate) async fn relations_like(&self, prefix: &str) -> Vec<String> {
        self.texts(&format!(
            "SELECT relname::text FROM pg_class WHERE starts_with(relname, '{prefix}') ORDER BY 1"
        ))
        .await
    }

    /// The first column of a query.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        self.live
            .query_texts(sql)
            .await
            .unwrap()
            .into_iter()
            .flatten()
            .collect()
    }

    /// Waits until a query returns `t`.
    pub(crate) async fn until(&self, condition: &str) {
        let client = self.live.connect().await.unwrap();
        wait_until(condition, async || {
            client.query_one(condition, &[]).await.unwrap().get(0)
        })
        .await;
    }

    /// Waits until nobody holds the release lock.
    pub(crate) async fn until_lock_is_free(&self) {
        self.until(
            "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        )
        .await;
    }

    /// Nothing of a release is left but what its record keeps: no staging, no lock, nothing unmanaged.
    pub(crate) async fn assert_tidy(&self) {
        assert_eq!(self.relations_like("staging_").await, Vec::<String>::new());
        let status = self.cutover.status().await.unwrap();
        assert_eq!(status.unmanaged, []);
        assert_eq!(status.activity, cutover::Activity::Idle);
    }
}

/// Waits until a condition holds, for a minute.
pub(crate) async fn wait_until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "waited a minute in vain: {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether connections are to be cut at every single message, not at some, as `scripts/soak faults` asks for.
pub(crate) fn in_full() -> bool {
    std::env::var_os("CUTOVER_TEST_IN_FULL").is_some()
}

/// The swap of what an earlier run has staged, and what follows it.
pub(crate) fn swap_what_is_staged() -> ReleaseOptions {
    ReleaseOptions::default().selection(Selection::all().start_at(Phase::FinaliseSwap).unwrap())
}

/// The release set of a directory's release file, in the database of a URL.
pub(crate) fn cutover(url: &str, directory: &Path) -> Cutover {
    let text = std::fs::read_to_string(release_file(directory)).unwrap();
    let file = ReleaseFile::parse(&text, "release.toml").unwrap();
    let settings = ConnectSettings::resolve(url, &Environment::empty()).unwrap();
    Cutover::new(file, settings).folder(directory).host("test-host")
}

fn release_file(directory: &Path) -> PathBuf {
    directory.join("release.toml")
}

/// What month 1 looks like when it is live.
pub(crate) async fn dump_of_month_1() -> &'static str {
    static DUMP: OnceCell<String> = OnceCell::const_new();
    DUMP.get_or_init(async || Site::month_1().await.dump_live().await)
        .await
}

/// What month 2 looks like in a database to which nothing else was ever released.
pub(crate) async fn dump_of_month_2_alone() -> &'static str {
    let make = async || {
        let mut site = Site::empty().await;
        site.publish(2).await.unwrap();
        site.dump_live().await
    };
    TEMPLATES.month_2_alone.get_or_init(make).await
}

/// The same of month 2, but for drawn numbers.
pub(crate) async fn month_2_but_for_drawn_numbers() -> &'static str {
    static DUMP: OnceCell<String> = OnceCell::const_new();
    DUMP.get_or_init(|| async {
        let mut site = Site::empty().await;
        site.publish(2).await.unwrap();
        site.live_but_for_drawn_numbers().await
    })
    .await
}

/// Compares dumps; says where they part, rather than printing both.
#[track_caller]
pub(crate) fn assert_same_dump(actual: &str, expected: &str) {
    let differing = actual
        .lines()
        .zip(expected.lines())
        .enumerate()
        .find(|(_, (left, right))| left != right);
    if let Some((number, (left, right))) = differing {
        panic!(
            "the dumps part in line {}:\n  actual: {left:.300}\nexpected: {right:.300}",
            number + 1
        );
    }
    assert_eq!(
        actual.len(),
        expected.len(),
        "one dump is the beginning of the other"
    );
}

/// Class, text with causes, and remedy of an error, with what differs from run to run made the same.
pub(crate) fn told(error: &ReleaseError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        write!(text, "\n  caused by: {source}").unwrap();
        cause = source.source();
    }
    redact(&format!(
        "{:?}: {text}\nremedy: {}",
        error.class(),
        error.remedy()
    ))
}

/// Makes what differs from run to run the same: times, stamps, ports, process ids, names of test databases.
pub(crate) fn redact(text: &str) -> String {
    let varying = [
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "[time]"),
        (r"\b(bk)?\d{10}(_|\b)", "${1}[stamp]${2}"),
        (r"\b(pid|process|port|release) \d+", "$1 [n]"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        (r"\btest_\d+", "[database]"),
    ];
    varying
        .iter()
        .fold(text.to_owned(), |text, (pattern, replacement)| {
            Regex::new(pattern)
                .unwrap()
                .replace_all(&text, *replacement)
                .into_owned()
        })
}

/// Listens to everything.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<Vec<Event>>>);

impl Ear {
    pub(crate) fn events(&self) -> Events {
        let heard = Arc::clone(&self.0);
        Events::to(move |event: &Event| heard.lock().unwrap().push(event.clone()))
    }

    /// All events so far.
    pub(crate) fn heard(&self) -> Vec<EventKind> {
        self.0
            .lock()
            .unwrap()
            .iter()
            .map(|event| event.kind.clone())
            .collect()
    }

    /// The texts of all warnings so far.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let warnings = self.heard().into_iter().filter_map(|kind| match kind {
            EventKind::Warning { message } => Some(message),
            _ => None,
        });
        warnings.collect()
    }
}
