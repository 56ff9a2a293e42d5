//! The importer against real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod additions;
mod chunks;
mod csv;
mod csv_chunks;
mod direct;
mod faults;
mod fixture;
mod in_passing;
mod mapping;
mod poison_at_scale;
mod poisoned;
mod portal;
mod preflight;
mod preflight_findings;
mod preflight_geometry;
mod program;
mod ranges;
mod throttle;
mod transform;
mod ways;
