//! `cargo xtask bench`: builds the module and the bench in release mode and starts the bench, which is a package of its own so
//! that nothing else has to wait for what it needs.

use std::process::Command;

use crate::process::{Done, build_release, execute};
use crate::tools::need_c_compiler;

/// Measures what `arguments` ask for; all of it without any.
pub(crate) fn run(arguments: &[String]) -> Done {
    need_c_compiler()?;
    let espat = build_release("espat")?;
    let mut command = Command::new(build_release("espat-bench")?);
    command.arg("--espat").arg(espat).args(arguments);
    execute(command)
}
