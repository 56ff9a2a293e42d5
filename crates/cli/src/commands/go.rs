//! `cutover go`.

use cutover_core::release_file::Overrides;
use jiff::Timestamp;

use crate::commands::Context;
use crate::failure::Failure;
use crate::render::{Outcome, go_text};
use crate::request::Request;

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let request = Request::read(&context.global, Overrides::default(), &context.captured)?;
    let report = request.cutover(&context.captured, &context.console)?.go().await?;
    context.console.result(Outcome::Go(&report), |palette| {
        go_text(&report, Timestamp::now(), palette)
    })
}
