//! The tests of cutover-core against real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod catalog;
mod connect;
mod error;
mod lock;
mod naming;
mod plan;
mod quoting;
mod records;
mod release_file;
mod search_path;
