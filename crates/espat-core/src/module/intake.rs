//! Serial input: who owns the next byte.
//!
//! Bytes that are there when a line ends are the next command if the line was answered at once, payload if it opened a
//! send, busy input if it is still running.

use super::{Module, Phase};
use crate::exec::operation::OpEvent;
use crate::fault::ReportPlace;
use crate::output::{Dropped, Event, ResetCause};
use crate::reply::error::AtError;
use crate::serial::chunk::{Before, Busy};
use crate::serial::escape::{Escape, Verdict};
use crate::serial::framer::Framed;
use crate::time::Duration;
use crate::timers::Timer;

/// How long a partial line holds reports back.
const LINE_HOLD: Duration = Duration::from_secs(1);

impl Module {
    pub(super) fn on_serial(&mut self, bytes: &[u8]) {
        let limits = &self.state.config.profile.limits;
        let before = self.intake.chunk.arrive(self.now, limits);
        self.take_serial(bytes, before);
    }

    pub(super) fn on_serial_break(&mut self) {
        self.intake.chunk.end();
        if self.intake.escape.on_packet_end() {
            self.on_escape_decided();
        }
        self.on_busy_chunk_end();
    }

    /// Goes on with input that waited for the host MCU to read.
    pub(super) fn resume_backlog(&mut self) {
        if self.intake.backlog.is_empty() || self.must_wait() {
            return;
        }
        let backlog = core::mem::take(&mut self.intake.backlog);
        self.take_serial(&backlog, Before::Bytes);
    }

    /// Whether a line that is not begun yet has to wait.
    pub(super) fn must_wait(&self) -> bool {
        self.output_is_stalled() || self.owes_report()
    }

    /// A fault keeps commands from starting.
    pub(super) fn is_kept_busy(&self) -> bool {
        let until = self.state.faults.busy_until;
        until.is_some_and(|until| self.now < until)
    }

    pub(super) fn output_is_stalled(&self) -> bool {
        self.state.out.unsent() > self.state.config.tx_window()
    }

    fn take_serial(&mut self, mut bytes: &[u8], mut before: Before) {
        while !bytes.is_empty() {
            let taken = match self.phase {
                Phase::Ready if self.is_in_passthrough() => self.on_passthrough(bytes, before),
                Phase::Ready if self.intake.payload.is_some() => self.on_payload(bytes, before),
                Phase::Ready if self.running.is_some() => self.on_busy(bytes),
                Phase::Ready if self.is_kept_busy() => {
                    self.intake.framer.clear();
                    self.on_busy(bytes)
                }
                Phase::Ready if self.must_wait() => {
                    self.intake.backlog.extend_from_slice(bytes);
                    return;
                }
                Phase::Ready if self.awaits_saved_link() => self.on_waiting(bytes, before),
                Phase::Ready => self.on_command(bytes),
                Phase::Off => bytes.len(),
                Phase::Booting | Phase::Resetting(_) | Phase::Asleep | Phase::Downloading => {
                    self.drop_input(Dropped::NotReady, bytes.len());
                    bytes.len()
                }
            };
            bytes = &bytes[taken..];
            before = Before::Bytes;
        }
    }

    fn drop_input(&mut self, what: Dropped, bytes: usize) {
        self.state.out.event(Event::Dropped { what, bytes });
    }

    /// A command line on which `+++` ends the attempts for the saved link.
    fn on_waiting(&mut self, bytes: &[u8], before: Before) -> usize {
        match self.intake.escape.on_bytes(bytes, before) {
            Verdict::Hold => {
                self.await_silence();
                bytes.len()
            }
            Verdict::Payload { held } => {
                self.state.timers.stop(Timer::Escape);
                if held > 0 {
                    self.on_command(Escape::pluses(held));
                }
                self.on_command(bytes)
            }
        }
    }

    /// `+++` may be complete: silence decides.
    pub(super) fn await_silence(&mut self) {
        let guard = self.state.config.profile.limits.escape_guard;
        self.state.timers.set(Timer::Escape, self.now + guard);
    }

    fn on_command(&mut self, bytes: &[u8]) -> usize {
        self.intake.line_is_stale = false;
        match self.intake.framer.push(bytes) {
            Framed::Partial => {
                self.state.timers.set(Timer::LineHold, self.now + LINE_HOLD);
                bytes.len()
            }
            Framed::Overlong { taken, dropped } => {
                self.state.timers.set(Timer::LineHold, self.now + LINE_HOLD);
                self.drop_input(Dropped::LongLine, dropped);
                taken
            }
            Framed::Line { taken } => {
                self.state.timers.stop(Timer::LineHold);
                self.on_line();
                taken
            }
        }
    }

    fn on_line(&mut self) {
        let mut line = self.intake.framer.take_line();
        if self.state.sys.echo {
            self.echo(&line);
        }
        let len = self.intake.framer.content_len(&line);
        let handled = crate::exec::dispatch::run(&mut self.state.cx(self.now), &mut line[..len]);
        self.intake.framer.recycle(line);
        self.conclude_line(handled);
        self.settle();
    }

    fn echo(&mut self, line: &[u8]) {
        let cut = self.echo_cut(line);
        self.state.out.echo(&line[..cut]);
        if cut < line.len() {
            if self.state.faults.reports.is_some() {
                self.fault_place(ReportPlace::InsideEcho);
            } else {
                self.print_reports();
            }
            self.state.out.echo(&line[cut..]);
        }
    }

    fn on_payload(&mut self, bytes: &[u8], before: Before) -> usize {
        let payload = self.intake.payload.as_ref();
        let pluses_cancel = self.state.config.profile.quirks.pluses_cancel_send;
        if !payload.is_some_and(|payload| payload.can_be_cancelled(pluses_cancel)) {
            return self.add_payload(bytes);
        }
        match self.intake.escape.on_bytes(bytes, before) {
            Verdict::Hold => {
                self.await_silence();
                bytes.len()
            }
            Verdict::Payload { held } => {
                self.state.timers.stop(Timer::Escape);
                let held_taken = if held > 0 {
                    self.add_payload(Escape::pluses(held))
                } else {
                    0
                };
                if held_taken < held || self.intake.payload.is_none() {
                    if held_taken < held {
                        self.on_busy(Escape::pluses(held - held_taken));
                    }
                    return 0;
                }
                self.add_payload(bytes)
            }
        }
    }

    /// Gives the running command its payload; returns how many bytes belong to it.
    fn add_payload(&mut self, bytes: &[u8]) -> usize {
        let Some(mut payload) = self.intake.payload.take() else {
            return 0;
        };
        if let Some((taken, is_last)) = payload.take_piece(bytes) {
            if is_last {
                self.intake.spare = payload.into_memory();
            } else {
                self.intake.payload = Some(payload);
            }
            let bytes = &bytes[..taken];
            self.step(&OpEvent::Piece { bytes, is_last });
            self.settle();
            return taken;
        }
        if let Some(whole) = payload.whole(bytes) {
            self.intake.spare = payload.into_memory();
            self.report_moment(ReportPlace::BeforeRecv);
            self.step(&OpEvent::Payload(whole));
            self.settle();
            return whole.len();
        }
        let (taken, complete) = payload.push(bytes);
        if complete {
            self.report_moment(ReportPlace::BeforeRecv);
            self.step(&OpEvent::Payload(payload.bytes()));
            self.intake.spare = payload.into_memory();
            self.settle();
        } else {
            self.intake.payload = Some(payload);
        }
        taken
    }

    /// Silence, or a packet's end, decides about plus signs that were held back.
    pub(super) fn on_escape_decided(&mut self) {
        self.state.timers.stop(Timer::Escape);
        match self.intake.escape.on_quiet() {
            Some(pluses) if self.is_in_passthrough() => self.pass(pluses),
            Some(pluses) if self.intake.payload.is_none() => {
                self.on_command(pluses);
            }
            None if self.intake.payload.is_none() => self.leave_passthrough(),
            Some(pluses) => {
                let taken = self.add_payload(pluses);
                if taken < pluses.len() {
                    self.on_busy(&pluses[taken..]);
                }
            }
            None => {
                let Some(payload) = self.intake.payload.take() else {
                    return;
                };
                // Of a long payload the command knows what has not gone out.
                if !payload.is_stream() {
                    self.drop_input(Dropped::Cancelled, payload.received());
                }
                self.intake.spare = payload.into_memory();
                self.step(&OpEvent::Cancelled);
            }
        }
    }

    fn on_busy(&mut self, bytes: &[u8]) -> usize {
        self.drop_input(Dropped::Busy, bytes.len());
        if self.state.config.profile.quirks.busy_a_line {
            let lines = memchr::memchr_iter(b'\n', bytes).count();
            for _ in 0..lines {
                self.answer_busy();
            }
            return bytes.len();
        }
        match self.intake.chunk.on_busy(bytes) {
            Busy::Answer => self.answer_busy(),
            Busy::Wait => {
                let gap = self.state.config.profile.limits.chunk_gap;
                self.state.timers.set(Timer::Chunk, self.now + gap);
            }
            Busy::Reset { taken } => {
                self.state.out.notice("Will force to restart!!!");
                self.reset(ResetCause::Forced, crate::output::CloseHow::Reset);
                // What follows in the same read meets the module as it would in the next read.
                self.settle();
                return taken;
            }
            Busy::Quiet => {}
        }
        bytes.len()
    }

    pub(super) fn on_busy_chunk_end(&mut self) {
        self.state.timers.stop(Timer::Chunk);
        if self.intake.chunk.on_busy_end() == Busy::Answer {
            self.answer_busy();
        }
    }

    fn answer_busy(&mut self) {
        let is_sending = self.running.as_ref().is_some_and(|it| it.is_sending());
        if is_sending && self.state.config.profile.quirks.busy_a_line {
            self.state.out.busy_sending();
            return;
        }
        self.state
            .out
            .error(AtError::Busy, self.state.sys.error_codes);
    }
}
