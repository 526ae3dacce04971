//! The module's serial port as the outside sees it: a byte stream, line settings, and hosts that open and close it.
//!
//! A port never waits and never fails towards the module: what has no host vanishes, as on a wire.

mod duplex;
mod transmit;

pub(crate) use duplex::DuplexPort;
pub use duplex::SerialStream;
pub(crate) use transmit::Transmitter;

use std::task::{Context, Poll};

use espat_core::UartConfig;

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
pub enum PortError {}
