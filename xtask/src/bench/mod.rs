//! `cargo xtask bench`: builds the bench programs in release mode and runs them, one after the other.
//!
//! A bench is a file in a crate's `benches/` folder with a `main` of its own (`harness = false`); it interleaves what it
//! compares in one run and prints medians and ratios, because times drift on shared machines and ratios do not.

use crate::process::{Done, cargo, execute};
use crate::tools::need_c_compiler;

/// Runs all benches, or the one that `arguments` names.
pub(crate) fn run(arguments: &[String]) -> Done {
    need_c_compiler()?;
    let mut command = cargo(&["bench", "--workspace"]);
    match arguments {
        [] => command.arg("--benches"),
        [name] => command.args(["--bench", name]),
        [_, extra, ..] => {
            return Err(format!(
                "`{extra}`: `cargo xtask bench` takes one name or none"
            ));
        }
    };
    execute(command)
}
