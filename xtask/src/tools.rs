//! What this machine must have beside Rust.

use std::process::{Command, Stdio};

use crate::process::Done;

/// Finds the C compiler, which some dependencies and the linker need, or says in one line what to install.
pub(crate) fn need_c_compiler() -> Done {
    need("C", "CC", "cc", "gcc")
}

/// Finds the C++ compiler, which libFuzzer needs.
pub(crate) fn need_cxx_compiler() -> Done {
    need("C++", "CXX", "c++", "gcc-c++")
}

fn need(language: &str, variable: &str, default: &str, package: &str) -> Done {
    let compiler = std::env::var_os(variable).unwrap_or_else(|| default.into());
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
        "no {language} compiler (`{}`) here; install one: apt install build-essential (Debian, Ubuntu), \
         dnf install {package} (Fedora), apk add build-base (Alpine)",
        compiler.to_string_lossy()
    ))
}
