//! `espat man`: manual pages, made from the same texts as `--help`.

use std::io::Write;

use clap::CommandFactory;

use crate::cli::Cli;
use crate::failure::Usage;

pub(super) fn run(subcommand: Option<&str>) -> anyhow::Result<()> {
    let mut command = Cli::command();
    command.build();
    let page = match subcommand {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(found) => found.clone(),
            None => {
                let names: Vec<_> = command
                    .get_subcommands()
                    .map(clap::Command::get_name)
                    .collect();
                let names = names.join(", ");
                return Err(Usage::new(format!(
                    "man {name}: no such subcommand; there are {names}"
                ))
                .into());
            }
        },
    };
    let mut roff = vec![];
    clap_mangen::Man::new(page).render(&mut roff)?;
    Ok(std::io::stdout().write_all(&roff)?)
}
