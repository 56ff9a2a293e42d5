#![doc = include_str!("../README.md")]

mod cluster;
mod database;
pub mod dataset;
mod dump;
mod fault_proxy;
mod reader_load;

pub use cluster::{Cluster, ClusterBuilder, KeptCluster, Standby, installed_versions};
pub use database::TestDatabase;
pub use dump::normalised_dump;
pub use fault_proxy::FaultProxy;
pub use reader_load::{LoadError, LoadOptions, LoadReport, ReaderLoad, ReleaseMap, TimedRead};
