//! Chunks: runs of serial bytes whose neighbours are close together in time, or came in one packet.
//!
//! `busy p...`, `+++` and `AT+RST` while busy look at chunks, never at reads.

use crate::profile::Limits;
use crate::time::Instant;

const FORCED_RESET: &[u8] = b"AT+RST\r\n";

/// What is known of the chunk that is coming in.
#[derive(Debug)]
pub(crate) struct Chunk {
    last_at: Option<Instant>,
    broken: bool,
    /// This chunk has had its `busy p...`.
    busy_answered: bool,
    /// So many busy bytes of this chunk match `AT+RST`; `None` once they differ.
    matched: Option<usize>,
}

/// What was before some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// Other bytes, a moment ago.
    Bytes,
    /// A packet's end.
    Packet,
    /// The silence that `+++` needs.
    Silence,
}

/// What busy bytes lead to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// Answer `busy p...` now.
    Answer,
    /// They may become `AT+RST`: wait for the rest of the chunk.
    Wait,
    /// `AT+RST` ends after so many of the bytes: reset.
    Reset {
        /// How many.
        taken: usize,
    },
    /// Nothing to say.
    Quiet,
}

/// Nothing has come yet: the next byte begins a chunk.
impl Default for Chunk {
    fn default() -> Self {
        Self {
            last_at: None,
            broken: false,
            busy_answered: false,
            matched: Some(0),
        }
    }
}

impl Chunk {
    /// Bytes arrive. Returns what was before them.
    pub(crate) fn arrive(&mut self, now: Instant, limits: &Limits) -> Before {
        let gap = self.last_at.map(|last| now.since(last));
        let far = |limit| gap.is_none_or(|gap| gap >= limit);
        if self.broken || far(limits.chunk_gap) {
            self.busy_answered = false;
            self.matched = Some(0);
        }
        let before = if far(limits.escape_guard) {
            Before::Silence
        } else if self.broken {
            Before::Packet
        } else {
            Before::Bytes
        };
        self.last_at = Some(now);
        self.broken = false;
        before
    }

    /// The port says that the chunk is over.
    pub(crate) fn end(&mut self) {
        self.broken = true;
    }

    /// Bytes came while a command was running.
    pub(crate) fn on_busy(&mut self, bytes: &[u8]) -> Busy {
        if let Some(matched) = self.matched {
            let expected = &FORCED_RESET[matched..];
            let n = bytes.len().min(expected.len());
            if bytes[..n].eq_ignore_ascii_case(&expected[..n]) {
                self.matched = Some(matched + n);
                if n == expected.len() {
                    self.matched = None;
                    return Busy::Reset { taken: n };
                }
                return Busy::Wait;
            }
            self.matched = None;
        }
        self.answer()
    }

    /// The chunk is over, and what was held was not `AT+RST`.
    pub(crate) fn on_busy_end(&mut self) -> Busy {
        match self.matched.take() {
            Some(matched) if matched > 0 => self.answer(),
            _ => Busy::Quiet,
        }
    }

    fn answer(&mut self) -> Busy {
        if core::mem::replace(&mut self.busy_answered, true) {
            Busy::Quiet
        } else {
            Busy::Answer
        }
    }
}
