//! The layer at work: what goes between the module and the world while plans run.
//!
//! All work happens in `handle`: the module gets its inputs one by one, what it does is taken at once, and what rules ask for is
//! done before the next input. `poll_output` only takes from the queue.

use alloc::string::String;
use alloc::vec::Vec;

use super::FaultId;
use super::act::{Ahead, Effect, Job};
use super::action::Action;
use super::line::Line;
use super::net::NetSide;
use super::output::ToHost;
use super::plan::{Counter, EventKind, FaultPlan, MomentKind, Way};
use super::rules::{Fired, Moment, Running, any_waits, fire};
use super::run::is_let_go;
use super::seen::{STATES, Seen};
use super::serial::{FromHost, Unit};
use crate::heard::Heard;
use crate::input::{Input, PowerEvent};
use crate::module::Module;
use crate::output::{Output, Wake};
use crate::time::Instant;

/// Actions that may wait for their time. A rule that acts when so many do does nothing.
const WAITING_MAX: usize = 1024;

/// The fault layer of one module.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) now: Instant,
    pub(super) plans: Vec<Running>,
    pub(super) to_host: ToHost,
    pub(super) from_host: FromHost,
    pub(super) net: NetSide,
    pub(super) seen: Seen,
    /// What is to be done, in the order of its time and then of its coming.
    pub(super) jobs: Vec<(Instant, Job)>,
    /// What plans have set and end with them.
    pub(super) effects: Vec<(FaultId, Effect)>,
    pub(super) line: Line,
    pub(super) ahead: Ahead,
    /// Before that no rule resets the module again.
    pub(super) starts_again_at: Instant,
    states: [bool; STATES.len()],
    /// When the module wants to be woken, and why.
    wake: (Option<Instant>, Wake),
}

impl Layer {
    pub(super) fn around(module: &mut Module) -> Self {
        let (out, unsent, log_port) = module.lend_credit();
        let mut layer = Self {
            now: module.now(),
            plans: Vec::new(),
            to_host: ToHost::new(out, unsent, log_port),
            from_host: FromHost::default(),
            net: NetSide::default(),
            seen: Seen::default(),
            jobs: Vec::new(),
            effects: Vec::new(),
            line: Line::of(module.inspect().uart()),
            ahead: Ahead::default(),
            starts_again_at: Instant::ZERO,
            states: [false; STATES.len()],
            wake: (None, Wake::Never),
        };
        layer.seen.look(module);
        layer.states = layer.seen.states();
        layer
    }

    pub(super) fn start(&mut self, module: &mut Module, id: FaultId, plan: FaultPlan) {
        let running = Running::new(id, plan);
        for (rule, progress) in running.rules.iter().enumerate() {
            let at = match progress.moment {
                MomentKind::Start => self.now,
                MomentKind::Uptime => {
                    let uptime = running.plan.rules[rule].trigger.uptime;
                    (Instant::ZERO + uptime.unwrap_or_default()).max(self.now)
                }
                MomentKind::Command
                | MomentKind::Run(_)
                | MomentKind::Event
                | MomentKind::Request(_)
                | MomentKind::Moved
                | MomentKind::State => continue,
            };
            self.jobs.push((at, Job::Moment { id, rule }));
        }
        self.plans.push(running);
        // What a module says when it is made stands in its queue.
        self.drain(module);
        self.settle(module);
    }

    pub(super) fn stop(&mut self, id: FaultId) -> bool {
        let before = self.plans.len();
        self.plans.retain(|plan| plan.id != id);
        self.jobs.retain(|(_, job)| !job.is_of(id));
        let (ended, kept) = self.effects.drain(..).partition(|(of, _)| *of == id);
        self.effects = kept;
        let ended: Vec<(FaultId, Effect)> = ended;
        for (_, effect) in ended {
            self.jobs.push((self.now, Job::End(effect)));
        }
        self.to_host.let_go(self.now, id);
        self.from_host.let_go(self.now, id);
        self.net.let_go(self.now, id);
        self.ahead.forget(id);
        for (at, job) in &mut self.jobs {
            if let Job::Tell { of, .. } = job
                && is_let_go(of, id)
            {
                *at = (*at).min(self.now);
            }
        }
        self.plans.len() < before
    }

    pub(super) fn running(&self) -> impl Iterator<Item = (FaultId, &FaultPlan)> {
        self.plans.iter().map(|plan| (plan.id, &plan.plan))
    }

    pub(super) fn acted(&self, id: FaultId) -> Vec<(Option<String>, u32)> {
        let plan = self.plans.iter().find(|plan| plan.id == id);
        plan.map(Running::acted).unwrap_or_default()
    }

    pub(super) fn serial_room(&self, module: &Module) -> usize {
        if self.to_host.has_room() {
            self.from_host.room(module)
        } else {
            0
        }
    }

    pub(super) fn bytes_held(&self) -> usize {
        self.to_host.bytes_held() + self.from_host.bytes_held() + self.net.bytes_held()
    }

    pub(super) fn outputs_waiting(&self) -> usize {
        self.to_host.out.waiting()
    }

    /// Takes one input.
    pub(super) fn handle(&mut self, module: &mut Module, now: Instant, input: Input<'_>) {
        let now = now.max(self.now);
        while let Some(due) = self.next_due().filter(|&due| due <= now) {
            self.go_to(due.max(self.now));
            self.feed(module, Input::Tick);
            self.settle(module);
        }
        self.go_to(now);
        match input {
            Input::Serial(bytes) => self.from_host.push(bytes),
            Input::SerialBreak => self.from_host.has_break = true,
            Input::SerialSent(n) => self.to_host.on_sent(n),
            Input::Net(event) => self.hear(module, Heard::of(event)),
            Input::Power(event) => self.power(module, event),
            other @ (Input::Tick | Input::Stored { .. } | Input::Air(_)) => {
                self.feed(module, other);
            }
        }
        self.settle(module);
    }

    fn go_to(&mut self, now: Instant) {
        if now > self.now {
            self.now = now;
            self.to_host.begin_instant();
        }
    }

    /// The next output, until `Idle`.
    pub(super) fn poll_output(&mut self) -> Output<'_> {
        let due = self.next_due();
        let (at, why) = match (self.wake, due) {
            ((Some(at), why), due) if due.is_none_or(|due| at <= due) => (Some(at), why),
            (_, Some(due)) => (Some(due), Wake::Fault),
            ((_, why), None) => (None, why),
        };
        let idle = Output::Idle {
            wake_at: at,
            why: if self.to_host.out.is_blocked() {
                Wake::Credit
            } else {
                why
            },
        };
        if self.to_host.out.is_ready() {
            self.to_host.out.pop(idle)
        } else {
            idle
        }
    }

    /// Whether nothing is left to be done.
    pub(super) fn is_over(&self) -> bool {
        self.plans.is_empty()
            && self.jobs.is_empty()
            && self.effects.is_empty()
            && self.line.other.is_none()
            && self.from_host.is_empty()
            && self.net.is_plain()
            && self.to_host.is_over()
    }

    /// Gives the module its credit back.
    pub(super) fn leave(&mut self, module: &mut Module) {
        module.end_loan(self.to_host.out.replace_credit(0));
    }

    /// Gives the module one input and takes what it does.
    pub(super) fn feed(&mut self, module: &mut Module, input: Input<'_>) {
        self.to_host.begin_input();
        module.handle_input(self.now, input);
        self.drain(module);
    }

    fn drain(&mut self, module: &mut Module) {
        let (was_associated, was_joined) = (self.seen.is_associated, self.seen.is_joined);
        self.seen.look(module);
        self.line.own = module.inspect().uart();
        loop {
            match module.poll_output() {
                Output::Serial { mark, bytes } => self.take_serial(mark, bytes),
                Output::Net(request) => self.take_request(&request),
                Output::Uart(config) => self.push_uart(config),
                Output::Store { tag, request } => self.take_store(tag, request),
                Output::Event(event) => self.take_event(event),
                Output::Idle { wake_at, why } => {
                    self.wake = (wake_at, why);
                    break;
                }
            }
        }
        if self.seen.is_associated && !was_associated {
            self.event(&EventKind::WifiConnected, None);
        }
        if self.seen.is_joined && !was_joined {
            self.event(&EventKind::GotIp, None);
        }
        if was_associated && !self.seen.is_associated {
            self.event(&EventKind::WifiLost, None);
        }
        self.note_states();
    }

    /// Does what is due until nothing is.
    fn settle(&mut self, module: &mut Module) {
        loop {
            self.to_host.release(self.now);
            if let Some(job) = self.next_job() {
                self.perform(module, job);
            } else if let Some(heard) = self.net.next_free(self.now) {
                self.tell(module, &heard);
            } else if let Some(owed) = self.to_host.take_owed() {
                self.feed(module, Input::SerialSent(owed));
            } else if !self.pump(module) {
                return;
            }
        }
    }

    fn next_job(&mut self) -> Option<Job> {
        let due = self.jobs.iter().map(|(at, _)| *at).min()?;
        if due > self.now {
            return None;
        }
        let at = self.jobs.iter().position(|(at, _)| *at == due)?;
        Some(self.jobs.remove(at).1)
    }

    fn next_due(&self) -> Option<Instant> {
        let job = self.jobs.iter().map(|(at, _)| *at).min();
        let times = [
            job,
            self.to_host.next_due(),
            self.from_host.next_due().filter(|&at| at > self.now),
            self.net.next_due(),
        ];
        times.into_iter().flatten().min()
    }

    /// Supply and pins. A reset from outside loses what the UART has not sent, a cut of the supply what comes too.
    fn power(&mut self, module: &mut Module, event: PowerEvent) {
        let is_reset = matches!(
            event,
            PowerEvent::Reset | PowerEvent::BrownOut | PowerEvent::Watchdog
        );
        if is_reset {
            self.to_host.lose_power();
        }
        self.feed(module, Input::Power(event));
        if event == PowerEvent::Off {
            self.from_host.clear();
            self.to_host.lose_power();
        }
    }

    /// Gives the module the next piece of what came from the host MCU; false where there is none, or it has to wait.
    fn pump(&mut self, module: &mut Module) -> bool {
        if self.from_host.is_empty() {
            if core::mem::take(&mut self.from_host.has_break) {
                self.feed(module, Input::SerialBreak);
                return true;
            }
            return false;
        }
        // What nobody sent and is not out yet holds the host MCU back, inside one piece of input too.
        if !module.takes_serial() || !self.to_host.has_room() {
            return false;
        }
        let can_take = self.from_host.next_due().is_none() || self.from_host.is_merging();
        if can_take && let Some(bytes) = self.from_host.take_unit(self.unit(), self.until_count()) {
            self.take_input(bytes);
            return true;
        }
        if self.from_host.next_due().is_none_or(|due| due > self.now) {
            return false;
        }
        let piece = self
            .from_host
            .piece(module, self.now, self.until_count())
            .to_vec();
        if piece.is_empty() {
            return false;
        }
        if !self.from_host.is_announced
            && let Some(line) = module.next_line(self.now, &piece)
        {
            self.from_host.is_announced = true;
            self.on_command(module, line);
            return true;
        }
        self.from_host.is_announced = false;
        self.from_host.consume(piece.len());
        self.count_serial_in(piece.len());
        self.feed(module, Input::Serial(&piece));
        true
    }

    /// How much of what came is one run to the rules.
    fn unit(&self) -> Unit {
        if !any_waits(&self.plans, MomentKind::Run(Way::In)) {
            Unit::All
        } else if self.seen.takes_lines() && self.any_input_text() {
            Unit::Line
        } else {
            Unit::Byte
        }
    }

    fn any_input_text(&self) -> bool {
        self.plans.iter().any(|running| {
            let mut rules = running.plan.rules.iter().zip(&running.rules);
            rules.any(|(rule, progress)| {
                progress.moment == MomentKind::Run(Way::In) && rule.trigger.text.is_some()
            })
        })
    }

    /// States that begin are moments.
    fn note_states(&mut self) {
        let before = core::mem::replace(&mut self.states, self.seen.states());
        for (index, state) in STATES.into_iter().enumerate() {
            if self.states[index] && !before[index] {
                self.moment(&Moment {
                    state: Some(state),
                    ..Moment::of(MomentKind::State)
                });
            }
        }
    }

    /// Something happened: rules that wait for it act.
    pub(super) fn event(&mut self, event: &EventKind, link: Option<u8>) {
        self.moment(&Moment {
            event: Some(event),
            link,
            ..Moment::of(MomentKind::Event)
        });
    }

    /// A moment has come: what its rules do is put on the list.
    pub(super) fn moment(&mut self, moment: &Moment<'_>) {
        for fired in self.fire(moment) {
            self.schedule(fired);
        }
    }

    /// The rules that act at a moment.
    pub(super) fn fire(&mut self, moment: &Moment<'_>) -> Vec<Fired> {
        let fired = fire(&mut self.plans, &self.seen, self.now, moment);
        for fired in &fired {
            let rule = &self.plans[fired.plan].plan.rules[fired.rule];
            if let Some(name) = rule.name.clone() {
                self.moment(&Moment {
                    event: Some(&EventKind::Rule(name)),
                    link: fired.link,
                    plan: Some(fired.id),
                    ..Moment::of(MomentKind::Event)
                });
            }
        }
        fired
    }

    /// Rules' actions that wait for their time.
    fn waiting(&self) -> usize {
        let is_action = |job: &&(Instant, Job)| matches!(job.1, Job::Act { .. });
        self.jobs.iter().filter(is_action).count()
    }

    /// Puts those actions of a rule on the list that are not done to the thing at hand.
    pub(super) fn schedule(&mut self, fired: Fired) {
        let running = &self.plans[fired.plan];
        if running.rules[fired.rule].is_in_burst() {
            return;
        }
        let rule = &running.plan.rules[fired.rule];
        let mut at = self.now + rule.trigger.after;
        let is_reset = |action: &Action| matches!(action, Action::Reset { .. });
        if rule.actions.iter().any(is_reset) {
            at = at.max(self.starts_again_at);
        }
        if at > self.now && self.waiting() >= WAITING_MAX {
            return;
        }
        let is_upgrade = rule
            .trigger
            .moved
            .is_some_and(|moved| moved.what == Counter::Upgraded);
        for (index, action) in rule.actions.iter().enumerate() {
            if action.moment().is_none() {
                let job = Job::Act {
                    id: fired.id,
                    action: rule.actions[index].clone(),
                    link: fired.link,
                    is_upgrade,
                };
                self.jobs.push((at, job));
            }
        }
    }
}
