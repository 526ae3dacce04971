//! Programs that xtask starts: where they run, what is said of them, what becomes of their output.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools::openssl_features;

/// What went wrong, in one line for the end of the output.
pub(crate) type Done = Result<(), String>;

/// Prints a line on standard output.
pub(crate) fn say(line: &str) {
    // A reader that went away is its own business.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that started xtask, at work in the workspace's folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// [`cargo`] for packages that need OpenSSL.
pub(crate) fn cargo_with_openssl(subcommand: &str, arguments: &[&str]) -> Result<Command, String> {
    let mut command = cargo(&[subcommand]);
    command.args(openssl_features()?).args(arguments);
    Ok(command)
}

/// Builds a package's only program in release mode and says where it is.
pub(crate) fn build_release(package: &str) -> Result<PathBuf, String> {
    build(cargo_with_openssl(
        "build",
        &["--release", "--package", package],
    )?)
}

/// Runs a `cargo build` and says where the program is that it built.
pub(crate) fn build(mut command: Command) -> Result<PathBuf, String> {
    let mut binary = None;
    command.args(["--message-format", "json-render-diagnostics"]);
    let shown = shown(&command);
    execute_and_read(command, |line| {
        if let Some((_, rest)) = line.split_once("\"executable\":\"") {
            binary = rest.split('"').next().map(PathBuf::from);
        }
        false
    })?;
    binary.ok_or_else(|| format!("`{shown}` built no program"))
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_else(|| command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|w| w.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs `command` without standard input.
pub(crate) fn execute(mut command: Command) -> Done {
    let shown = shown(&command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|e| format!("`{shown}` cannot be started: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{shown}` failed: {status}"))
    }
}

/// Runs `command` without standard input, hands each line of its standard output to `line`, and prints those for which
/// `line` says so.
pub(crate) fn execute_and_read(mut command: Command, mut line: impl FnMut(&str) -> bool) -> Done {
    let shown = shown(&command);
    let failed = |e| format!("`{shown}` cannot be started: {e}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(stdout) = child.stdout.take() {
        for bytes in BufReader::new(stdout).split(b'\n') {
            let bytes = bytes.map_err(|e| format!("`{shown}`: cannot read its output: {e}"))?;
            let text = String::from_utf8_lossy(&bytes);
            if line(&text) {
                say(&text);
            }
        }
    }
    let status = child.wait().map_err(|e| format!("`{shown}`: {e}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{shown}` failed: {status}"))
    }
}
