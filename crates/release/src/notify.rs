//! Notifications: what a team hears of a release. A dead webhook never fails a release and never holds it up.

mod slack;

pub use slack::{Slack, SlackError, SlackMessages, SlackSink};
