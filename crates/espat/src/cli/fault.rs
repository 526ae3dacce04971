//! Options that break the module on purpose.

use clap::Args;

/// What goes wrong.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Faults")]
pub(crate) struct FaultOptions {
    /// Break the module on purpose: a scenario's name, or a plan's FILE; repeatable
    ///
    /// `espat scenarios` lists what is there, from data inside a send to a module that hangs. A plan is a TOML file of your own
    /// (docs/faults.md). What it leaves to chance comes from its own seed, or from --seed N where that is given: the same seed and
    /// the same timed input give the same bytes.
    ///
    /// Example: --fault ipd-inside-send --seed 7
    #[arg(long, value_name = "NAME|FILE", help_heading = "Faults")]
    pub(crate) fault: Vec<String>,
}

impl FaultOptions {
    /// Puts these over `lower`.
    pub(crate) fn over(self, lower: Self) -> Self {
        if self.fault.is_empty() { lower } else { self }
    }
}
