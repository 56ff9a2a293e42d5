//! Diagnostics of the libraries on stderr, where they are asked for.

use tracing_subscriber::EnvFilter;

use crate::console::Console;
use crate::environment::Captured;
use crate::failure::Failure;

/// Begins to write diagnostics: those that RUST_LOG names, else those that `-v` asks for, else none.
pub(crate) fn start(verbose: u8, captured: &Captured, console: &Console) -> Result<(), Failure> {
    let asked = match verbose {
        0 => None,
        1 => Some(
            "cutover=info,cutover_core=info,cutover_staging=info,cutover_importer=info,cutover_swap=info",
        ),
        2 => Some(
            "cutover=debug,cutover_core=debug,cutover_staging=debug,cutover_importer=debug,cutover_swap=debug",
        ),
        _ => Some("debug"),
    };
    let Some(filter) = captured.variable("RUST_LOG").or(asked) else {
        return Ok(());
    };
    let filter = EnvFilter::try_new(filter).map_err(Failure::LogFilter)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(console.stderr_palette.is_coloured())
        .init();
    Ok(())
}
