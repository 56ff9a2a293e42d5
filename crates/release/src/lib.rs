#![doc = include_str!("../README.md")]

mod json_log; // one event a line, appended to a file
mod notify; // Slack
mod selection; // which phases run

pub use json_log::{JsonLog, JsonLogError};
pub use notify::{Slack, SlackError};
pub use selection::{Selection, SelectionError};
