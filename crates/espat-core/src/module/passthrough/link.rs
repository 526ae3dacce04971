//! The link below passthrough: the saved one is opened after power-on, and any is opened again whenever it breaks.

use super::{LINK, LinkState, Passthrough};
use crate::module::{Module, Phase};
use crate::net::Stage;
use crate::net::dial::{Dial, Dialed};
use crate::output::{CloseHow, Dropped, Event};
use crate::reply::urc::Urc;
use crate::time::Duration;
use crate::timers::Timer;

/// `AT+CIPRECONNINTV` counts in these.
const RECONNECT_STEP: Duration = Duration::from_millis(100);

impl Module {
    /// The station has its address: opens the saved link, once after each boot.
    pub(in crate::module) fn dial_saved_link(&mut self) {
        let target = self.saved_link.take();
        if let Some(target) = target
            && self.passthrough.is_none()
        {
            self.flush_reports();
            self.passthrough = Some(Passthrough::new(LINK, Some(target), LinkState::Waiting));
            self.dial();
        }
    }

    /// Whether `+++` on the command line ends the attempts for the saved link.
    pub(in crate::module) fn awaits_saved_link(&self) -> bool {
        self.saved_link.is_some() || self.passthrough.as_ref().is_some_and(|p| !p.is_entered)
    }

    /// The saved link is up and no command is in the way: raw bytes from here on.
    pub(in crate::module) fn enter_saved_link(&mut self) {
        let line_is_free = self.intake.framer.is_empty() || self.intake.line_is_stale;
        let is_idle = self.phase == Phase::Ready && self.running.is_none() && line_is_free;
        if let Some(passthrough) = self
            .passthrough
            .as_mut()
            .filter(|p| is_idle && !p.is_entered && p.is_up())
        {
            passthrough.is_entered = true;
            self.intake.framer.clear();
            self.report_link();
            if self.state.config.profile.quirks.saved_link_prompts {
                self.flush_passthrough_reports();
                self.state.out.saved_link_prompt();
            }
            let mut cx = self.state.cx(self.now);
            cx.net.begin_raw(&mut cx.env, LINK);
        }
    }

    /// Notices that the link is gone, or what was to become it, for whatever reason.
    pub(in crate::module) fn follow_link(&mut self) {
        self.follow_attempt();
        self.follow_server();
        let Some(passthrough) = &mut self.passthrough else {
            return;
        };
        let id = passthrough.id;
        if !passthrough.is_up() || self.state.net.links.open(id).is_some() {
            return;
        }
        let is_entered = passthrough.is_entered;
        let lost = passthrough.held(&self.state.net);
        passthrough.group.clear();
        passthrough.drops = false;
        self.state.timers.stop(Timer::Stall);
        if lost > 0 {
            self.state.out.event(Event::Dropped {
                what: Dropped::DeadLink,
                bytes: lost,
            });
        }
        let mut cx = self.state.cx(self.now);
        cx.net.drop_link(&mut cx.env, id, CloseHow::Reset);
        if is_entered {
            cx.env.report(Urc::Closed(id));
        }
        self.dial_later();
    }

    /// After a client of the server the next one takes its place.
    fn follow_server(&mut self) {
        let Some(passthrough) = &mut self.passthrough else {
            return;
        };
        if passthrough.target.is_some() || passthrough.is_up() {
            return;
        }
        if let Some(link) = self.state.net.raw_link() {
            passthrough.id = link.id;
            passthrough.link = LinkState::Up;
            let id = link.id;
            let mut cx = self.state.cx(self.now);
            cx.net.begin_raw(&mut cx.env, id);
        }
    }

    /// `Timer::Reconnect`, or the first attempt.
    pub(in crate::module) fn dial(&mut self) {
        let Some(target) = self.passthrough.as_ref().and_then(|p| p.target.clone()) else {
            return;
        };
        let id = self.passthrough.as_ref().map_or(LINK, |p| p.id);
        if self.awaits_saved_link() && (self.state.net.multi || !self.state.net.links.is_empty()) {
            // The host MCU has taken the link for something else.
            self.passthrough = None;
            return;
        }
        let links = self.state.net.links.count();
        let mut cx = self.state.cx(self.now);
        if !cx.env.has_socket(links) {
            return self.dial_later();
        }
        let dialed = Dial::begin(&mut cx, id, target);
        self.on_dialed(dialed);
    }

    /// A command may have taken an attempt's number away, or the access point its network.
    fn follow_attempt(&mut self) {
        let Some(passthrough) = &mut self.passthrough else {
            return;
        };
        let link = self.state.net.links.get(passthrough.id);
        if link.is_some_and(|link| link.stage != Stage::Ended) {
            return;
        }
        if let Some(dial) = passthrough.take_dial() {
            dial.cancel(&mut self.state.cx(self.now));
            self.dial_later();
        }
    }

    fn dial_later(&mut self) {
        let Some(passthrough) = &mut self.passthrough else {
            return;
        };
        passthrough.link = LinkState::Waiting;
        if passthrough.target.is_none() {
            return;
        }
        let interval = RECONNECT_STEP * u32::from(self.state.nvs.live.reconnect_steps);
        self.state.timers.set(Timer::Reconnect, self.now + interval);
    }

    pub(super) fn on_dialed(&mut self, dialed: Dialed) {
        let Some(passthrough) = &mut self.passthrough else {
            return;
        };
        match dialed {
            Dialed::Pending(dial) => passthrough.link = LinkState::Dialing(dial),
            Dialed::Up => {
                passthrough.link = LinkState::Up;
                if passthrough.is_entered {
                    self.report_link();
                }
            }
            Dialed::NoHost(_) | Dialed::Failed(_) | Dialed::Unreachable => {
                let id = passthrough.id;
                let mut cx = self.state.cx(self.now);
                cx.net.drop_link(&mut cx.env, id, CloseHow::Reset);
                self.dial_later();
            }
        }
    }

    fn report_link(&mut self) {
        let id = self.passthrough.as_ref().map_or(LINK, |p| p.id);
        if let Some(link) = self.state.net.links.open(id) {
            let up = link.up();
            self.state.cx(self.now).env.report(Urc::Connect(up));
        }
    }
}
