//! The reference dataset with a `Cutover` on it.

use std::sync::{Arc, Mutex};

use cutover::{Cutover, ReleaseError, ReleaseOptions, ReleaseReport, StopSignal};
use cutover_core::release_file::{Label, ReleaseFile};
use cutover_core::{ConnectSettings, Environment, Event, Events};
use cutover_testkit::dataset::{LIVE_OWNER, PortalSpec, World};
use cutover_testkit::{Cluster, normalised_dump};

/// A few hundred sites: every kind of fact, and a release in seconds.
pub const SCALE: f64 = 0.001;

/// The two databases and the release set on them.
pub struct Site {
    pub world: World,
    pub cutover: Cutover,
}

impl Site {
    /// Month 1 in the portal, nothing live yet.
    pub async fn new() -> Self {
        Self::with(PortalSpec::new(1, SCALE), |text| text).await
    }

    /// With another portal, or an edited release file.
    pub async fn with(spec: PortalSpec, edit: impl Fn(String) -> String) -> Self {
        let cluster = Cluster::shared();
        let world = World::create(cluster, cluster, spec).await.unwrap();
        let cutover = Self::cutover(&world, edit);
        Self { world, cutover }
    }

    /// The release set as the role that owns it.
    pub fn cutover(world: &World, edit: impl Fn(String) -> String) -> Cutover {
        let path = world.release_file();
        let text = edit(std::fs::read_to_string(&path).unwrap());
        let file = ReleaseFile::parse(&text, "release.toml").unwrap();
        let url = Cluster::shared().url_for(LIVE_OWNER, LIVE_OWNER, world.live().name());
        let settings = ConnectSettings::resolve(&url, &Environment::empty()).unwrap();
        Cutover::new(file, settings).folder(world.directory()).host("test-host")
    }

    /// Brings the portal to a month and publishes it.
    pub async fn publish(&mut self, month: u32) -> Result<ReleaseReport, ReleaseError> {
        if self.world.spec().month != month {
            self.world.switch_to_month(month).await.unwrap();
        }
        let options = ReleaseOptions::default().label(self.label());
        self.cutover.release(&options, StopSignal::never(), &Events::none()).await
    }

    pub fn label(&self) -> Label {
        Label::new(self.world.spec().month_label()).unwrap()
    }

    /// Schema and data of what is live: the set, and everything else in its schema but the backup sets.
    pub fn dump_live(&self) -> String {
        let args = ["--schema=public", "--exclude-table=bk*", "--exclude-table=staging_*"];
        normalised_dump(Cluster::shared(), self.world.live().name(), &args).unwrap()
    }

    /// Relations, in any schema, whose name begins with a prefix.
    pub async fn relations_like(&self, prefix: &str) -> Vec<String> {
        let sql = format!("SELECT relname::text FROM pg_class WHERE starts_with(relname, '{prefix}') ORDER BY 1");
        self.world.live().query_texts(&sql).await.unwrap().into_iter().flatten().collect()
    }
}

/// Listens to everything.
#[derive(Clone, Default)]
pub struct Ear(Arc<Mutex<Vec<Event>>>);

impl Ear {
    pub fn events(&self) -> Events {
        let heard = Arc::clone(&self.0);
        Events::to(move |event: &Event| heard.lock().unwrap().push(event.clone()))
    }

    /// The names of all events so far.
    pub fn names(&self) -> Vec<String> {
        let names = |event: &Event| serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned();
        self.0.lock().unwrap().iter().map(names).collect()
    }
}
