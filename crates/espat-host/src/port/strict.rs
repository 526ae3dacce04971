//! A line on which the host's rate counts: where it differs from the module's, both sides read what a real line would carry.

use std::task::{Context, Poll, ready};

use espat_core::{UartConfig, at_other_rate};

use super::{AfterClose, Port, PortError, PortEvent};

/// Bytes that are read or written at the wrong rate at a time. Each may be read as several.
const PIECE_BYTES: usize = 256;

/// A port whose host's rate is held against the module's.
#[derive(Debug)]
pub struct StrictPort<P> {
    port: P,
    baud: u32,
    /// What the module reads of bytes that came at another rate, and what the host reads of the module's.
    to_module: Vec<u8>,
    to_host: Vec<u8>,
}

impl<P: Port> StrictPort<P> {
    /// Wraps a port; `line` is what the module's UART runs at.
    pub fn new(port: P, line: UartConfig) -> Self {
        Self {
            port,
            baud: line.baud,
            to_module: vec![],
            to_host: vec![],
        }
    }

    /// The host's rate, where it is another than the module's.
    fn other_rate(&self) -> Option<u32> {
        self.port.host_baud().filter(|&baud| baud != self.baud)
    }

    /// Writes what the host reads of bytes at the wrong rate; ready when nothing of it waits.
    fn poll_garbage(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PortError>> {
        while !self.to_host.is_empty() {
            let n = ready!(self.port.poll_write(cx, &self.to_host))?;
            self.to_host.drain(..n);
        }
        Poll::Ready(Ok(()))
    }
}

impl<P: Port> Port for StrictPort<P> {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<PortEvent, PortError>> {
        // The last of what was written has nobody else to write it.
        let _ = self.poll_garbage(cx)?;
        self.port.poll_event(cx)
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, PortError>> {
        if self.to_module.is_empty() {
            let most = buffer.len().min(PIECE_BYTES);
            let rate = self.other_rate();
            let n = ready!(self.port.poll_read(cx, &mut buffer[..most]))?;
            let Some(rate) = rate.filter(|_| n > 0) else {
                return Poll::Ready(Ok(n));
            };
            self.to_module = at_other_rate(&buffer[..n], rate, self.baud);
            if self.to_module.is_empty() {
                // Nothing but what is too short for a byte; there may be more.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let n = self.to_module.len().min(buffer.len());
        buffer[..n].copy_from_slice(&self.to_module[..n]);
        self.to_module.drain(..n);
        Poll::Ready(Ok(n))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PortError>> {
        ready!(self.poll_garbage(cx))?;
        let Some(rate) = self.other_rate() else {
            return self.port.poll_write(cx, bytes);
        };
        let n = bytes.len().min(PIECE_BYTES);
        self.to_host = at_other_rate(&bytes[..n], self.baud, rate);
        // They have left the UART; what the port does not take now goes before all else.
        let _ = self.poll_garbage(cx)?;
        Poll::Ready(Ok(n))
    }

    fn set_line(&mut self, uart: UartConfig) {
        self.baud = uart.baud;
        self.port.set_line(uart);
    }

    fn host_baud(&self) -> Option<u32> {
        self.port.host_baud()
    }

    fn garbles(&self) -> bool {
        true
    }

    fn keeps_chunks(&self) -> bool {
        self.port.keeps_chunks()
    }

    fn sees_opens(&self) -> bool {
        self.port.sees_opens()
    }

    fn after_close(&self) -> AfterClose {
        self.port.after_close()
    }
}
