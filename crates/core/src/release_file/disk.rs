//! `[disk]`: what the target's disk has to spare, where `cutover check` cannot see it, and how much a release may grow.

use serde::Serialize;

use super::memory::Memory;
use super::table_reader::TableReader;

/// `[disk]`: what the target's disk has to spare, and how much larger than live a release is expected to be.
///
/// SQL has no function for free disk, so it is seen only where the server runs on this machine, or told here.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Disk {
    /// What may be taken on the disks of the server; unless set it is asked by `free_query`, or looked up where the
    /// server runs on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free: Option<Memory>,
    /// A query on the target, one row of one column, that says how many bytes are free: of a table that monitoring fills, or
    /// of a function that the server's administrator made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_query: Option<String>,
    /// How much larger than live a release is expected to be, as a share of it; unless set what the release that is live
    /// had grown by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
}

impl Disk {
    pub(super) fn read(table: &mut TableReader<'_>) -> Self {
        Self {
            free: table.optional("free"),
            free_query: table.optional("free_query"),
            growth: table.optional("growth"),
        }
    }
}
