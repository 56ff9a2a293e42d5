#![doc = include_str!("../README.md")]

mod chunks; // chunks with checkpoints, rows set aside
mod copy_in; // writing COPY data in segments
mod copy_position; // where in a COPY an error happened
mod copy_sink; // one COPY command
mod csv_file; // CSV files: header, records, where a refused value stands
mod direct; // straight from a foreign server
mod error; // what can go wrong with an import, and the remedy
mod facts; // what catalogs and source say
mod frames; // rows within a stream of COPY data
mod import; // what to import, from where, how
mod mapping; // source columns to target columns, by name
mod pace; // rows per second, time left
mod pipe; // COPY from one session to another
mod plan; // facts -> ImportPlan
mod program; // rows that a program makes
mod progress; // events, not too many
mod retry; // whether another try is worth while
mod run; // carrying a plan out
mod session; // settings of the sessions that load and read
mod source; // columns of a source, and how their types fit
mod statements; // the SQL that moves rows
mod target; // columns of a target
mod text_rows; // rows as lines of COPY text
mod throttle; // a rate, a gate
mod transform; // what happens to columns on their way
mod way; // the ways, and which one

pub mod preflight;

pub use chunks::{Journal, Key, KeyRanges, RangeSessions, RefusedRows, RejectLimits, is_rows_fault};
pub use csv_file::{CsvError, CsvSource};
pub use direct::{Direct, NotDirect, SourceSnapshot};
pub use error::ImportError;
pub use import::{Import, Source, Way};
pub use mapping::ColumnProblem;
pub use plan::ImportPlan;
pub use program::{Field, RowSink, RowSource, RowsSent, SinkClosed};
pub use retry::pause_before_retry;
pub use run::ImportOutcome;
pub use session::LoadSettings;
pub use throttle::{Gate, Throttle};
pub use transform::{Addition, AdditionObstacle, MissingValues};
pub use way::{Transport, WayChosen};
