//! The command line: every option and subcommand, with the text that `--help` prints.

mod air;
mod control;
mod ctl;
mod fault;
mod firmware;
mod network;
mod ota_server;
mod port;
mod program;
mod replay;
mod sniff;
mod watch;

pub(crate) use air::AirOptions;
pub(crate) use control::ControlOptions;
pub(crate) use ctl::{CtlCommand, CtlOptions, FaultCommand, SupplyValue, WifiCommand};
pub(crate) use fault::FaultOptions;
pub(crate) use firmware::{
    FirmwareOptions, PowerWhen, ReportsOption, TerminatorOption, TimingOption,
};
pub(crate) use network::NetworkOptions;
pub(crate) use ota_server::OtaServerOptions;
pub(crate) use port::PortOptions;
pub(crate) use program::ProgramOptions;
pub(crate) use replay::{OnPortOptions, Prepare, ReplayOptions};
pub(crate) use sniff::SniffOptions;
pub(crate) use watch::WatchOptions;

use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::value::ProfileName;

const ABOUT: &str = "A virtual ESP-AT module on a serial port";

const LONG_ABOUT: &str = "\
A virtual ESP-AT module on a serial port.

`espat` plays an Espressif Wi-Fi module that runs the ESP-AT firmware: what a program writes to the serial port is \
answered byte for byte as the chip answers it, and the links that the module opens are real TCP and UDP sockets of this \
computer. Without a subcommand it does what `espat run` does.";

const SETTINGS: &str = "\
Where options come from:
  Every option of `run` and `console` can also stand in the environment or in the file that --config
  names. The command line wins over the environment, which wins over the file.

  Environment: ESPAT_ and the option's name in capitals, with _ for -. A list has one value a line.
    ESPAT_TIMING=fast  ESPAT_LOG_PORT=stderr  ESPAT_OFFLINE=true  ESPAT_PTY=/tmp/esp0

  File (TOML): the option's name without the dashes.
    timing = \"fast\"
    pty = \"/tmp/esp0\"               # or: pty = true
    map = [\"example.com:80=127.0.0.1:8080\"]

    [[access-point]]                # an --ap with everything that an access point can have
    ssid = \"home\"
    password = \"secret1234\"
    bssid = \"02:00:00:00:00:01\"
    channel = 6
    rssi = -61
    answers = \"always\"              # never: no answer to a join; no-dhcp: no address after it

Exit codes:
  0  as asked (SIGINT and SIGTERM end the module cleanly)
  1  something failed while running, or an expectation did not hold
  2  wrong usage or environment, found before anything was started";

/// The version, and that of the TLS library.
fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let version = env!("CARGO_PKG_VERSION");
        format!("{version} ({})", espat_host::tls_library())
    });
    &TEXT
}

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "espat",
    version,
    long_version = long_version(),
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_long_help = SETTINGS,
    after_help = "`espat --help` explains every option with an example.",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    infer_subcommands = false,
    max_term_width = 110
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

/// What `espat` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start one module and keep it running until Ctrl-C (the default)
    ///
    /// Starts one module and keeps it running until SIGINT or SIGTERM; both end it cleanly, with exit code 0. When the
    /// serial port can be opened, one line on standard output says where it is:
    ///
    ///   pty /run/user/1000/espat/pty0 -> /dev/pts/7
    ///
    /// Example: espat run --pty /tmp/esp0 --ap home=secret1234
    #[command(after_long_help = SETTINGS)]
    Run(RunOptions),
    /// Talk to a module in this terminal: type AT commands, see replies; Ctrl-] leaves
    ///
    /// Puts a module into this terminal. What you type goes to the module byte by byte, Enter sends CR LF, and what the
    /// module answers is shown as it comes. Ctrl-] leaves and ends the module.
    ///
    /// Example: espat console --ap home=secret1234
    #[command(after_long_help = SETTINGS)]
    Console(ModuleOptions),
    /// List the firmware lines that --profile can name
    ///
    /// Prints each profile's chip and firmware version, the values in which it differs from the default, and what each of
    /// these rests on: the vendor's documents, open sources, a published session with a module, texts in the firmware, a host
    /// driver; or inferred, extrapolated from the nearest line, decided without evidence. With one name, all values of that
    /// profile; with two, the values and commands in which they differ. A chip's name, as esp32, is its newest profile.
    ///
    /// Example: espat profiles esp32-2.2 esp8266
    Profiles(ProfilesOptions),
    /// List the AT commands that a module answers
    ///
    /// Prints one line a command: its name, its forms (test AT+X=?, query AT+X?, set AT+X=..., execute AT+X) and what it
    /// does. A command that is not here answers ERROR.
    ///
    /// Example: espat commands --json
    Commands(CommandsOptions),
    /// List the scenarios that --fault can name
    ///
    /// Prints each scenario's name, the kind of failure (1 to 19) of docs/scenarios.md that it is, and what goes wrong. With NAME, all of one: what it does, who
    /// reported it, what a good driver does, and its plan.
    ///
    /// Example: espat scenarios ipd-inside-send
    Scenarios(ScenariosOptions),
    /// Run transcripts (.at) against the module of a profile, or a real one
    ///
    /// Runs each file on a simulated module, with a virtual clock and a virtual network, in four ways of splitting the
    /// bytes; or, with --port, on the module behind a serial port, with its peers on real sockets of this computer. What differs is
    /// shown with the lines before it and its bytes; then the exit code is 1. docs/transcripts.md describes the format,
    /// docs/recording.md what a real module asks for.
    ///
    /// Example: espat replay tests/at/tcpip --junit report.xml
    Replay(ReplayOptions),
    /// Stand between a host and a real module, and write down what they say
    ///
    /// The host opens a pseudo-terminal in place of the module's serial port, whose name is printed at the start; bytes go through
    /// unchanged, both ways, at the rate that the host sets. What is said becomes a transcript with times, passwords as {secret}: evidence
    /// for a profile, or for a bug. `espat replay --port` runs it again. SIGINT ends it; so does the module's port when it is unplugged,
    /// with exit code 1. docs/recording.md says more.
    ///
    /// Example: espat sniff /dev/ttyUSB0@115200 --pty /tmp/esp0 --record session.at
    Sniff(SniffOptions),
    /// Serve firmware versions to AT+CIUPDATE and AT+CIPFWVER, or break it
    ///
    /// Serves versions and partitions from a folder as the vendor's server does, so that an upgrade can be rehearsed, and broken
    /// by --stall-at, --cut-at or --wrong-length. When it listens, one line on standard output says where:
    ///
    ///   ota-server http://127.0.0.1:8070
    ///
    /// What clients do is shown on standard error: as bars on a terminal, else as a line at a transfer's start and one at its end.
    /// SIGINT and SIGTERM end it, with exit code 0.
    ///
    /// Example: espat ota-server roms --stall-at 65536
    OtaServer(OtaServerOptions),
    /// Look at a running module and change it, through its --control
    ///
    /// Speaks to a module that was started with --control: its state and links, reset and supply, the Wi-Fi, faults, bytes on its line,
    /// and what happens as it happens. docs/control.md says more. Exit code 1: the module refuses, or ends the transcript; 2: it
    /// cannot be reached, or wants another token.
    ///
    /// Example: espat ctl --control 127.0.0.1:8090 state
    Ctl(CtlOptions),
    /// Print a shell's completion script
    ///
    /// Example: espat completions bash > /etc/bash_completion.d/espat
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page
    ///
    /// Prints the page of `espat`, or of one subcommand, in roff.
    ///
    /// Example: espat man run | man -l -
    Man {
        /// A subcommand, for its own page
        subcommand: Option<String>,
    },
}

/// Options of a listing.
#[derive(Args, Debug)]
pub(crate) struct ListOptions {
    /// Print JSON for programs instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `profiles`.
#[derive(Args, Debug)]
pub(crate) struct ProfilesOptions {
    #[command(flatten)]
    pub(crate) list: ListOptions,
    /// One profile to show whole, or two to compare
    #[arg(value_name = "NAME", num_args = 0..=2)]
    pub(crate) names: Vec<ProfileName>,
}

/// Options of `commands`.
#[derive(Args, Debug)]
pub(crate) struct CommandsOptions {
    #[command(flatten)]
    pub(crate) list: ListOptions,
    /// Firmware line; `espat profiles` lists them [default: esp32-2.2]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<ProfileName>,
}

/// Options of `scenarios`.
#[derive(Args, Debug)]
pub(crate) struct ScenariosOptions {
    #[command(flatten)]
    pub(crate) list: ListOptions,
    /// Show one of them whole
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// Options of `run`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    pub(crate) port: PortOptions,
    #[command(flatten)]
    pub(crate) module: ModuleOptions,
}

/// What the module is and what surrounds it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ModuleOptions {
    #[command(flatten)]
    pub(crate) firmware: FirmwareOptions,

    #[command(flatten)]
    pub(crate) air: AirOptions,

    #[command(flatten)]
    pub(crate) network: NetworkOptions,

    #[command(flatten)]
    pub(crate) faults: FaultOptions,

    #[command(flatten)]
    pub(crate) watch: WatchOptions,

    #[command(flatten)]
    pub(crate) control: ControlOptions,

    #[command(flatten)]
    pub(crate) program: ProgramOptions,
}

impl RunOptions {
    /// Puts these over `lower`: a value replaces a value, a list a list, a port a port.
    pub(crate) fn over(self, lower: Self) -> Self {
        Self {
            port: self.port.over(lower.port),
            module: self.module.over(lower.module),
        }
    }
}

impl ModuleOptions {
    fn over(self, lower: Self) -> Self {
        Self {
            firmware: self.firmware.over(lower.firmware),
            air: self.air.over(lower.air),
            network: self.network.over(lower.network),
            faults: self.faults.over(lower.faults),
            watch: self.watch.over(lower.watch),
            control: self.control.over(lower.control),
            program: self.program.over(lower.program),
        }
    }
}

fn longer<T>(upper: Vec<T>, lower: Vec<T>) -> Vec<T> {
    if upper.is_empty() { lower } else { upper }
}
