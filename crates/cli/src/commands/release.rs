//! `cutover release`.

use crate::args::ReleaseArguments;
use crate::commands::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::listeners::Listeners;
use crate::render::{Outcome, release_text};
use crate::request::{Request, release_flags};

pub(super) async fn run(context: &Context, arguments: ReleaseArguments) -> Result<(), Failure> {
    let console = &context.console;
    let label = arguments.label.clone();
    let request = Request::read(&context.global, release_flags(arguments), &context.captured)?;
    let options = request.release_options(label, &context.captured)?;
    let cutover = request.cutover(&context.captured, console)?;
    let listeners = Listeners::start(console, &request, &context.captured)?;
    let interrupt = Interrupt::listen(console)?;
    let ended = cutover.release(&options, interrupt.signal(), listeners.events());
    let ended = Box::pin(ended).await;
    interrupt.end().await;
    console.progress.clear();
    listeners.finish(console).await;
    let report = ended?;
    console.result(Outcome::Release(&report), |palette| {
        release_text(&report, palette)
    })
}
