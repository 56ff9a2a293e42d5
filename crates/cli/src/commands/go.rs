//! `cutover go`.

use jiff::Timestamp;

use crate::commands::Context;
use crate::failure::Failure;
use crate::render::{Outcome, go_text};

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let request = context.request()?;
    let report = request.cutover(&context.captured, &context.console)?.go().await?;
    context.console.result(Outcome::Go(&report), |palette| {
        go_text(&report, Timestamp::now(), palette)
    })
}
