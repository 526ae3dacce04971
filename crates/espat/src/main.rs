//! The `espat` binary: a virtual ESP-AT module on a serial port.

mod cli;
mod cmd;
mod config;
mod control;
mod failure;
mod log;
mod plan;
mod record;
mod signals;
mod terminal;
mod value;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    cmd::run_command_line()
}
