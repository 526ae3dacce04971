//! The subcommands, one file each.

mod commands;
mod completions;
mod console;
mod ctl;
mod man;
mod ota_server;
mod profiles;
mod replay;
mod run;
mod scenarios;
mod sniff;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use anyhow::Context;
use espat_core::Form;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::cli::{Cli, Command, ControlOptions, ModuleOptions, RunOptions};
use crate::config::Settings;
use crate::control::Control;
use crate::failure::Usage;
use crate::{failure, log};

/// Reads the command line and does what it says.
pub(crate) fn run_command_line() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are among these; clap prints them and chooses the exit code, 0 or 2.
        Err(error) => error.exit(),
    };
    let done = match cli.command {
        None => run::run(cli.run),
        Some(Command::Run(options)) => run::run(options),
        Some(Command::Console(options)) => console::run(options),
        Some(Command::Profiles(options)) => profiles::run(&options),
        Some(Command::Commands(options)) => commands::run(&options),
        Some(Command::Scenarios(options)) => scenarios::run(&options),
        Some(Command::Replay(options)) => replay::run(&options),
        Some(Command::Sniff(options)) => sniff::run(&options),
        Some(Command::OtaServer(options)) => ota_server::run(options),
        Some(Command::Ctl(options)) => ctl::run(&options),
        Some(Command::Completions { shell }) => completions::run(shell),
        Some(Command::Man { subcommand }) => man::run(subcommand.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

/// What every subcommand with a module does first: options from all places, the log, room for descriptors.
fn start(options: RunOptions) -> anyhow::Result<Settings> {
    let settings = Settings::resolve(options, std::env::vars_os())?;
    log::start(settings.options.module.program.log.unwrap_or_default());
    for name in &settings.unknown_variables {
        tracing::warn!(
            "{name} names no option and is not used; `espat --help` says which there are"
        );
    }
    raise_open_files();
    Ok(settings)
}

/// As many descriptors as this user may have.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(
            "the limit of open files stays at {:?}: {error}",
            limit.current
        );
    }
}

/// The control interface that was asked for, listening.
fn control(options: &ModuleOptions) -> anyhow::Result<Option<Control>> {
    let ControlOptions {
        control,
        control_token,
    } = &options.control;
    match control {
        Some(at) => {
            let control = Control::listen(at, control_token.as_ref());
            Ok(Some(control.map_err(Usage::new)?))
        }
        None => {
            if control_token.is_some() {
                tracing::warn!("--control-token is not used: there is no --control");
            }
            Ok(None)
        }
    }
}

/// One thread is enough for one module, and the cheapest.
fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

/// Prints rows as a table with a heading; the last column is as wide as it likes.
fn print_table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(table(heading, rows).as_bytes())?;
    out.flush()
}

fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = heading.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut shown = String::new();
    for row in std::iter::once(&heading.map(str::to_owned)).chain(rows) {
        let cells: Vec<_> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        shown += cells.join("  ").trim_end();
        shown.push('\n');
    }
    shown
}

fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let text = serde_json::to_string_pretty(value)?;
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// What a form of a command is called.
const fn form(form: Form) -> &'static str {
    match form {
        Form::Test => "test",
        Form::Query => "query",
        Form::Set => "set",
        Form::Execute => "execute",
    }
}
