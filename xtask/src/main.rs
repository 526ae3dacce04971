//! `cargo xtask`: what a person or CI runs on this repository. It uses nothing but the standard library and the crates of
//! the workspace.

mod bench;
mod check;
mod docs;
mod fuzz;
mod hosts;
mod process;
mod run;
mod simulate;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  run [-- OPTIONS]     build the release binary, start a module on a PTY and say what to type next;
                       OPTIONS go to `espat run`, as in: cargo xtask run -- --ap home=secret1234
  test                 everything that CI runs; stops at the first failure
  hosts                of that, the drivers of other people under tests/hosts
  docs                 write docs/commands.md from the module's table of commands
  fuzz [--seconds N] [TARGET...]
                       fuzz each target, or those named, for N seconds (60)
  simulate [--minutes N] [--seed N]
                       random hosts on random networks for N minutes (1), or the one run of a seed; says what repeats a failure
  bench [FAMILY...]    measure speed and size and print a table with the targets; `bench --help` lists families and options
  release              what RELEASE.md can have checked by a program
  help                 this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    let done = match arguments.first().map(String::as_str) {
        Some("run") => run::run(rest),
        Some("test") if rest.is_empty() => check::test(),
        Some("hosts") if rest.is_empty() => hosts::test().map(|_| ()),
        Some("docs") if rest.is_empty() => docs::write(),
        Some("fuzz") => fuzz::run(rest),
        Some("simulate") => simulate::run(rest),
        Some("bench") => bench::run(rest),
        Some("release") if rest.is_empty() => check::release(),
        None | Some("help" | "--help" | "-h") => {
            process::say(HELP.trim_end());
            return ExitCode::SUCCESS;
        }
        Some(_) => {
            eprintln!(
                "error: `cargo xtask {}` is not a command; `cargo xtask help` lists them",
                arguments.join(" ")
            );
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
