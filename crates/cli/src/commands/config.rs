//! `cutover config`.

use cutover_core::release_file::Overrides;

use crate::commands::Context;
use crate::failure::Failure;
use crate::render::{Outcome, config_text};
use crate::request::Request;

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let request = Request::read(&context.global, Overrides::default(), &context.captured)?;
    let config = request.config(&context.global, &context.captured);
    context
        .console
        .result(Outcome::Config(&config), |palette| config_text(&config, palette))
}
