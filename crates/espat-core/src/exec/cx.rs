//! What handlers and subsystems get lent.

use alloc::vec::Vec;
use core::fmt::Display;

use crate::config::{ModuleConfig, Timing};
use crate::exec::operation::{Handled, Reply};
use crate::fault::FaultState;
use crate::flash::Flash;
use crate::net::Net;
use crate::nvs::{Nvs, Scope, Setting, Settings};
use crate::ota::Ota;
use crate::outbox::Outbox;
use crate::output::Event;
use crate::profile::{Features, Profile};
use crate::reply::reason::Reason;
use crate::reply::render::Line;
use crate::reply::urc::Urc;
use crate::rng::Rng;
use crate::sys::System;
use crate::time::{Duration, Instant};
use crate::timers::{Timer, Timers};
use crate::wifi::Wifi;

/// A command's view of the module.
pub(crate) struct Cx<'a> {
    pub(crate) env: Env<'a>,
    pub(crate) sys: &'a mut System,
    pub(crate) net: &'a mut Net,
    pub(crate) wifi: &'a mut Wifi,
    pub(crate) nvs: &'a mut Nvs,
    pub(crate) ota: &'a mut Ota,
    pub(crate) flash: &'a mut Flash,
    /// The command that runs its handler.
    pub(crate) called: Called,
}

/// What a handler that several commands share has to know of the one that was called.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Called {
    /// What its answers begin with.
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
}

/// What subsystems need of the world: time, the queue of outputs, timers, chance.
pub(crate) struct Env<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a ModuleConfig,
    pub(crate) out: &'a mut Outbox,
    pub(crate) timers: &'a mut Timers,
    pub(crate) rng: &'a mut Rng,
    pub(crate) faults: &'a FaultState,
}

/// Reports that wait for a host which does not read; more are dropped, but for those of links, of which there are few.
const REPORTS_MAX: usize = 256;
/// The largest header of a `+IPD` with peer, in either family.
const IPD_HEAD_MAX: usize = 80;

impl Env<'_> {
    pub(crate) fn profile(&self) -> &'static Profile {
        self.config.profile
    }

    /// Whether the firmware line has a command or form.
    pub(crate) fn has(&self, features: Features) -> bool {
        self.profile().features.contains(features)
    }

    /// The time that something takes in realistic timing; none in fast timing.
    pub(crate) fn delay(&self, realistic: Duration) -> Duration {
        match self.config.timing {
            Timing::Realistic => realistic,
            Timing::Fast => Duration::ZERO,
        }
    }

    /// Sets a timer to so much later than now.
    pub(crate) fn set_timer(&mut self, timer: Timer, after: Duration) {
        self.timers.set(timer, self.now + after);
    }

    /// Serial bytes that may be queued before the host MCU has to read.
    pub(crate) fn room(&self) -> usize {
        self.config.tx_window().saturating_sub(self.out.unsent())
    }

    /// Whether a `+IPD` of any size may be queued.
    pub(crate) fn has_room_for_ipd(&self) -> bool {
        self.room() >= self.profile().limits.ipd_bytes + IPD_HEAD_MAX
    }

    /// Whether the network stack has a socket, and the memory for it, beside so many links.
    pub(crate) fn has_socket(&self, links: usize) -> bool {
        let FaultState {
            links_max,
            out_of_memory,
            ..
        } = *self.faults;
        !out_of_memory && links_max.is_none_or(|max| links < usize::from(max))
    }

    /// Whether queries of the station say that it has joined, whatever is so.
    pub(crate) fn joined_lie(&self) -> Option<bool> {
        self.faults.lie.joined
    }

    /// Queues a report until there is a place for it.
    pub(crate) fn report(&mut self, urc: Urc) {
        if self.out.reports.len() < REPORTS_MAX || urc.link().is_some() {
            self.out.reports.push_back(urc);
        } else {
            self.event(Event::Dropped {
                what: crate::output::Dropped::Reports,
                bytes: 0,
            });
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.out.event(event);
    }

    /// Says why a command fails or changes nothing, where the firmware says it.
    pub(crate) fn explain(&mut self, reason: Reason) {
        if !self.profile().quirks.explains_to_host {
            if let Some(text) = reason.logged() {
                self.log(text);
            }
        } else if let Some(text) = reason.said() {
            self.out.text_line(text);
        }
    }

    /// A name has no address.
    pub(crate) fn explain_unknown_host(&mut self, name: &str) {
        if self.profile().quirks.explains_to_host {
            self.out.text_line("DNS Fail");
        } else {
            self.log(format_args!("unknown host: {name}"));
        }
    }

    /// A text of the log UART, which only some boards mix into the AT stream.
    pub(crate) fn log(&mut self, text: impl Display) {
        self.out.log(text);
    }
}

impl Cx<'_> {
    /// A line of the answer, which begins with the name that the command was called by.
    pub(crate) fn answer(&mut self) -> Line<'_> {
        self.env.out.line(self.called.name)
    }

    /// The settings that the query form shows.
    pub(crate) fn shown(&self) -> &Settings {
        self.nvs.shown(self.called.scope)
    }

    /// Sets the clock, for all that go by it.
    pub(crate) fn set_clock(&mut self, unix_us: i64) {
        self.sys.clock.set(self.env.now, unix_us);
        let unix_s = self.sys.clock.unix_s(self.env.now);
        self.net.server.on_clock(&mut self.env, unix_s);
    }

    /// How long payload waits to become a packet. What the host MCU asked for counts in either timing.
    pub(crate) fn group_interval(&self) -> Duration {
        let usual = self.env.profile().limits.passthrough_interval;
        let asked = self.sys.trans_interval;
        asked.unwrap_or_else(|| self.env.delay(usual))
    }

    /// Changes settings, keeps those that are to be kept, then answers OK.
    pub(crate) fn keep(&mut self, settings: Vec<Setting>) -> Handled {
        self.keep_then(settings, |_| {})
    }

    /// Changes settings, keeps those that are to be kept, then acts on them and answers OK.
    pub(crate) fn keep_then(&mut self, settings: Vec<Setting>, then: fn(&mut Cx<'_>)) -> Handled {
        let scope = self.called.scope;
        Ok(Reply::Keep {
            settings,
            scope,
            then,
        })
    }
}
