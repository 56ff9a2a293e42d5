//! Geometry checks made on the rows of an import while they pass through the client, which are then read only once.

mod kept; // what checkpoints keep
mod plan; // which checks can be made so
mod tee; // the rows that pass

pub(crate) use plan::InPassing;
pub(crate) use tee::Tee;
