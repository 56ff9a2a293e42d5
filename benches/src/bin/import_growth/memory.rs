//! What this process has in memory, as the kernel tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;

const PAUSE: Duration = Duration::from_millis(20);

/// A moment of an import.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sample {
    /// Since its beginning.
    pub(crate) seconds: f64,
    /// In memory, the program included, and what the allocator keeps of former imports.
    pub(crate) resident_bytes: u64,
}

/// Looks on from a thread of its own.
pub(crate) struct Sampler {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    pub(crate) fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let started = Instant::now();
            let mut samples = Vec::new();
            while !asked.load(Ordering::Relaxed) {
                samples.extend(resident_bytes().map(|resident_bytes| Sample {
                    seconds: started.elapsed().as_secs_f64(),
                    resident_bytes,
                }));
                thread::sleep(PAUSE);
            }
            samples
        });
        Self { over, thread }
    }

    /// Empty where the kernel does not tell.
    pub(crate) fn stop(self) -> Vec<Sample> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_has_some_megabytes() {
        let resident = resident_bytes().unwrap();
        assert!((1 << 20..1 << 34).contains(&resident), "{resident}");
    }
}
