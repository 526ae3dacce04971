//! The command line: every option and subcommand, with the text that `--help` prints.

mod control;
mod ctl;
mod fault;
mod ota_server;
mod replay;
mod sniff;
mod watch;

pub(crate) use control::ControlOptions;
pub(crate) use ctl::{CtlCommand, CtlOptions, FaultCommand, SupplyValue, WifiCommand};
pub(crate) use fault::FaultOptions;
pub(crate) use ota_server::OtaServerOptions;
pub(crate) use replay::{OnPortOptions, Prepare, ReplayOptions};
pub(crate) use sniff::SniffOptions;
pub(crate) use watch::WatchOptions;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use espat_host::{Cidr, MapRule, Publish, SerialName};

use crate::log::LogLevel;
use crate::value::{
    self, AccessPointOption, ListenAddr, LogTarget, OtaToken, OtaUrl, ProfileName, StationOption,
};

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
    /// Prints each scenario's name, the row of the list of failures that it is, and what goes wrong. With NAME, all of one: what it does, who
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

/// Where the serial port is: at most one of these.
#[derive(Args, Clone, Debug, Default)]
#[group(id = "port", multiple = false)]
#[command(next_help_heading = "Serial port")]
pub(crate) struct PortOptions {
    /// A pseudo-terminal with a stable symlink (the default)
    ///
    /// The module's serial port is a pseudo-terminal, and LINK a symlink to it that is there until the module ends. This is
    /// the default port. Without LINK it is the first free one of pty0, pty1, ... in a directory of your own:
    /// XDG_RUNTIME_DIR/espat, or /tmp/espat-UID.
    ///
    /// Example: --pty /tmp/esp0, and then in another terminal: picocom --omap crcrlf /tmp/esp0
    #[arg(long, value_name = "LINK", num_args = 0..=1)]
    #[allow(
        clippy::option_option,
        reason = "clap's form of an option whose value may be left out"
    )]
    pub(crate) pty: Option<Option<PathBuf>>,

    /// Raw TCP, one host at a time
    ///
    /// The serial port is a TCP server: connect to it and talk. One host at a time; a second one is turned away and
    /// logged. Port 0 takes a free port, and the line on standard output says which.
    ///
    /// Example: --tcp 127.0.0.1:5000, and then: nc -C 127.0.0.1 5000
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) tcp: Option<ListenAddr>,

    /// TCP with the COM port option of RFC 2217, one host at a time
    ///
    /// As --tcp, but a host also sets the line and moves DTR and RTS. They are wired as on the vendor's boards: RTS without DTR
    /// holds the module in reset, and when it goes the module boots; DTR without RTS pulls IO0 low. Bytes pass whatever rate the host
    /// sets, unless --strict-baud is given.
    ///
    /// Example: --rfc2217 127.0.0.1:5000, and then: pyserial-miniterm --eol CRLF rfc2217://127.0.0.1:5000
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) rfc2217: Option<ListenAddr>,

    /// A real serial port of this computer
    ///
    /// The module answers on a real UART, for a microcontroller that is wired to this computer by a USB adapter. BAUD is
    /// the rate until the host changes it with AT+UART_CUR; default 115200.
    ///
    /// Example: --serial /dev/ttyUSB0@115200
    #[arg(long, value_name = "DEVICE[@BAUD]")]
    pub(crate) serial: Option<SerialName>,

    /// Standard input and output are the serial port
    ///
    /// The end of standard input ends the module. Everything else that `espat` prints goes to standard error.
    ///
    /// Example: printf 'AT\r\n' | espat --stdio --timing fast
    #[arg(long)]
    pub(crate) stdio: bool,
}

/// What the module is and what surrounds it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ModuleOptions {
    /// Firmware line; `espat profiles` lists them [default: esp32-2.2]
    ///
    /// The firmware that the module plays: chip and release.
    ///
    /// Example: --profile esp32-2.2
    #[arg(long, value_name = "NAME", help_heading = "Module")]
    pub(crate) profile: Option<ProfileName>,

    /// When the module powers on
    ///
    /// The default is on-open for --pty, --tcp and --rfc2217, and now for --serial, --stdio and `console`.
    ///
    /// Example: --power each-open
    #[arg(long, value_name = "WHEN", help_heading = "Module")]
    pub(crate) power: Option<PowerWhen>,

    /// Pace of the module [default: realistic]
    ///
    /// Example: --timing fast
    #[arg(long, value_name = "HOW", help_heading = "Module")]
    pub(crate) timing: Option<TimingOption>,

    /// Where reports (+IPD, CONNECT, CLOSED, WIFI ...) may come [default: between]
    ///
    /// Example: --reports anywhere --seed 7
    #[arg(long, value_name = "WHERE", help_heading = "Module")]
    pub(crate) reports: Option<ReportsOption>,

    /// What ends a command [default: crlf]
    ///
    /// Example: --terminator lenient
    #[arg(long, value_name = "WHAT", help_heading = "Module")]
    pub(crate) terminator: Option<TerminatorOption>,

    /// The rate that the host sets counts, on a PTY and over RFC 2217
    ///
    /// Where it differs from the module's (115200, AT+UART_CUR), both sides read the garbage that a real line would carry. Without
    /// it bytes pass at any rate.
    ///
    /// Example: --strict-baud
    #[arg(long, help_heading = "Module")]
    pub(crate) strict_baud: bool,

    /// Where the firmware's log UART goes: FILE, stderr or shared
    ///
    /// The firmware prints its boot messages and log on a second UART. By default they are not made. FILE: they are
    /// appended to that file; stderr: to standard error; shared: they come in the AT stream, as on boards that have only one UART.
    ///
    /// Example: --log-port stderr
    #[arg(long, value_name = "FILE|stderr|shared", help_heading = "Module")]
    pub(crate) log_port: Option<LogTarget>,

    /// Where everything random comes from [default: 0]
    ///
    /// Everything random in the module comes from this number: the same seed and the same timed input give the same
    /// bytes.
    ///
    /// Example: --seed 42
    #[arg(
        long,
        value_name = "N",
        help_heading = "Module",
        value_parser = value::seed,
        allow_negative_numbers = true
    )]
    pub(crate) seed: Option<u64>,

    /// Keep settings in DIR [default: nothing survives the process]
    ///
    /// What AT commands keep is in DIR/module.toml, which you may read, and edit while no module runs: comments and keys of
    /// your own stay. A command answers OK when its setting is durable. Partitions that AT+CIUPDATE wrote are in
    /// DIR/partitions. One module uses DIR at a time.
    ///
    /// Example: --state ~/esp0
    #[arg(long, value_name = "DIR", help_heading = "Module")]
    pub(crate) state: Option<PathBuf>,

    /// Take certificates and keys from DIR [default: DIR/certs of --state]
    ///
    /// PEM files named after the firmware's slots, N from 0: client_ca.N.pem, client_cert.N.pem and client_key.N.pem, for
    /// AT+CIPSSLCCONF; server_cert.0.pem, server_key.0.pem and server_ca.0.pem, for an SSL server. Files that come, go or
    /// change are noticed. A partition that AT+CIUPDATE wrote wins over all files of its kind. A key with a passphrase cannot be used.
    ///
    /// Example: --certs ~/esp0-certs
    #[arg(long, value_name = "DIR", help_heading = "Module")]
    pub(crate) certs: Option<PathBuf>,

    /// An access point in the module's air, repeatable
    ///
    /// Without any, every SSID can be joined with any password, and a scan finds one named `espat`. Without a password the
    /// access point is open. Other users can read a command line: put real passwords into a file, see --config.
    ///
    /// Example: --ap home=secret1234 --ap cafe
    #[arg(
        long,
        value_name = "SSID[=PASSWORD]",
        help_heading = "Air",
        allow_hyphen_values = true
    )]
    pub(crate) ap: Vec<AccessPointOption>,

    /// A station that joins the module's softAP while it is on, repeatable
    ///
    /// Without IP it takes an address from the softAP's DHCP range.
    ///
    /// Example: --station 02:00:00:00:00:05=192.168.4.9
    #[arg(long, value_name = "MAC[=IP]", help_heading = "Air")]
    pub(crate) station: Vec<StationOption>,

    /// The station's IPv4 address [default: 127.0.0.1]
    ///
    /// The address that the module gets from its access point and shows in AT+CIFSR. It must be an address of this
    /// computer: the module's servers and UDP ports bind to it.
    ///
    /// Example: --ip 192.168.1.20
    #[arg(long, value_name = "ADDR", help_heading = "Network", value_parser = value::ipv4)]
    pub(crate) ip: Option<Ipv4Addr>,

    /// The station's IPv6 address [default: ::1]
    ///
    /// Example: --ip6 fd00::20
    #[arg(long, value_name = "ADDR", help_heading = "Network", value_parser = value::ipv6)]
    pub(crate) ip6: Option<Ipv6Addr>,

    /// Lead what the module sends to HOST to ADDR instead, repeatable
    ///
    /// Links and datagrams to HOST:PORT, a name or an address, go to ADDR:PORT; so do questions to time servers and
    /// to the module's own name servers, whose ports are 123 and 53. A mapped name needs no DNS. Without ports the name is mapped for every port, and for AT+PING.
    ///
    /// Example: --map api.example.com:443=127.0.0.1:8443 --map broker.local=192.168.1.5
    #[arg(long, value_name = "HOST[:PORT]=ADDR[:PORT]", help_heading = "Network")]
    pub(crate) map: Vec<MapRule>,

    /// Reach the module's server on PORT at ADDR:PORT, repeatable
    ///
    /// A server that the module opens on PORT is bound to ADDR:PORT of this computer. Without it: the station's address
    /// and the same port, and where that cannot be bound (privileged, in use) a free port, which the log names. AT+MDNS
    /// announces the service there, on the interface that has that address; by --allow it needs 224.0.0.251 too.
    ///
    /// Example: --publish 80=127.0.0.1:8080
    #[arg(long, value_name = "PORT=ADDR:PORT", help_heading = "Network")]
    pub(crate) publish: Vec<Publish>,

    /// The module reaches loopback addresses only
    ///
    /// Example: espat --offline
    #[arg(long, help_heading = "Network", conflicts_with = "allow")]
    pub(crate) offline: bool,

    /// The module may reach these addresses and no others, repeatable
    ///
    /// Checked on the resolved address, for every link, datagram and question to a server. Without it and without --offline the module reaches
    /// everything but 169.254.0.0/16, where clouds keep their credentials.
    ///
    /// Example: --allow 127.0.0.0/8 --allow 192.168.1.0/24
    #[arg(long, value_name = "CIDR", help_heading = "Network")]
    pub(crate) allow: Vec<Cidr>,

    /// The module may not reach these addresses, repeatable; wins over --allow
    ///
    /// Example: --deny 192.168.1.1/32
    #[arg(long, value_name = "CIDR", help_heading = "Network")]
    pub(crate) deny: Vec<Cidr>,

    /// Where AT+CIUPDATE and AT+CIPFWVER go instead of the vendor's server
    ///
    /// `http://HOST:PORT` or `https://HOST:PORT`, HOST a name or an IPv4 address; without a port, 80 or 443. Whether it is HTTPS is
    /// said here, whichever of the two AT+CIUPDATE asks for. `espat ota-server` is such a server. Without this option the module goes to
    /// iot.espressif.cn, which --map can lead elsewhere.
    ///
    /// Example: --ota-server http://127.0.0.1:8070
    #[arg(long, value_name = "URL", help_heading = "Network")]
    pub(crate) ota_server: Option<OtaUrl>,

    /// What AT+CIUPDATE and AT+CIPFWVER show of themselves there, as `Authorization: token TOKEN` [default: 40 zeros]
    ///
    /// Other users can read a command line: put a real token into a file, see --config.
    ///
    /// Example: --ota-token 0123456789abcdef0123456789abcdef01234567
    #[arg(
        long,
        value_name = "TOKEN",
        help_heading = "Network",
        allow_hyphen_values = true
    )]
    pub(crate) ota_token: Option<OtaToken>,

    /// Append the secrets of SSL links to FILE, so that Wireshark can decrypt a capture
    ///
    /// Whoever reads FILE can read the links: it is made for you alone.
    ///
    /// Example: --tls-keylog keys.log
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(crate) tls_keylog: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) faults: FaultOptions,

    #[command(flatten)]
    pub(crate) watch: WatchOptions,

    #[command(flatten)]
    pub(crate) control: ControlOptions,

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

/// Values of `--power`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PowerWhen {
    /// When the first host opens the port, so that it sees `ready`; later hosts find it running
    OnOpen,
    /// At every first open after the last close, like a board that its USB adapter resets
    EachOpen,
    /// At start, like a module on a board
    Now,
}

/// Values of `--timing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimingOption {
    /// Output comes at the UART's rate; boot, joins and scans take plausible times: drivers for real modules just work
    Realistic,
    /// No artificial delay anywhere, for test suites and bulk data
    Fast,
}

/// Values of `--reports`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportsOption {
    /// Never from a command's first byte to its result, nor inside a send
    Between,
    /// Wherever real modules were seen to do it; --seed chooses
    Anywhere,
}

/// Values of `--terminator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TerminatorOption {
    /// CR LF, as the firmware has it
    Crlf,
    /// CR LF, or a CR or LF alone
    Lenient,
}
