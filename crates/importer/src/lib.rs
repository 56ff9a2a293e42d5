#![doc = include_str!("../README.md")]

mod copy_in; // writing COPY data in segments
mod csv_file; // CSV files: header, records, where a refused value stands
mod error; // what can go wrong with an import, and the remedy
mod frames; // rows within a stream of COPY data
mod import; // what to import, from where, how
mod mapping; // source columns to target columns, by name
mod pipe; // COPY from one session to another
mod plan; // catalog facts -> ImportPlan
mod progress; // events, not too many
mod run; // carrying a plan out
mod session; // settings of the sessions that load and read
mod source; // columns of a source, and how their types fit
mod target; // columns of a target

pub mod preflight;

pub use csv_file::{CsvError, CsvSource};
pub use error::ImportError;
pub use import::{Import, Source, Way};
pub use mapping::ColumnProblem;
pub use plan::{ImportPlan, Transport, WayChosen};
pub use run::ImportOutcome;
pub use session::LoadSettings;
