//! Against real servers: what `pg_dump` prints is the oracle.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod catalog_facts;
mod clone;
mod constraint_triggers;
mod dataset;
mod declared_changes;
mod diff;
mod diff_coverage;
mod diff_of_parts;
mod diff_of_two;
mod dropping;
mod dump;
mod exclusion;
mod grants;
mod half_built;
mod inheritance;
mod labels;
mod late_matviews;
mod lock_budget;
mod matviews;
mod names;
mod partitions;
mod parts_of_partitions;
mod plans;
mod policies;
mod post_data;
mod privileges;
mod random;
mod refusals;
mod row_types;
mod rules;
mod shapes;
mod trial;
mod views_between;
mod watchers;
mod workers;
mod workshop;
mod zoo;
