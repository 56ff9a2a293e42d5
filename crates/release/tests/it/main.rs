//! Releases of the whole reference dataset, on databases of a throwaway cluster.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod additions;
mod apart;
mod bad_input;
mod busy;
mod changes;
mod check;
mod check_findings;
mod checks_of_imports;
mod checksums;
mod child;
mod companions;
mod csv_importers;
mod end_to_end;
mod events;
mod faults;
mod gates;
mod hold;
mod hooks;
mod import_faults;
mod import_ranges;
mod init;
mod killed;
mod killed_in_import;
mod late_matviews;
mod lost_connection;
mod manifest_schema;
mod notify;
mod parks;
mod planning;
mod preflight;
mod prewarm;
mod ready;
mod recipes;
mod resuming;
mod retention;
mod rollback;
mod rust_importers;
mod selecting;
mod side_by_side;
mod standby_gate;
mod stopping;
mod straight;
mod transforms;
mod two_operators;
mod waiting;
mod whole_release;
mod world;
