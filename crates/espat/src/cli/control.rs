//! Options of the control interface.

use clap::Args;

use crate::control::{ControlAddr, ControlToken};

/// How a running module is looked at and changed.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Control")]
pub(crate) struct ControlOptions {
    /// Let programs look at the module and change it while it runs, over HTTP
    ///
    /// State and links, reset and supply, the Wi-Fi, bytes on the line, the live transcript: docs/control.md describes it, and `espat
    /// ctl` speaks it. An address of loopback, or the path of a socket (with a / in it) in a folder that only you can write to. Any
    /// other address needs --control-token. A second line on standard output says where it is.
    ///
    /// Example: --control 127.0.0.1:8090, and then: espat ctl --control 127.0.0.1:8090 state
    #[arg(long, value_name = "ADDR:PORT|SOCKET", help_heading = "Control")]
    pub(crate) control: Option<ControlAddr>,

    /// What programs have to show there, as `Authorization: Bearer TOKEN`
    ///
    /// Other users can read a command line: put a real token into a file, see --config, or into the environment.
    ///
    /// Example: --control 0.0.0.0:8090 --control-token 5d1c7a90
    #[arg(
        long,
        value_name = "TOKEN",
        help_heading = "Control",
        allow_hyphen_values = true
    )]
    pub(crate) control_token: Option<ControlToken>,
}

impl ControlOptions {
    /// Puts these over `lower`.
    pub(crate) fn over(self, lower: Self) -> Self {
        Self {
            control: self.control.or(lower.control),
            control_token: self.control_token.or(lower.control_token),
        }
    }
}
