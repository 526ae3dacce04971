//! The serial port over RFC 2217: TCP with Telnet's COM port option, so that a host sets the line and moves DTR and RTS.
//!
//! The pins are wired as on the vendor's boards: DTR alone pulls IO0 low, RTS alone EN, both together or none of them neither. A
//! capacitor at EN lets it rise slowly, so that a host which moves one pin after the other is understood as it means it.

mod telnet;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use espat_core::UartConfig;
use tokio::time::{Sleep, sleep};

use self::telnet::{Pins, Telnet, Wish};
use super::{Port, PortError, PortEvent, TcpPort};

/// Bytes that are read ahead, so that what concerns the pins is seen while the module takes no bytes.
const AHEAD_BYTES: usize = 16 * 1024;

/// Bytes that are put into Telnet's form at a time, and replies that may wait for a host that does not read.
const REPLIES_BYTES: usize = 4 * 1024;

/// How long EN takes to rise.
const RISE: Duration = Duration::from_millis(10);

/// A port that hosts reach over RFC 2217.
#[derive(Debug)]
pub struct Rfc2217Port {
    tcp: TcpPort,
    telnet: Telnet,
    /// What a host reads first of the line.
    module_line: UartConfig,
    ahead: Vec<u8>,
    taken: usize,
    /// The host's rate, and from which byte of those ahead on it is another.
    baud: u32,
    rates: VecDeque<(usize, u32)>,
    is_held: bool,
    en: En,
    io0_low: bool,
    events: VecDeque<PortEvent>,
    wishes: Vec<Wish>,
}

/// The EN pin.
#[derive(Debug)]
enum En {
    High,
    Low,
    Rising(Pin<Box<Sleep>>),
}

impl Rfc2217Port {
    /// Listens for hosts; `line` is what the module's UART runs at.
    ///
    /// # Errors
    /// [`PortError::Listen`] where the address cannot be had.
    pub async fn listen(at: SocketAddr, line: UartConfig) -> Result<Self, PortError> {
        Ok(Self {
            tcp: TcpPort::listen(at).await?,
            telnet: Telnet::new(line),
            module_line: line,
            ahead: vec![],
            taken: 0,
            baud: line.baud,
            rates: VecDeque::new(),
            is_held: false,
            en: En::High,
            io0_low: false,
            events: VecDeque::new(),
            wishes: vec![],
        })
    }

    /// Where hosts connect to.
    ///
    /// # Errors
    /// What the system says of the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    fn on_tcp_event(&mut self, event: PortEvent) {
        match event {
            PortEvent::Opened => {
                self.telnet = Telnet::new(self.module_line);
                self.set_rate(self.ahead.len(), self.module_line.baud);
                self.is_held = false;
            }
            PortEvent::Closed => {
                // What it sent before is on the line, and is still read.
                let mut rest = self.tcp.take_rest();
                let n = self.telnet.receive(&mut rest, &mut self.wishes);
                self.ahead.extend_from_slice(&rest[..n]);
                self.wishes.clear();
                self.is_held = false;
                self.telnet.replies().clear();
                self.on_pins(Pins::default());
            }
            PortEvent::Refused | PortEvent::Held | PortEvent::Released { .. } => {}
        }
        self.events.push_back(event);
    }

    fn on_pins(&mut self, pins: Pins) {
        self.io0_low = pins.dtr && !pins.rts;
        let en_low = pins.rts && !pins.dtr;
        match (&self.en, en_low) {
            (En::High, true) => {
                self.en = En::Low;
                self.events.push_back(PortEvent::Held);
            }
            (En::Rising(_), true) => self.en = En::Low,
            (En::Low, false) => self.en = En::Rising(Box::pin(sleep(RISE))),
            (En::High | En::Rising(_), false) | (En::Low, true) => {}
        }
    }

    /// `filled`: where in what lies ahead the bytes begin that the wishes came with.
    fn follow_wishes(&mut self, filled: usize) {
        for wish in std::mem::take(&mut self.wishes) {
            match wish {
                Wish::Line(line, after) => {
                    tracing::debug!("the host set its line: {line:?}");
                    self.set_rate(filled + after, line.baud);
                }
                Wish::Pins(pins) => self.on_pins(pins),
                Wish::Hold(hold) => self.is_held = hold,
            }
        }
    }

    /// Reads ahead while there is room; pending where nothing more can be read.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PortError>> {
        if self.taken == self.ahead.len() {
            self.baud = self.host_rate();
            self.rates.clear();
            self.ahead.clear();
            self.taken = 0;
        }
        let filled = self.ahead.len();
        if filled >= AHEAD_BYTES || self.poll_replies(cx)?.is_pending() {
            return Poll::Pending;
        }
        let mut piece = [0; AHEAD_BYTES];
        let n = ready!(self.tcp.poll_read(cx, &mut piece[..AHEAD_BYTES - filled]))?;
        let n = self.telnet.receive(&mut piece[..n], &mut self.wishes);
        self.ahead.extend_from_slice(&piece[..n]);
        self.follow_wishes(filled);
        // What is answered goes at once; a host that does not read is waited for above.
        let _ = self.poll_replies(cx)?;
        Poll::Ready(Ok(()))
    }

    /// From that byte on the host's rate is `baud`. There are never more of these than bytes.
    fn set_rate(&mut self, from: usize, baud: u32) {
        self.rates.pop_back_if(|(last, _)| *last == from);
        self.rates.push_back((from, baud));
    }

    /// The rate of the next byte.
    fn host_rate(&self) -> u32 {
        let reached = self.rates.iter().filter(|(from, _)| *from <= self.taken);
        reached.last().map_or(self.baud, |(_, baud)| *baud)
    }

    /// Writes what waits for the host; ready when nothing does.
    fn poll_replies(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PortError>> {
        while !self.telnet.replies().is_empty() {
            let n = ready!(self.tcp.poll_write(cx, self.telnet.replies()))?;
            self.telnet.replies().drain(..n);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_rise(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let En::Rising(rise) = &mut self.en else {
            return Poll::Pending;
        };
        ready!(rise.as_mut().poll(cx));
        self.en = En::High;
        if self.io0_low {
            tracing::warn!(
                "the host released EN while it holds IO0 low (DTR): the chip waits for a download, which espat does not play, and \
                 says nothing; reset it with DTR off"
            );
        }
        let event = PortEvent::Released {
            runs: !self.io0_low,
        };
        self.events.push_back(event);
        Poll::Ready(())
    }
}

impl Port for Rfc2217Port {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<PortEvent, PortError>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Ok(event));
            }
            if let Poll::Ready(event) = self.tcp.poll_event(cx)? {
                self.on_tcp_event(event);
                continue;
            }
            if self.poll_rise(cx).is_ready() {
                continue;
            }
            ready!(self.poll_ahead(cx))?;
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, PortError>> {
        while self.taken == self.ahead.len() {
            if !self.events.is_empty() {
                return Poll::Ready(Ok(0));
            }
            ready!(self.poll_ahead(cx))?;
        }
        let next_rate = self.rates.iter().map(|(from, _)| *from);
        let next_rate = next_rate.filter(|from| *from > self.taken).min();
        let end = next_rate.unwrap_or(self.ahead.len());
        let waiting = &self.ahead[self.taken..end];
        let n = waiting.len().min(buffer.len());
        buffer[..n].copy_from_slice(&waiting[..n]);
        self.taken += n;
        Poll::Ready(Ok(n))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PortError>> {
        ready!(self.poll_replies(cx))?;
        if self.is_held {
            return Poll::Pending;
        }
        if self.telnet.sends_plain(bytes) {
            return self.tcp.poll_write(cx, bytes);
        }
        let n = bytes.len().min(REPLIES_BYTES);
        self.telnet.send(&bytes[..n]);
        // They have left the UART; what the socket does not take now goes before all else.
        let _ = self.poll_replies(cx)?;
        Poll::Ready(Ok(n))
    }

    fn set_line(&mut self, uart: UartConfig) {
        self.module_line = uart;
    }

    fn host_baud(&self) -> Option<u32> {
        Some(self.host_rate())
    }

    fn keeps_chunks(&self) -> bool {
        true
    }

    fn sees_opens(&self) -> bool {
        true
    }
}
