//! Imports in chunks: each commits together with its checkpoint, and rows that the table refuses are set aside.

mod chain; // chunk after chunk of a range
mod checked; // checks of a chunk's rows
mod fault; // a row's fault, or not
mod incoming; // out of a stream, out of a file
mod journal; // checkpoints, ranges, rows set aside
mod key_order; // ORDER BY key, in a range, behind a key
mod key_ranges; // ranges of a key, and where to cut them
mod limits; // how many refused rows are put up with
mod load; // rows into the table; refused ones found
pub(crate) mod obstacle; // why it must be one transaction
mod plan; // what is known beforehand
mod printed; // values of a row as texts
mod ranges; // several ranges at once
mod row_format; // rows of COPY data, their fields
mod run; // one stream
mod sums; // what all ranges have come to
mod whole_rows; // a stream's rows

pub use fault::is_rows_fault;
pub use journal::Journal;
pub use key_order::Key;
pub(crate) use key_order::KeyedRead;
pub(crate) use key_ranges::KeyRange;
pub use key_ranges::KeyRanges;
pub use limits::{RefusedRows, RejectLimits};
pub(crate) use plan::{ChunkPlan, key_sent};
pub(crate) use printed::printed;
pub use ranges::RangeSessions;
pub(crate) use row_format::RowFormat;
