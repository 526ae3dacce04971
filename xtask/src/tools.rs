//! What this machine must have beside Rust.

use std::process::{Command, Stdio};

use crate::process::Done;

/// Finds the C compiler, which some dependencies and the linker need, or says in one line what to install.
pub(crate) fn need_c_compiler() -> Done {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(&compiler);
    let status = command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if status.is_ok_and(|s| s.success()) {
        return Ok(());
    }
    Err(format!(
        "no C compiler (`{}`) here; install one: apt install build-essential (Debian, Ubuntu), dnf install gcc (Fedora), \
         apk add build-base (Alpine), xcode-select --install (macOS)",
        compiler.to_string_lossy()
    ))
}
