//! What the layer does of itself: actions whose time has come, and what ends again.

use alloc::vec::Vec;

use super::FaultId;
use super::action::{Action, LinkAction, WifiAction};
use super::layer::Layer;
use super::rules::{Fired, Moment};
use super::run::below;
use super::state::{Lie, ReportPlace};
use crate::heard::Heard;
use crate::input::{AirEvent, CloseCause, Input, StoreError};
use crate::module::Module;
use crate::output::{CloseHow, QueryId, SocketId, StoreTag};
use crate::time::Duration;

/// No chip starts sooner than that: a rule that resets a module at its start cannot do so again and again at one instant.
const START_MIN: Duration = Duration::from_millis(100);

/// Something that is to be done.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// A rule's moment that time alone brings.
    Moment { id: FaultId, rule: usize },
    /// An action whose moment came.
    Act {
        id: FaultId,
        action: Action,
        link: Option<u8>,
        /// It is about an upgrade.
        is_upgrade: bool,
    },
    /// The write into the flash has failed.
    Refuse(StoreTag, StoreError),
    /// The module hears of something from the network.
    Tell {
        heard: Heard,
        /// The plans that make it wait.
        of: Vec<FaultId>,
    },
    /// Something that a plan set ends.
    End(Effect),
    /// The same, where the plan still runs.
    Expire(FaultId, Effect),
}

/// What is to be done to the next thing of its kind.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// So many bytes that come from the upgrade's server get a wrong bit.
    pub(super) corrupt: Option<(FaultId, usize)>,
    /// A write into the flash fails.
    pub(super) fail_write: Option<(FaultId, StoreError)>,
}

impl Ahead {
    pub(super) fn forget(&mut self, id: FaultId) {
        self.corrupt = self.corrupt.filter(|(of, _)| *of != id);
        self.fail_write = self.fail_write.filter(|(of, _)| *of != id);
    }
}

/// Something that a plan set and that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Busy,
    Reports(ReportPlace),
    Lie,
    Links,
    Memory,
    Hang,
    Baud,
    Air,
    Silence(SocketId),
    Stall(SocketId),
    HalfClose(SocketId),
}

impl Effect {
    pub(super) fn socket(self) -> Option<SocketId> {
        match self {
            Self::Silence(socket) | Self::Stall(socket) | Self::HalfClose(socket) => Some(socket),
            Self::Busy
            | Self::Reports(_)
            | Self::Lie
            | Self::Links
            | Self::Memory
            | Self::Hang
            | Self::Baud
            | Self::Air => None,
        }
    }

    /// Whether one takes the place of the other.
    fn is_same(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::Reports(_), Self::Reports(_)))
    }

    /// Whether a start of the firmware ends it.
    fn ends_at_boot(self) -> bool {
        matches!(
            self,
            Self::Busy | Self::Reports(_) | Self::Lie | Self::Memory | Self::Hang | Self::Baud
        )
    }
}

impl Job {
    /// Whether it goes with the plan.
    pub(super) fn is_of(&self, id: FaultId) -> bool {
        match self {
            Self::Moment { id: of, .. } | Self::Act { id: of, .. } | Self::Expire(of, _) => {
                *of == id
            }
            Self::Tell { .. } | Self::End(_) | Self::Refuse(..) => false,
        }
    }

    /// The module hears of something at once.
    pub(super) fn tell(heard: Heard) -> Self {
        let of = Vec::new();
        Self::Tell { heard, of }
    }

    pub(super) fn is_about(&self, socket: SocketId) -> bool {
        match self {
            Self::Tell { heard, .. } => heard.socket() == Some(socket),
            Self::End(effect) | Self::Expire(_, effect) => effect.socket() == Some(socket),
            Self::Moment { .. } | Self::Act { .. } | Self::Refuse(..) => false,
        }
    }

    pub(super) fn answers(&self, query: QueryId) -> bool {
        matches!(self, Self::Tell { heard, .. } if heard.query() == Some(query))
    }
}

impl Layer {
    pub(super) fn perform(&mut self, module: &mut Module, job: Job) {
        match job {
            Job::Moment { id, rule } => {
                let plan = self.plans.iter().find(|plan| plan.id == id);
                let Some(kind) = plan.map(|plan| plan.rules[rule].moment) else {
                    return;
                };
                self.moment(&Moment {
                    only: Some((id, rule)),
                    ..Moment::of(kind)
                });
            }
            Job::Act {
                id,
                action: Action::Link(action),
                link,
                is_upgrade,
            } => {
                let socket = if is_upgrade {
                    self.seen.upgrade_socket()
                } else {
                    self.seen.socket_of(link)
                };
                if let Some(socket) = socket {
                    self.act_on_link(module, id, action, socket);
                }
            }
            Job::Act { id, action, .. } => self.act(module, id, &action),
            Job::Refuse(tag, error) => {
                let result = Err(error);
                self.feed(module, Input::Stored { tag, result });
            }
            Job::Tell { heard, .. } => self.tell(module, &heard),
            Job::End(effect) => self.end(module, effect),
            Job::Expire(id, effect) => {
                let known = self.effects.iter().position(|known| *known == (id, effect));
                if let Some(at) = known {
                    self.effects.remove(at);
                    self.end(module, effect);
                }
            }
        }
    }

    fn act(&mut self, module: &mut Module, id: FaultId, action: &Action) {
        match *action {
            Action::HoldBusy(span) => {
                module.faults_mut().busy_until = Some(self.now + span);
                self.lasts(id, Effect::Busy, Some(span));
            }
            Action::Wifi(action) => self.act_on_air(module, id, action),
            Action::Lie { lie, lasts } => {
                module.faults_mut().lie = lie;
                self.lasts(id, Effect::Lie, lasts);
            }
            Action::Reset {
                noise,
                defaults,
                cause,
                keeps,
            } => {
                // Several asked for it at one instant, or for the same later one.
                if self.now < self.starts_again_at {
                    return;
                }
                let faults = module.faults_mut();
                faults.boot_noise = noise;
                faults.lost_settings = defaults;
                self.starts_again_at = self.now + START_MIN;
                self.cut_output(id, keeps);
                self.feed(module, Input::Power(cause.event()));
            }
            Action::Hang => {
                module.faults_mut().hang = true;
                self.lasts(id, Effect::Hang, None);
            }
            Action::Baud(rate) => {
                self.set_baud(Some(rate));
                self.lasts(id, Effect::Baud, None);
            }
            Action::LinksMax { links, lasts } => {
                module.faults_mut().links_max = Some(links);
                self.lasts(id, Effect::Links, lasts);
            }
            Action::OutOfMemory { lasts } => {
                module.faults_mut().out_of_memory = true;
                self.lasts(id, Effect::Memory, lasts);
            }
            Action::CorruptUpgrade { bytes } => self.ahead.corrupt = Some((id, bytes)),
            Action::FailWrite(error) => self.ahead.fail_write = Some((id, error)),
            // These are done to the thing at hand, or where they are asked for.
            Action::Bytes(..)
            | Action::Link(_)
            | Action::Send(_)
            | Action::PutReport { .. }
            | Action::Overrun { .. }
            | Action::ChangeSender { .. }
            | Action::Fail { .. }
            | Action::Slow { .. }
            | Action::WrongTime(_) => {}
        }
    }

    /// A reset comes while what the module says is on its way.
    fn cut_output(&mut self, id: FaultId, keeps: Option<usize>) {
        let plan = self.plans.iter_mut().find(|plan| plan.id == id);
        self.to_host.cut(|last| match (keeps, plan) {
            (Some(n), _) => n,
            (None, Some(plan)) if last > 0 => below(&mut plan.rng, last),
            (None, _) => 0,
        });
    }

    fn act_on_link(&mut self, module: &mut Module, id: FaultId, action: LinkAction, of: SocketId) {
        let socket = self.net.known(of);
        match action {
            LinkAction::Close(cause) => {
                if !core::mem::replace(&mut socket.is_ghost, true) {
                    let how = match cause {
                        CloseCause::Fin | CloseCause::Tls => CloseHow::Fin,
                        CloseCause::Reset | CloseCause::Io => CloseHow::Reset,
                    };
                    self.to_host.out.close(of, how);
                }
                self.tell(module, &Heard::Closed { socket: of, cause });
            }
            LinkAction::HalfClose => {
                socket.is_half_closed = true;
                self.lasts(id, Effect::HalfClose(of), None);
            }
            LinkAction::Silence(span) => {
                socket.is_silent = true;
                self.lasts(id, Effect::Silence(of), span);
            }
            LinkAction::Stall(span) => {
                socket.is_stalled = true;
                self.lasts(id, Effect::Stall(of), span);
            }
        }
    }

    fn act_on_air(&mut self, module: &mut Module, id: FaultId, action: WifiAction) {
        let event = match action {
            WifiAction::Lose(span) => {
                self.lasts(id, Effect::Air, span);
                AirEvent::Lost
            }
            WifiAction::Return => {
                self.effects.retain(|(_, effect)| *effect != Effect::Air);
                AirEvent::Back
            }
            WifiAction::Address(ip) => AirEvent::Address(ip),
        };
        self.hold_reports_of_module(module);
        self.feed(module, Input::Air(event));
    }

    /// Something lasts until its time, or its plan's end. What lasted before is replaced.
    pub(super) fn lasts(&mut self, id: FaultId, effect: Effect, span: Option<Duration>) {
        self.effects.retain(|(_, known)| !known.is_same(effect));
        self.jobs
            .retain(|(_, job)| !matches!(job, Job::Expire(_, known) if known.is_same(effect)));
        self.effects.push((id, effect));
        if let Some(span) = span {
            self.jobs.push((self.now + span, Job::Expire(id, effect)));
        }
    }

    fn end(&mut self, module: &mut Module, effect: Effect) {
        let faults = module.faults_mut();
        match effect {
            Effect::Busy => faults.busy_until = None,
            // Another command may have moved them to a place of its own.
            Effect::Reports(_) => faults.reports = None,
            Effect::Lie => faults.lie = Lie::default(),
            Effect::Links => faults.links_max = None,
            Effect::Memory => faults.out_of_memory = false,
            Effect::Hang => faults.hang = false,
            Effect::Baud => self.set_baud(None),
            Effect::Air => return self.feed(module, Input::Air(AirEvent::Back)),
            Effect::Silence(_) | Effect::Stall(_) | Effect::HalfClose(_) => {}
        }
        if let Some(socket) = effect.socket().and_then(|id| self.net.socket(id)) {
            match effect {
                Effect::Silence(_) => socket.is_silent = false,
                Effect::Stall(_) => socket.is_stalled = false,
                Effect::HalfClose(_) => socket.is_half_closed = false,
                Effect::Busy
                | Effect::Reports(_)
                | Effect::Lie
                | Effect::Links
                | Effect::Memory
                | Effect::Hang
                | Effect::Baud
                | Effect::Air => {}
            }
        }
        self.feed(module, Input::Tick);
    }

    /// The firmware starts anew: what was wrong with it is over.
    pub(super) fn on_boot(&mut self) {
        self.effects.retain(|(_, effect)| !effect.ends_at_boot());
        self.set_baud(None);
    }

    /// A command comes. Every echo is a moment for reports that wait for one: those that wait for another command's wait on.
    pub(super) fn settle_reports(&mut self, module: &mut Module) {
        let echo = Effect::Reports(ReportPlace::InsideEcho);
        let is_waiting = self.effects.iter().any(|(_, effect)| *effect == echo);
        if !is_waiting || module.faults_mut().reports.is_none() {
            return;
        }
        let is_meant = self.plans.iter().any(|running| {
            let mut rules = running.plan.rules.iter().enumerate();
            rules.any(|(number, rule)| {
                let command = rule.trigger.command.as_ref();
                rule.puts_report()
                    .is_some_and(|(place, _)| place == ReportPlace::InsideEcho)
                    && running.is_armed(number)
                    && command.is_none_or(|command| command.matches(&self.seen.command))
            })
        });
        module.faults_mut().reports = Some(if is_meant {
            ReportPlace::InsideEcho
        } else {
            ReportPlace::BeforeSendOk
        });
    }

    /// A rule puts reports at a moment of the command that is about to begin.
    pub(super) fn put_reports(&mut self, module: &mut Module, fired: Fired) {
        let rule = &self.plans[fired.plan].plan.rules[fired.rule];
        let put = rule.puts_report();
        if let Some((place, hold)) = put {
            module.faults_mut().reports = Some(place);
            self.lasts(fired.id, Effect::Reports(place), Some(hold));
        }
    }

    /// Something that will be reported is about to happen: the report waits where a rule would put it into the next command.
    pub(super) fn hold_reports(&mut self, module: &mut Module, heard: &Heard) {
        let is_reported = matches!(
            heard,
            Heard::Data { .. } | Heard::Closed { .. } | Heard::Accepted { .. }
        );
        if is_reported {
            self.hold_reports_of_module(module);
        }
    }

    fn hold_reports_of_module(&mut self, module: &mut Module) {
        if module.faults_mut().reports.is_some() || self.seen.is_busy() {
            return;
        }
        let armed = self.plans.iter().find_map(|running| {
            let mut rules = running.plan.rules.iter().enumerate();
            rules.find_map(|(number, rule)| {
                let put = rule.puts_report().filter(|_| running.is_armed(number));
                put.map(|(place, hold)| (running.id, place, hold))
            })
        });
        if let Some((id, place, hold)) = armed {
            module.faults_mut().reports = Some(place);
            self.lasts(id, Effect::Reports(place), Some(hold));
        }
    }
}
