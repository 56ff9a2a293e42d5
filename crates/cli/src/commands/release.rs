//! `cutover release`, `refresh` and `import`, which are its first phases, and `resume`.

use cutover::{Cutover, ReleaseError, ReleaseReport, Selection, StopSignal};
use cutover_core::{Events, Phase};

use crate::args::{ImportArguments, ReleaseArguments, ResumeArguments, Telling};
use crate::commands::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::listeners::Listeners;
use crate::render::{Outcome, release_text};
use crate::request::{Request, release_flags, resume_flags};

/// Runs these phases, or those that flags, variables and the release file select.
pub(super) async fn run(
    context: &Context,
    arguments: ReleaseArguments,
    phases: Option<Selection>,
) -> Result<(), Failure> {
    let label = arguments.label.clone();
    let request = Request::read(&context.global, release_flags(arguments), &context.captured)?;
    let mut options = request.release_options(label, &context.captured)?;
    if let Some(phases) = phases {
        options = options.selection(phases);
    }
    watched(context, &request, async |cutover, stop, events| {
        cutover.release(&options, stop, events).await
    })
    .await
}

pub(super) async fn refresh(context: &Context, telling: Telling) -> Result<(), Failure> {
    let arguments = ReleaseArguments {
        telling,
        ..ReleaseArguments::default()
    };
    let refresh = Selection::only(&[Phase::RefreshViews])?;
    run(context, arguments, Some(refresh)).await
}

pub(super) async fn import(context: &Context, arguments: ImportArguments) -> Result<(), Failure> {
    let imports = Selection::all().stop_after(Phase::ImportRelated)?;
    run(context, arguments.into(), Some(imports)).await
}

pub(super) async fn resume(context: &Context, arguments: &ResumeArguments) -> Result<(), Failure> {
    let allow_changed_file = arguments.allow_changed_file;
    let request = Request::read(&context.global, resume_flags(arguments), &context.captured)?;
    let options = request.resume_options(allow_changed_file, &context.captured)?;
    watched(context, &request, async |cutover, stop, events| {
        cutover.resume(&options, stop, events).await
    })
    .await
}

/// Runs a release to its end with everybody listening, and shows how it went.
async fn watched(
    context: &Context,
    request: &Request,
    run: impl AsyncFnOnce(&Cutover, StopSignal, &Events) -> Result<ReleaseReport, ReleaseError>,
) -> Result<(), Failure> {
    let console = &context.console;
    let cutover = request.cutover(&context.captured, console)?;
    let listeners = Listeners::start(console, request, &context.captured)?;
    let interrupt = Interrupt::listen(console)?;
    let ended = Box::pin(run(&cutover, interrupt.signal(), listeners.events())).await;
    interrupt.end().await;
    console.progress.clear();
    listeners.finish(console).await;
    let report = ended?;
    console.result(Outcome::Release(&report), |palette| {
        release_text(&report, palette)
    })
}
