//! Imports in chunks: each commits together with its checkpoint, and rows that the table refuses are set aside.

mod checked; // checks of a chunk's rows
mod fault; // a row's fault, or not
mod key_order; // ORDER BY key, behind a key
mod limits; // how many refused rows are put up with
mod load; // rows into the table; refused ones found
pub(crate) mod obstacle; // why it must be one transaction
mod plan; // what is known beforehand
mod printed; // values of a row as texts
mod row_format; // rows of COPY data, their fields
mod run; // chunk after chunk
mod whole_rows; // a stream's rows

pub use fault::is_rows_fault;
pub use key_order::Key;
pub(crate) use key_order::KeyOrder;
pub use limits::{RefusedRows, RejectLimits};
pub(crate) use plan::{ChunkPlan, key_order};
pub(crate) use printed::printed;
pub(crate) use row_format::RowFormat;
pub use run::Journal;
