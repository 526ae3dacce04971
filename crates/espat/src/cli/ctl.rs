//! The options of `espat ctl`.

use std::net::Ipv4Addr;

use clap::{Args, Subcommand, ValueEnum};

use crate::control::{ControlAddr, ControlToken};
use crate::value;

/// Options of `ctl`.
#[derive(Args, Debug)]
pub(crate) struct CtlOptions {
    /// Where the module's control interface is, as its --control says
    ///
    /// Example: --control 127.0.0.1:8090
    #[arg(
        long,
        value_name = "ADDR:PORT|SOCKET",
        env = "ESPAT_CONTROL",
        global = true
    )]
    pub(crate) control: Option<ControlAddr>,

    /// The token that it wants
    ///
    /// Other users can read a command line: put a real token into the environment.
    ///
    /// Example: --control-token 5d1c7a90
    #[arg(
        long,
        value_name = "TOKEN",
        env = "ESPAT_CONTROL_TOKEN",
        hide_env_values = true,
        global = true,
        allow_hyphen_values = true
    )]
    pub(crate) control_token: Option<ControlToken>,

    /// Print the answer as the module gave it, in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: CtlCommand,
}

/// What `ctl` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum CtlCommand {
    /// Show what the module is and how it stands
    State,
    /// List its links
    Links,
    /// Pull its EN pin low and release it
    Reset,
    /// Cut its supply, bring it back, or let it sag
    Power {
        /// What becomes of the supply
        supply: SupplyValue,
    },
    /// Let its access points go or come back, or give its station another address
    #[command(subcommand)]
    Wifi(WifiCommand),
    /// Break it on purpose: start and stop fault plans
    #[command(subcommand)]
    Fault(FaultCommand),
    /// List the scenarios that it knows
    Scenarios,
    /// Give it bytes as if its host sent them
    ///
    /// TEXT ends with CR LF, unless it ends with a backslash; \xNN is a byte and \\ a backslash, as in transcripts.
    ///
    /// Example: espat ctl send 'AT+GMR', and to leave passthrough: espat ctl send '+++\'
    Send {
        /// What to send
        #[arg(allow_hyphen_values = true)]
        text: String,
    },
    /// Put bytes on the line to its host; the module knows nothing of them
    ///
    /// TEXT is written as for `send`.
    ///
    /// Example: espat ctl emit '\xff\x00\'
    Emit {
        /// What to put there
        #[arg(allow_hyphen_values = true)]
        text: String,
    },
    /// Follow what happens, as a transcript, until the module ends
    Tail,
}

/// Values of `ctl power`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SupplyValue {
    /// The supply comes back
    On,
    /// It is cut: links vanish without a word
    Off,
    /// It sags: an unannounced reset
    BrownOut,
}

/// What `ctl fault` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum FaultCommand {
    /// List the fault plans that run
    List,
    /// Start a scenario or a fault plan
    ///
    /// Example: espat ctl fault start ipd-inside-send --seed 7
    Start {
        /// A scenario's name, or the file of a plan (docs/faults.md)
        #[arg(value_name = "NAME|FILE")]
        plan: String,
        /// Where its chance comes from [default: the plan's]
        #[arg(long, value_name = "N", value_parser = value::seed, allow_negative_numbers = true)]
        seed: Option<u64>,
    },
    /// Stop the plan of that id, or all of that name, and what they do
    Stop {
        /// An id or a name, as `list` shows them
        #[arg(value_name = "NAME|ID")]
        which: String,
    },
}

/// What `ctl wifi` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum WifiCommand {
    /// The access points are gone, the joined one too
    Down,
    /// They are back; whether the station joins again is for its settings
    Up,
    /// From here on DHCP gives the station this address
    Address {
        /// The address
        #[arg(value_parser = value::ipv4)]
        ip: Ipv4Addr,
    },
}
