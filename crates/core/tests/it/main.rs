//! The tests of cutover-core against real servers.

mod connect;
