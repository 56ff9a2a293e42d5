//! What the built command does: its texts, its documents, its exit statuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod arguments; // help, and arguments that make no sense
mod changes; // staging that is not like live
mod check; // what stands against a release
mod command; // runs the command
mod connection; // servers that cannot be reached
mod demo; // the whole demo, small
mod documents; // what documents name
mod init; // from no release file to the first release
mod interrupt; // Ctrl-C
mod partitioned; // a partitioned table and its partitions
mod redact; // what differs from run to run
mod release; // release, status, backups, rollback
mod status; // what is told of a release at work
mod upkeep; // space, audit, drop
