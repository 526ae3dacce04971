//! `cargo xtask simulate`: random hosts on random networks (docs/simulation.md).

use crate::process::{Done, cargo, execute};

/// Runs with the `simulate` profile: optimised, every assertion on.
pub(crate) fn run(arguments: &[String]) -> Done {
    let mut command = cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--profile",
        "simulate",
        "--package",
        "espat-script",
        "--example",
        "simulate",
        "--",
    ]);
    command.args(arguments);
    execute(command)
}
