//! A serial port inside this process: one end for the module, one for whoever tests against it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::{AfterClose, Port, PortError, PortEvent};

/// Bytes that may wait in each direction, as in a UART driver.
const BUFFER_BYTES: usize = 4096;

/// The host's end of a module's serial port. Dropping it closes the port.
#[derive(Debug)]
pub struct SerialStream(DuplexStream);

/// The module's end.
#[derive(Debug)]
pub(crate) struct DuplexPort {
    stream: DuplexStream,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The host is gone and nobody was told.
    Hung,
    Closed,
}

impl DuplexPort {
    pub(crate) fn pair() -> (SerialStream, Self) {
        let (host, module) = tokio::io::duplex(BUFFER_BYTES);
        (
            SerialStream(host),
            Self {
                stream: module,
                state: State::Open,
            },
        )
    }

    fn is_gone(&self) -> bool {
        matches!(self.state, State::Hung | State::Closed)
    }
}

impl Port for DuplexPort {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Result<PortEvent, PortError>> {
        match self.state {
            State::Hung => {
                self.state = State::Closed;
                Poll::Ready(Ok(PortEvent::Closed))
            }
            State::Open | State::Closed => Poll::Pending,
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, PortError>> {
        if self.is_gone() {
            return Poll::Pending;
        }
        let mut buffer = ReadBuf::new(buffer);
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
        let n = buffer.filled().len();
        if read.is_err() || n == 0 {
            self.state = State::Hung;
            return Poll::Ready(Ok(0));
        }
        Poll::Ready(Ok(n))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PortError>> {
        if self.is_gone() {
            return Poll::Ready(Ok(bytes.len()));
        }
        match ready!(Pin::new(&mut self.stream).poll_write(cx, bytes)) {
            Ok(n) => Poll::Ready(Ok(n)),
            // The read side sees the end after what the host wrote before it.
            Err(_) => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn sees_opens(&self) -> bool {
        false
    }

    fn after_close(&self) -> AfterClose {
        AfterClose::NeverReopens
    }
}

impl AsyncRead for SerialStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for SerialStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
