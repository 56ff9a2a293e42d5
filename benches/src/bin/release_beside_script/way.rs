//! The ways that are compared, and what is told of how long they took.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;
use cutover_testkit::TestDatabase;

use crate::release;
use crate::script::Script;
use crate::servers::Servers;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The baseline.
    Script,
    /// The same by somebody who knows what pglz costs.
    ScriptLz4,
    Cutover {
        /// How many importers run at once.
        jobs: u32,
    },
}

/// How long a way took, from connecting to the end, and what of it was what.
#[derive(Debug, Clone)]
pub(crate) struct Took {
    pub(crate) whole: Duration,
    /// The phases of a release or the parts of the script, in order.
    pub(crate) phases: Vec<(String, Duration)>,
    /// The steps within phases that tell how long they took, in order.
    pub(crate) steps: Vec<(String, Duration)>,
}

impl Took {
    pub(crate) fn seconds(&self) -> f64 {
        self.whole.as_secs_f64()
    }
}

impl Way {
    pub(crate) const BASELINE: Self = Self::Script;

    pub(crate) fn all(jobs: &[u32]) -> Vec<Self> {
        let mut ways = vec![Self::Script, Self::ScriptLz4];
        ways.extend(jobs.iter().map(|&jobs| Self::Cutover { jobs }));
        ways
    }

    /// Brings the month that the portal shows live.
    pub(crate) async fn publish(
        self,
        servers: &Servers,
        script: &Script,
        database: &TestDatabase,
    ) -> Result<Took> {
        let started = Instant::now();
        let (phases, steps) = match self {
            Self::Script => (script.run(servers, database, "pglz")?, Vec::new()),
            Self::ScriptLz4 => (script.run(servers, database, "lz4")?, Vec::new()),
            Self::Cutover { jobs } => release::run(servers, database, jobs).await?,
        };
        Ok(Took {
            whole: started.elapsed(),
            phases,
            steps,
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script => f.write_str("script"),
            Self::ScriptLz4 => f.write_str("script, lz4"),
            Self::Cutover { jobs: 1 } => f.write_str("Cutover"),
            Self::Cutover { jobs } => write!(f, "Cutover, {jobs} importers at once"),
        }
    }
}
