//! Against real servers: what `pg_dump` prints is the oracle.

mod clone;
mod dataset;
mod diff;
mod dropping;
mod dump;
mod grants;
mod matviews;
mod plans;
mod post_data;
mod refusals;
mod workshop;
