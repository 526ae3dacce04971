//! The serial side to the host MCU: what is held back, whose bytes are on their way, and the credit that comes back for them.
//!
//! The module's own credit is lent to the layer: it may hand out whole runs at any time, and is told of each of its bytes once
//! that has left the UART or was lost. Bytes that nobody sent are paid by the layer alone.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::FaultId;
use super::run::{Merge, Run, is_let_go};
use crate::config::LogPort;
use crate::outbox::Outbox;
use crate::output::{Mark, UartConfig};
use crate::time::Instant;

/// Bytes that nobody sent and that may wait, over all runs.
const FOREIGN_MAX: usize = 64 * 1024;

/// What goes to the host MCU.
#[derive(Debug)]
pub(super) struct ToHost {
    /// What may be handed out, with everything else in its order.
    pub(super) out: Outbox,
    log_port: LogPort,
    held: VecDeque<Held>,
    runs: u64,
    /// Whose the bytes are that were let go, in their order: how many, and whether nobody sent them.
    on_the_way: VecDeque<(usize, bool)>,
    /// Bytes of the module's that it is to be told of.
    owed: usize,
    /// Bytes that nobody sent and that are not out yet.
    foreign: usize,
    /// Bytes that were let go, those included that wait for credit.
    passed: u64,
    /// Where in these the present instant began, and the module's last input.
    marks: Marks,
}

#[derive(Debug, Default)]
struct Marks {
    instant: u64,
    input: u64,
}

/// Something that waits for its time.
#[derive(Debug)]
enum Held {
    Bytes {
        due: Instant,
        mark: Mark,
        bytes: Vec<u8>,
        is_foreign: bool,
        run: u64,
        merge: Option<Merge>,
        held_by: Vec<FaultId>,
    },
    Uart(UartConfig),
}

impl ToHost {
    /// Takes over the queue with a module's credit, and the bytes of it that are on their way.
    pub(super) fn new(out: Outbox, unsent: usize, log_port: LogPort) -> Self {
        let mut on_the_way = VecDeque::new();
        if unsent > 0 {
            on_the_way.push_back((unsent, false));
        }
        Self {
            out,
            log_port,
            held: VecDeque::new(),
            runs: 0,
            on_the_way,
            owed: 0,
            foreign: 0,
            passed: 0,
            marks: Marks::default(),
        }
    }

    /// Time went on.
    pub(super) fn begin_instant(&mut self) {
        self.marks.instant = self.passed;
    }

    /// The module is about to get an input.
    pub(super) fn begin_input(&mut self) {
        self.marks.input = self.passed;
    }

    /// A run of the module's, changed or not.
    pub(super) fn push(&mut self, now: Instant, mark: Mark, run: Run) {
        self.runs += 1;
        self.owe(mark, run.lost);
        let (merge, number) = (run.merge, self.runs);
        for piece in run.pieces {
            if piece.is_foreign && self.counts(mark) {
                if self.foreign + piece.bytes.len() > FOREIGN_MAX {
                    continue;
                }
                self.foreign += piece.bytes.len();
            }
            self.held.push_back(Held::Bytes {
                due: piece.due,
                mark,
                bytes: piece.bytes,
                is_foreign: piece.is_foreign,
                run: number,
                merge,
                held_by: run.held_by.clone(),
            });
        }
        self.release(now);
    }

    pub(super) fn push_uart(&mut self, now: Instant, config: UartConfig) {
        self.held.push_back(Held::Uart(config));
        self.release(now);
    }

    /// Lets go what is due.
    pub(super) fn release(&mut self, now: Instant) {
        while self.next_due().is_some_and(|due| due <= now) {
            match self.held.pop_front() {
                None => return,
                Some(Held::Uart(config)) => self.out.uart(config),
                Some(Held::Bytes {
                    mark,
                    bytes,
                    is_foreign,
                    ..
                }) => {
                    if mark != Mark::Log {
                        self.out.run(mark, &bytes);
                    } else if self.out.begin_log() {
                        self.out.extend(&bytes);
                    }
                    if self.counts(mark) {
                        self.on_the_way.push_back((bytes.len(), is_foreign));
                        self.passed += count(bytes.len());
                    }
                }
            }
        }
    }

    /// Nothing waits any longer for that plan.
    pub(super) fn let_go(&mut self, now: Instant, id: FaultId) {
        for held in &mut self.held {
            if let Held::Bytes {
                due,
                merge,
                held_by,
                ..
            } = held
                && is_let_go(held_by, id)
            {
                (*due, *merge) = (now, None);
            }
        }
    }

    /// When something may go on.
    pub(super) fn next_due(&self) -> Option<Instant> {
        match self.held.front()? {
            Held::Uart(_) => Some(Instant::ZERO),
            Held::Bytes {
                due, merge, run, ..
            } => {
                let waits = merge.filter(|merge| self.runs_from(*run) < merge.runs);
                Some(waits.map_or(*due, |merge| merge.deadline.max(*due)))
            }
        }
    }

    /// Credit came back from the UART.
    pub(super) fn on_sent(&mut self, mut n: usize) {
        self.out.on_sent(n);
        while n > 0
            && let Some((len, is_foreign)) = self.on_the_way.front_mut()
        {
            let part = n.min(*len);
            *len -= part;
            n -= part;
            if *is_foreign {
                self.foreign -= part;
            } else {
                self.owed += part;
            }
            if *len == 0 {
                self.on_the_way.pop_front();
            }
        }
    }

    /// The supply is cut: what has not been handed out never will be.
    pub(super) fn lose_power(&mut self) {
        let queued = self.out.queued();
        self.out.lose_power();
        self.forget_last(queued);
        self.lose_held();
    }

    /// The firmware stops in the middle of what its last input made it say: `keep` says how many of these bytes come out. None does where
    /// others wait since an earlier instant, and these do not either.
    pub(super) fn cut(&mut self, keep: impl FnOnce(usize) -> usize) {
        let queued = self.out.queued();
        let handed_out = self.passed - count(queued);
        let lost = if handed_out < self.marks.instant {
            queued
        } else {
            let last = self.passed.saturating_sub(self.marks.input);
            let last = usize::try_from(last).unwrap_or(queued).min(queued);
            last - keep(last).min(last)
        };
        self.out.lose_last(lost);
        self.forget_last(lost);
        self.lose_held();
    }

    /// The last `n` bytes that were let go are lost.
    fn forget_last(&mut self, mut n: usize) {
        self.passed -= count(n);
        while n > 0
            && let Some((len, is_foreign)) = self.on_the_way.back_mut()
        {
            let part = n.min(*len);
            *len -= part;
            n -= part;
            if *is_foreign {
                self.foreign -= part;
            } else {
                self.owed += part;
            }
            if *len == 0 {
                self.on_the_way.pop_back();
            }
        }
    }

    /// What is held back is lost.
    fn lose_held(&mut self) {
        for held in core::mem::take(&mut self.held) {
            match held {
                Held::Uart(config) => self.out.uart(config),
                Held::Bytes {
                    mark,
                    bytes,
                    is_foreign,
                    ..
                } => {
                    if !self.counts(mark) {
                        continue;
                    }
                    if is_foreign {
                        self.foreign -= bytes.len();
                    } else {
                        self.owed += bytes.len();
                    }
                }
            }
        }
    }

    /// Bytes that the module is to be told of.
    pub(super) fn take_owed(&mut self) -> Option<usize> {
        let owed = core::mem::take(&mut self.owed);
        (owed > 0).then_some(owed)
    }

    pub(super) fn has_room(&self) -> bool {
        self.foreign < FOREIGN_MAX / 2
    }

    /// Whether only the module's own bytes are on their way, and nothing else is to be done.
    pub(super) fn is_over(&self) -> bool {
        self.foreign == 0 && self.owed == 0 && self.held.is_empty() && self.out.is_empty()
    }

    /// Bytes that stand here.
    pub(super) fn bytes_held(&self) -> usize {
        let held = self.held.iter().map(|held| match held {
            Held::Uart(_) => 0,
            Held::Bytes { bytes, .. } => bytes.len(),
        });
        held.sum::<usize>() + self.out.queued()
    }

    fn owe(&mut self, mark: Mark, bytes: usize) {
        if self.counts(mark) {
            self.owed += bytes;
        }
    }

    fn runs_from(&self, run: u64) -> usize {
        usize::try_from(self.runs - run + 1).unwrap_or(usize::MAX)
    }

    /// Whether bytes of this mark go through the UART.
    fn counts(&self, mark: Mark) -> bool {
        mark != Mark::Log || self.log_port == LogPort::Shared
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
