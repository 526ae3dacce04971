//! Options that say what the module is: its firmware, its pace, and what it keeps.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::value::{self, LogTarget, ProfileName};

/// What the module is.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FirmwareOptions {
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
}

impl FirmwareOptions {
    /// Puts these over `lower`.
    pub(crate) fn over(self, lower: Self) -> Self {
        Self {
            profile: self.profile.or(lower.profile),
            power: self.power.or(lower.power),
            timing: self.timing.or(lower.timing),
            reports: self.reports.or(lower.reports),
            terminator: self.terminator.or(lower.terminator),
            strict_baud: self.strict_baud || lower.strict_baud,
            log_port: self.log_port.or(lower.log_port),
            seed: self.seed.or(lower.seed),
            state: self.state.or(lower.state),
            certs: self.certs.or(lower.certs),
        }
    }
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
