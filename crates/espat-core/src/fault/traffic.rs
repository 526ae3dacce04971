//! Serial bytes that pass through the layer, both ways, and what rules do to them on the way.

use alloc::vec::Vec;

use super::action::{Action, SendAction};
use super::layer::Layer;
use super::plan::{Counter, EventKind, MomentKind, RunMark, Way};
use super::rules::{Fired, Moment};
use super::run::Run;
use crate::module::Module;
use crate::output::{Event, Mark, UartConfig};
use crate::serial::rate::at_other_rate;

impl Layer {
    /// A run of the module's on its way to the host MCU.
    pub(super) fn take_serial(&mut self, mark: Mark, bytes: &[u8]) {
        let mut run = Run::new(self.now, bytes.to_vec());
        if !bytes.is_empty() {
            let moment = Moment::run(Way::Out, RunMark::Out(mark), bytes);
            for fired in self.fire(&moment) {
                self.change(&mut run, Way::Out, fired);
            }
        }
        if let Some(rate) = self.line.other
            && mark != Mark::Log
        {
            let host = self.line.host_baud();
            run.change_bytes(|byte, read| read.extend(at_other_rate(&[byte], rate, host)));
        }
        self.to_host.push(self.now, mark, run);
        self.count(Counter::SerialOut, None, bytes.len());
        if mark == Mark::Prompt {
            self.event(&EventKind::Prompt, None);
        } else if mark == Mark::Result {
            if !self.seen.is_busy() {
                self.seen.is_sending = false;
            }
            self.event(&EventKind::Result, None);
        }
    }

    /// A run of the host MCU's on its way to the module.
    pub(super) fn take_input(&mut self, bytes: Vec<u8>) {
        let mark = if self.seen.takes_lines() {
            RunMark::Line
        } else {
            RunMark::Data
        };
        let mut run = Run::new(self.now, bytes.clone());
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let text = if mark == RunMark::Line { text } else { &bytes };
        for fired in self.fire(&Moment::run(Way::In, mark, text)) {
            self.change(&mut run, Way::In, fired);
        }
        if let Some(rate) = self.line.other {
            let host = self.line.host_baud();
            run.change_bytes(|byte, read| read.extend(at_other_rate(&[byte], host, rate)));
        }
        self.from_host.hold(run);
    }

    /// The module's UART runs at another rate than its own, or no longer.
    pub(super) fn set_baud(&mut self, rate: Option<u32>) {
        if self.line.set(rate) {
            self.push_uart(self.line.own);
        }
    }

    /// The port is told what the UART runs at from here on.
    pub(super) fn push_uart(&mut self, config: UartConfig) {
        self.to_host.push_uart(self.now, self.line.shown(config));
    }

    fn change(&mut self, run: &mut Run, way: Way, fired: Fired) {
        let now = self.now;
        let running = &mut self.plans[fired.plan];
        for action in &running.plan.rules[fired.rule].actions {
            if let Action::Bytes(of, action) = action
                && *of == way
            {
                run.apply_of(fired.id, action, now, &mut running.rng);
            } else if let Action::Send(action) = action {
                match action {
                    SendAction::WithholdOk(None) | SendAction::LosePrompt => run.drop_all(),
                    SendAction::DoubleOk => run.double(),
                    SendAction::WithholdOk(Some(_)) | SendAction::Fail { .. } => {}
                }
            }
        }
        self.schedule(fired);
    }

    /// A command line is about to begin.
    pub(super) fn on_command(&mut self, module: &mut Module, line: Vec<u8>) {
        self.seen.command = line;
        self.settle_reports(module);
        for fired in self.fire(&Moment::of(MomentKind::Command)) {
            self.put_reports(module, fired);
            self.schedule(fired);
        }
    }

    pub(super) fn take_event(&mut self, event: Event) {
        match event {
            Event::Boot(_) => {
                self.seen.is_sending = false;
                self.seen.command.clear();
                self.on_boot();
                self.event(&EventKind::Reset, None);
            }
            Event::Ready => self.event(&EventKind::Ready, None),
            Event::StationUp | Event::StationDown | Event::Dropped { .. } | Event::Sleeping => {}
        }
        self.to_host.out.event(event);
    }

    /// Bytes moved: rules that wait for so many act.
    pub(super) fn count(&mut self, what: Counter, link: Option<u8>, n: usize) {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        let mut reached = Vec::new();
        for running in &mut self.plans {
            let rules = running.plan.rules.iter().zip(&mut running.rules);
            for (number, (rule, progress)) in rules.enumerate() {
                let wanted = rule.trigger.moved.filter(|moved| moved.what == what);
                let is_its = rule.trigger.link.is_none() || rule.trigger.link == link;
                let Some(moved) = wanted.filter(|_| is_its || link.is_none()) else {
                    continue;
                };
                let before = progress.moved;
                progress.moved = before.saturating_add(n);
                if before < moved.bytes && moved.bytes <= progress.moved {
                    reached.push((running.id, number));
                }
            }
        }
        for only in reached {
            self.moment(&Moment {
                only: Some(only),
                link,
                ..Moment::of(MomentKind::Moved)
            });
        }
    }

    pub(super) fn count_serial_in(&mut self, n: usize) {
        self.count(Counter::SerialIn, None, n);
    }

    /// Serial bytes that may still come in before a rule is to act.
    pub(super) fn until_count(&self) -> usize {
        let waiting = self.plans.iter().flat_map(|running| {
            let rules = running.plan.rules.iter().zip(&running.rules);
            rules.filter_map(|(rule, progress)| {
                let moved = rule.trigger.moved?;
                let is_its = moved.what == Counter::SerialIn && progress.moved < moved.bytes;
                is_its.then(|| moved.bytes - progress.moved)
            })
        });
        let least = waiting.min().unwrap_or(u64::MAX);
        usize::try_from(least).unwrap_or(usize::MAX)
    }
}
