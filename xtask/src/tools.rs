//! What this machine must have beside Rust.

use std::ffi::OsStr;
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

/// What cargo has to be told about OpenSSL: nothing where pkg-config (or what `PKG_CONFIG` names) finds version 3 of it, or where
/// `OPENSSL_DIR` or `OPENSSL_LIB_DIR` names one; otherwise to build it from source, where that can be done.
pub(crate) fn openssl_features() -> Result<&'static [&'static str], String> {
    let is_named = ["OPENSSL_DIR", "OPENSSL_LIB_DIR"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let pkg_config = std::env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    if is_named || succeeds(&pkg_config, &["--atleast-version=3.0", "openssl"]) {
        return Ok(&[]);
    }
    // Modules that some distributions leave out of their perl.
    let perl = ["-MFindBin", "-MIPC::Cmd", "-MTime::Piece", "-e", "1"];
    if succeeds("perl".as_ref(), &perl) && succeeds("make".as_ref(), &["--version"]) {
        return Ok(&["--features", "espat-host/vendored-openssl"]);
    }
    Err(
        "pkg-config finds no OpenSSL 3 here, and without perl (all of it) and make none can be built; install it: \
         apt install libssl-dev pkg-config (Debian, Ubuntu), dnf install openssl-devel pkgconf (Fedora), \
         apk add openssl-dev pkgconf (Alpine)"
            .to_owned(),
    )
}

fn succeeds(program: &OsStr, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    let quiet = command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|s| s.success())
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
