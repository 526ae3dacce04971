//! The serial side from the host MCU: what has come, what is held back, and in which pieces the module gets it.
//!
//! The module gets at most one line at a time, so that rules about a command act before it begins.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::FaultId;
use super::run::{Merge, Run, is_let_go};
use crate::module::Module;
use crate::time::Instant;

/// Bytes that may wait here before the host MCU has to.
const HELD_MAX: usize = 2048;
/// The longest line that is waited for.
const LINE_MAX: usize = 1024;

/// What comes from the host MCU.
#[derive(Debug, Default)]
pub(super) struct FromHost {
    /// As it came.
    raw: VecDeque<u8>,
    /// As rules made it.
    held: VecDeque<Held>,
    runs: u64,
    /// A chunk ended after all of these.
    pub(super) has_break: bool,
    /// The line that comes next has been announced to the rules.
    pub(super) is_announced: bool,
}

#[derive(Debug)]
struct Held {
    due: Instant,
    bytes: Vec<u8>,
    run: u64,
    merge: Option<Merge>,
    held_by: Vec<FaultId>,
}

/// How the next bytes are to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A byte at a time.
    Byte,
    /// A whole line.
    Line,
    /// As they come.
    All,
}

impl FromHost {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.raw.extend(bytes);
    }

    /// Bytes that may still come.
    pub(super) fn room(&self, module: &Module) -> usize {
        match self.bytes_held() {
            0 => module.serial_room(),
            held => HELD_MAX.saturating_sub(held),
        }
    }

    pub(super) fn bytes_held(&self) -> usize {
        let held: usize = self.held.iter().map(|held| held.bytes.len()).sum();
        held + self.raw.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.held.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.raw.clear();
        self.held.clear();
        self.has_break = false;
        self.is_announced = false;
    }

    /// Takes what rules may change next; `None` where nothing has come, or not all of it, or earlier bytes still wait.
    /// At most `max` bytes where they are taken as they come: what a rule does after so many acts on those that follow.
    pub(super) fn take_unit(&mut self, unit: Unit, max: usize) -> Option<Vec<u8>> {
        if !self.held.is_empty() || self.raw.is_empty() {
            return None;
        }
        let n = match unit {
            Unit::All => self.raw.len().min(max),
            Unit::Byte => 1,
            Unit::Line => {
                let end = self.raw.iter().position(|&byte| byte == b'\n');
                end.map(|at| at + 1)
                    .or_else(|| (self.raw.len() >= LINE_MAX).then_some(LINE_MAX))?
            }
        };
        Some(self.raw.drain(..n).collect())
    }

    pub(super) fn hold(&mut self, run: Run) {
        self.runs += 1;
        for piece in run.pieces {
            if !piece.bytes.is_empty() {
                self.held.push_back(Held {
                    due: piece.due,
                    bytes: piece.bytes,
                    run: self.runs,
                    merge: run.merge,
                    held_by: run.held_by.clone(),
                });
            }
        }
    }

    /// Nothing waits any longer for that plan.
    pub(super) fn let_go(&mut self, now: Instant, id: FaultId) {
        for held in &mut self.held {
            if is_let_go(&mut held.held_by, id) {
                (held.due, held.merge) = (now, None);
            }
        }
    }

    /// When the next bytes may go to the module.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let held = self.held.front()?;
        let waits = |merge: &Merge| {
            let runs = self.held.back().map_or(0, |last| last.run - held.run + 1);
            usize::try_from(runs).unwrap_or(usize::MAX) < merge.runs
        };
        let merge = held.merge.filter(waits);
        Some(merge.map_or(held.due, |merge| merge.deadline.max(held.due)))
    }

    /// Whether a run waits for others to come.
    pub(super) fn is_merging(&self) -> bool {
        self.held.front().is_some_and(|held| held.merge.is_some())
    }

    /// The bytes that the module is to get next, at most `max`: up to the end of a line or of a payload, one by one where it is busy.
    pub(super) fn piece(&self, module: &Module, now: Instant, max: usize) -> &[u8] {
        let Some(held) = self.held.front() else {
            return &[];
        };
        let bytes = &held.bytes[..held.bytes.len().min(max)];
        let view = module.inspect();
        if view.is_in_passthrough() {
            &bytes[..bytes.len().min(module.serial_room())]
        } else if let Some(missing) = view.payload_missing() {
            let bytes = &bytes[..bytes.len().min(missing.max(1))];
            // What ends the payload of `AT+CIPSENDEX` before its length.
            let end = bytes.windows(2).position(|pair| pair == b"\\0");
            &bytes[..end.map_or(bytes.len(), |at| at + 2)]
        } else if module.answers_busy(now) {
            &bytes[..bytes.len().min(1)]
        } else {
            let end = memchr::memchr2(b'\r', b'\n', bytes);
            &bytes[..end.map_or(bytes.len(), |at| at + 1)]
        }
    }

    /// The module has got so many of them.
    pub(super) fn consume(&mut self, n: usize) {
        if let Some(held) = self.held.front_mut() {
            held.bytes.drain(..n);
            if held.bytes.is_empty() {
                self.held.pop_front();
            }
        }
    }
}
