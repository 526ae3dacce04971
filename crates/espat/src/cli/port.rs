//! Options that say where the serial port is.

use std::path::PathBuf;

use clap::Args;
use espat_host::SerialName;

use crate::value::ListenAddr;

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

impl PortOptions {
    /// Puts these over `lower`: a port replaces a port of another kind.
    pub(crate) fn over(self, lower: Self) -> Self {
        if self.is_given() { self } else { lower }
    }

    const fn is_given(&self) -> bool {
        self.pty.is_some()
            || self.tcp.is_some()
            || self.rfc2217.is_some()
            || self.serial.is_some()
            || self.stdio
    }
}
