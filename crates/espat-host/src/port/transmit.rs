//! The UART's transmitter: what the module sent and has not left yet, at the line's pace in realistic timing.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use espat_core::{Instant, UartConfig};

use super::{Port, PortError};

/// Bytes go out in slices of about this length of time: shorter ones would only cost wake-ups.
const SLICE_NANOS: u64 = 1_000_000;

/// About what a PTY takes at once.
const GATHER_BYTES: usize = 6 * 1024;

/// Serial output on its way to the port. Its length is bounded by the credit that the module has.
#[derive(Debug)]
pub(crate) struct Transmitter {
    queue: Vec<u8>,
    head: usize,
    /// Line settings that become valid when so many bytes in all have left.
    changes: VecDeque<(u64, UartConfig)>,
    left: u64,
    /// Thrown away but not reported yet.
    discarded: usize,
    foreign: Foreign,
    pace: Option<Pace>,
}

/// Bytes in the queue that are not the module's: they are no credit of its.
#[derive(Debug, Default)]
struct Foreign {
    /// Where they lie in all that ever leaves, and how many.
    pieces: VecDeque<(u64, usize)>,
    waiting: usize,
}

/// The line's pace.
#[derive(Debug)]
struct Pace {
    byte_nanos: u64,
    /// When the line has carried everything that left so far.
    free_at_nanos: u64,
    /// The port took less than was due: the line stands still.
    blocked: bool,
}

impl Transmitter {
    /// A transmitter that keeps the line's pace (`paced`), or none.
    pub(crate) fn new(uart: UartConfig, paced: bool) -> Self {
        let pace = paced.then(|| Pace {
            byte_nanos: uart.byte_nanos().max(1),
            free_at_nanos: 0,
            blocked: false,
        });
        Self {
            queue: Vec::new(),
            head: 0,
            changes: VecDeque::new(),
            left: 0,
            discarded: 0,
            foreign: Foreign::default(),
            pace,
        }
    }

    pub(crate) fn push(&mut self, now: Instant, bytes: &[u8]) {
        if self.is_empty() {
            self.queue.clear();
            self.head = 0;
            if let Some(pace) = &mut self.pace {
                pace.free_at_nanos = pace.free_at_nanos.max(nanos(now));
            }
        } else if self.head > self.queue.len() / 2 {
            // Not sooner: each byte is to be moved at most once.
            self.queue.drain(..self.head);
            self.head = 0;
        }
        self.queue.extend_from_slice(bytes);
    }

    /// Bytes that the module knows nothing of; `false` where more than `max` of them would wait.
    pub(crate) fn push_foreign(&mut self, now: Instant, bytes: &[u8], max: usize) -> bool {
        if bytes.is_empty() || self.foreign.waiting + bytes.len() > max {
            return bytes.is_empty();
        }
        let at = self.left + self.waiting() as u64;
        self.foreign.pieces.push_back((at, bytes.len()));
        self.foreign.waiting += bytes.len();
        self.push(now, bytes);
        true
    }

    /// New line settings after the bytes pushed so far.
    pub(crate) fn change(&mut self, uart: UartConfig) {
        self.changes
            .push_back((self.left + self.waiting() as u64, uart));
    }

    /// Throws away what has not left; it counts as sent.
    pub(crate) fn discard(&mut self) {
        self.left += self.waiting() as u64;
        self.discarded += self.waiting() - self.foreign.leave(self.left);
        self.queue.clear();
        self.head = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting() == 0
    }

    /// Whether what waits is so little that more may join it before it is written.
    pub(crate) fn gathers(&self) -> bool {
        !self.is_empty() && self.waiting() < GATHER_BYTES && self.pace.is_none()
    }

    /// When the next slice is due, where the line's pace decides.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let pace = self
            .pace
            .as_ref()
            .filter(|p| !p.blocked && !self.is_empty())?;
        let at = pace.free_at_nanos + pace.slice(self.until_change()) as u64 * pace.byte_nanos;
        Some(Instant::from_micros(at.div_ceil(1000)))
    }

    /// Hands what is due to the port; ready with the number of the module's bytes that left.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        port: &mut dyn Port,
    ) -> Poll<Result<usize, PortError>> {
        if self.discarded > 0 {
            return Poll::Ready(Ok(std::mem::take(&mut self.discarded)));
        }
        self.apply_changes(port);
        let limit = self.until_change();
        let due = self
            .pace
            .as_ref()
            .map_or(limit, |pace| pace.due(now, limit));
        if due == 0 {
            return Poll::Pending;
        }
        let written = port.poll_write(cx, &self.queue[self.head..self.head + due])?;
        let Poll::Ready(n) = written else {
            if let Some(pace) = &mut self.pace {
                pace.blocked = true;
            }
            return Poll::Pending;
        };
        if let Some(pace) = &mut self.pace {
            pace.free_at_nanos += n as u64 * pace.byte_nanos;
            if std::mem::take(&mut pace.blocked) {
                pace.free_at_nanos = pace.free_at_nanos.max(nanos(now));
            }
        }
        self.head += n;
        self.left += n as u64;
        self.apply_changes(port);
        Poll::Ready(Ok(n - self.foreign.leave(self.left)))
    }

    fn apply_changes(&mut self, port: &mut dyn Port) {
        while let Some((_, uart)) = self.changes.pop_front_if(|(after, _)| *after <= self.left) {
            if let Some(pace) = &mut self.pace {
                pace.byte_nanos = uart.byte_nanos().max(1);
            }
            port.set_line(uart);
        }
    }

    fn waiting(&self) -> usize {
        self.queue.len() - self.head
    }

    fn until_change(&self) -> usize {
        let after = self
            .changes
            .front()
            .map_or(u64::MAX, |(after, _)| after - self.left);
        usize::try_from(after)
            .unwrap_or(usize::MAX)
            .min(self.waiting())
    }
}

impl Foreign {
    /// How many of the bytes that left before `left` are these, since the last call.
    fn leave(&mut self, left: u64) -> usize {
        let mut gone = 0;
        while let Some((at, len)) = self.pieces.front_mut().filter(|(at, _)| *at < left) {
            let n = usize::try_from(left - *at).unwrap_or(usize::MAX).min(*len);
            *at += n as u64;
            *len -= n;
            gone += n;
            if *len > 0 {
                break;
            }
            self.pieces.pop_front();
        }
        self.waiting -= gone;
        gone
    }
}

impl Pace {
    /// How many of `limit` bytes go out in one slice.
    fn slice(&self, limit: usize) -> usize {
        usize::try_from(SLICE_NANOS.div_ceil(self.byte_nanos))
            .unwrap_or(usize::MAX)
            .min(limit)
    }

    /// How many of `limit` bytes the line has carried at `now`; 0 while less than a slice is due.
    fn due(&self, now: Instant, limit: usize) -> usize {
        let carried = nanos(now).saturating_sub(self.free_at_nanos) / self.byte_nanos;
        let carried = usize::try_from(carried).unwrap_or(usize::MAX).min(limit);
        if carried < self.slice(limit) {
            0
        } else {
            carried
        }
    }
}

fn nanos(at: Instant) -> u64 {
    at.as_micros().saturating_mul(1000)
}
