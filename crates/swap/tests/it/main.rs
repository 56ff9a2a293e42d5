//! The tests of cutover-swap against a real server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod apart;
mod audit;
mod autovacuum;
mod behind;
mod broken;
mod clients;
mod declared;
mod dependents;
mod durable;
mod event_triggers;
mod faults;
mod hindered;
mod identity;
mod inheritance;
mod lock_count;
mod locks;
mod lost_messages;
mod lost_writes;
mod outside_keys;
mod outside_parts;
mod plan_text;
mod publications;
mod readers;
mod refusals;
mod rehearse;
mod release_set;
mod retention;
mod rollback;
mod snapshots;
mod space;
mod standby;
mod subscriptions;
mod window;
