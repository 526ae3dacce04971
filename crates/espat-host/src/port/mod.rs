//! The module's serial port as the outside sees it: a byte stream, line settings, and hosts that open and close it.
//!
//! A port never waits and never fails towards the module: what has no host vanishes, as on a wire.

pub(crate) mod descriptor;
mod duplex;
mod link;
mod pty;
mod rfc2217;
mod serial;
mod stdio;
mod strict;
mod tcp;
mod transmit;

pub(crate) use duplex::DuplexPort;
pub use duplex::SerialStream;
pub use pty::PtyPort;
pub use rfc2217::Rfc2217Port;
pub use serial::{SerialName, SerialPort};
pub use stdio::StdioPort;
pub use strict::StrictPort;
pub use tcp::TcpPort;
pub(crate) use transmit::Transmitter;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use espat_core::UartConfig;
use rustix::io::Errno;

/// A way to expose the module's UART.
pub trait Port: Send + 'static {
    /// Hosts that open or close the port.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<PortEvent, PortError>>;

    /// Reads what the host wrote. `0` says that [`poll_event`](Self::poll_event) has news.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, PortError>>;

    /// Writes to the host; takes and forgets the bytes where there is none.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PortError>>;

    /// The module changed its line settings; everything before it has been written.
    fn set_line(&mut self, _uart: UartConfig) {}

    /// The rate of what the host wrote next, where the port can tell.
    fn host_baud(&self) -> Option<u32> {
        None
    }

    /// Whether the port itself makes garbage of bytes where the host's rate and the module's differ.
    fn garbles(&self) -> bool {
        false
    }

    /// Whether one read returns what the host sent as one piece.
    fn keeps_chunks(&self) -> bool {
        false
    }

    /// Whether [`poll_event`](Self::poll_event) tells of hosts that open the port.
    fn sees_opens(&self) -> bool;

    /// What the end of a host means.
    fn after_close(&self) -> AfterClose {
        AfterClose::Reopens
    }
}

/// What a host did to the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortEvent {
    /// The first host opened the port.
    Opened,
    /// The last host closed the port.
    Closed,
    /// Another host was turned away.
    Refused,
    /// The host pulls the EN pin low: the module is held in reset.
    Held,
    /// EN is high again.
    Released {
        /// The firmware boots; otherwise IO0 was low, and the chip waits for a download.
        runs: bool,
    },
}

/// What the end of a host means for the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterClose {
    /// Another host may open the port later.
    Reopens,
    /// Nobody can open the port again; the module lives on while somebody holds its [`Handle`](crate::Handle).
    NeverReopens,
    /// The module ends with its host.
    Ends,
}

/// Why a port cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// No PTY could be opened.
    #[error("no PTY can be opened: {0}; `sysctl kernel.pty` says how many there are and may be")]
    OpenPty(#[source] io::Error),
    /// A PTY failed in use.
    #[error("the PTY can no longer be used: {0}")]
    UsePty(#[source] io::Error),
    /// The place of a link is taken by something that is not a link.
    #[error("`{}` is there and no link, so it is left alone: choose another name for the PTY's link", path.display())]
    LinkTaken {
        /// The place.
        path: PathBuf,
    },
    /// The place of a link is taken by one that leads somewhere.
    #[error(
        "`{}` is in use: it leads to `{}`; choose another name for the PTY's link, or remove this one if it is stale",
        path.display(),
        target.display()
    )]
    LinkInUse {
        /// The place.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A link or its directory could not be made.
    #[error("the PTY's link `{}` cannot be made: {source}; {}", path.display(), link_way_out(path, source))]
    MakeLink {
        /// The place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory for links is another user's, or others can write to it.
    #[error(
        "`{}` is not a directory that only this user can write to: name a place for the PTY's link, or set XDG_RUNTIME_DIR",
        path.display()
    )]
    OpenDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// An address could not be listened on.
    #[error(
        "hosts cannot be listened for on {at}: {source}; choose another address, port 0 takes a free one"
    )]
    Listen {
        /// The address.
        at: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A serial device's name with a wrong rate, or without a device.
    #[error(
        "`{0}` names no serial port: write DEVICE or DEVICE@BAUD, for example /dev/ttyUSB0@115200"
    )]
    SerialName(String),
    /// A serial device could not be opened.
    #[error("the serial port `{}` cannot be opened: {source}; {}", device.display(), serial_way_out(source))]
    OpenSerial {
        /// The device.
        device: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A serial device failed in use.
    #[error("the serial port `{}` is lost: {source}", device.display())]
    LoseSerial {
        /// The device.
        device: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard input or output failed.
    #[error("standard {stream} cannot be used: {source}")]
    Stdio {
        /// Which one.
        stream: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// What to do about a link that cannot be made.
fn link_way_out(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new(".")).display();
    let kind = error.kind();
    if kind == ErrorKind::NotFound {
        format!("make the folder `{folder}` first, or name a place that is there")
    } else if kind == ErrorKind::NotADirectory {
        format!("`{folder}` is no folder: name a place in one")
    } else if matches!(
        kind,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    ) {
        format!("this user cannot write to `{folder}`: name a place elsewhere")
    } else {
        "name another place".to_owned()
    }
}

/// What to do about a device that cannot be opened.
fn serial_way_out(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => {
            "is it plugged in? `ls /dev/serial/by-id /dev/ttyUSB* /dev/ttyACM*` shows the ports of USB adapters"
        }
        Some(Errno::ACCESS | Errno::PERM) => {
            "add this user to the group that `ls -l` shows for it, often dialout, and log in again"
        }
        Some(Errno::BUSY) => "another program uses it: end that one first",
        _ => "name the device of a UART, as /dev/ttyUSB0",
    }
}
