//! What is made from the definition of the arguments.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Arguments;
use crate::console::write_out;
use crate::failure::Failure;

pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "cutover", &mut script);
    write_out(&String::from_utf8_lossy(&script))
}

pub(super) fn manual() -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command())
        .render(&mut page)
        .map_err(Failure::Output)?;
    write_out(&String::from_utf8_lossy(&page))
}
