#![doc = include_str!("../README.md")]

mod cluster;
mod database;
pub mod dataset;
mod fault_proxy;

pub use cluster::{Cluster, ClusterBuilder, KeptCluster, installed_versions};
pub use database::TestDatabase;
pub use fault_proxy::FaultProxy;
