//! `cutover config`.

use crate::commands::Context;
use crate::failure::Failure;
use crate::render::{Outcome, config_text};

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let request = context.request()?;
    let config = request.config(&context.global, &context.captured);
    context
        .console
        .result(Outcome::Config(&config), |palette| config_text(&config, palette))
}
