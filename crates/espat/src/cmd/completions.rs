//! `espat completions`: a shell's completion script.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

pub(super) fn run(shell: Shell) -> anyhow::Result<()> {
    // clap_complete panics where its writer fails, so it writes to memory.
    let mut script = vec![];
    clap_complete::generate(shell, &mut Cli::command(), "espat", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}
