//! Tests against real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod cluster;
mod dataset;
mod fault_proxy;
mod reader_load;
mod standby;
mod waiting;
