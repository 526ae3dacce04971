//! How a run ends badly: which failures are the user's to mend before anything starts, and their exit codes.

use std::fmt;
use std::process::ExitCode;

/// Wrong usage or environment, found before anything was started: exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(String);

impl Usage {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Prints `error` and chooses the exit code. A reader of standard output that went away is no failure.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(broken_pipe) {
        return ExitCode::SUCCESS;
    }
    let code = if error.is::<Usage>() { 2 } else { 1 };
    // Standard error may be closed too; there is nowhere left to say so.
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("error: {error:#}\n"));
    ExitCode::from(code)
}
