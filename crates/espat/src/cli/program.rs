//! Options of the program itself.

use std::path::PathBuf;

use clap::Args;

use crate::log::LogLevel;

/// What the program itself does.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ProgramOptions {
    /// Read options from a TOML file
    ///
    /// The keys are the options' names without the dashes; see `Where options come from` below.
    ///
    /// Example: --config bench.toml
    #[arg(long, value_name = "FILE", help_heading = "Program")]
    pub(crate) config: Option<PathBuf>,

    /// How much espat says of itself on standard error [default: info]
    ///
    /// Passwords and keys are never logged.
    ///
    /// Example: --log debug
    #[arg(long, value_name = "LEVEL", help_heading = "Program")]
    pub(crate) log: Option<LogLevel>,
}

impl ProgramOptions {
    /// Puts these over `lower`.
    pub(crate) fn over(self, lower: Self) -> Self {
        Self {
            config: self.config.or(lower.config),
            log: self.log.or(lower.log),
        }
    }
}
