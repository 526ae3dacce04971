//! Passthrough: raw bytes both ways until a lone `+++`, over a link that is opened again whenever it breaks
//! (behaviour.md 3.6, 3.14, U10).

mod link;

use alloc::vec::Vec;

use super::{Module, State};
use crate::exec::operation::{LinkEvent, OpEvent};
use crate::net::dial::{Dial, Target};
use crate::net::{LinkId, Net};
use crate::output::{CloseHow, Dropped, Event};
use crate::reply::urc::Urc;
use crate::serial::chunk::Before;
use crate::serial::escape::{Escape, Verdict};
use crate::sys::{SYSMSG_QUIT, SYSMSG_STATUS};
use crate::time::Duration;
use crate::timers::Timer;

/// The only link of single-link mode, where saved links are opened.
const LINK: LinkId = LinkId(0);

/// A link in passthrough, or one that is to get there.
#[derive(Debug)]
pub(super) struct Passthrough {
    id: LinkId,
    /// Where the link is opened again; `None`: a client of the server, after which the next one comes.
    target: Option<Target>,
    /// Raw bytes flow; before that the saved link is being opened and the host MCU has a command line.
    is_entered: bool,
    link: LinkState,
    /// Bytes that wait to become a packet.
    group: Vec<u8>,
    /// The link has taken nothing for so long that input is thrown away.
    drops: bool,
}

#[derive(Debug)]
enum LinkState {
    Up,
    Dialing(Dial),
    /// `Timer::Reconnect` runs.
    Waiting,
}

impl Passthrough {
    fn new(id: LinkId, target: Option<Target>, link: LinkState) -> Self {
        Self {
            id,
            target,
            is_entered: false,
            link,
            group: Vec::new(),
            drops: false,
        }
    }

    pub(super) fn is_entered(&self) -> bool {
        self.is_entered
    }

    fn is_udp(&self) -> bool {
        self.target.as_ref().is_some_and(Target::is_udp)
    }

    fn is_up(&self) -> bool {
        matches!(self.link, LinkState::Up)
    }

    /// The attempt under way, which is the caller's from here on.
    fn take_dial(&mut self) -> Option<Dial> {
        match core::mem::replace(&mut self.link, LinkState::Waiting) {
            LinkState::Dialing(dial) => Some(dial),
            other @ (LinkState::Up | LinkState::Waiting) => {
                self.link = other;
                None
            }
        }
    }

    fn send_group(&mut self, state: &mut State) {
        state.net.send_raw(&mut state.out, self.id, &self.group);
        self.group.clear();
    }

    /// Bytes that the network stack has not taken, those from before an earlier `+++` included.
    fn held(&self, net: &Net) -> usize {
        let unsent = net.links.get(self.id).map_or(0, |link| link.raw_unsent);
        unsent + self.group.len()
    }
}

impl Module {
    /// `AT+CIPSEND` in passthrough mode: raw bytes from here on.
    pub(super) fn enter_passthrough(&mut self) {
        let Some(link) = self.state.net.raw_link() else {
            return;
        };
        let id = link.id;
        let mut passthrough = Passthrough::new(id, link.target.clone(), LinkState::Up);
        passthrough.is_entered = true;
        // Attempts for the saved link end.
        self.state.timers.stop(Timer::Reconnect);
        self.passthrough = Some(passthrough);
        let mut cx = self.state.cx(self.now);
        cx.net.begin_raw(&mut cx.env, id);
        self.watch_stall();
    }

    pub(super) fn is_in_passthrough(&self) -> bool {
        self.passthrough
            .as_ref()
            .is_some_and(Passthrough::is_entered)
    }

    /// Serial bytes that the next input may carry; 0 holds the host MCU back.
    pub(super) fn passthrough_room(&self) -> usize {
        let Some(passthrough) = &self.passthrough else {
            return 0;
        };
        let buffer = self.state.config.profile.limits.passthrough_buffer;
        if passthrough.drops || !passthrough.is_up() {
            buffer
        } else {
            buffer.saturating_sub(passthrough.held(&self.state.net))
        }
    }

    pub(super) fn on_passthrough(&mut self, bytes: &[u8], before: Before) -> usize {
        match self.intake.escape.on_bytes(bytes, before) {
            Verdict::Hold => {
                self.await_silence();
            }
            Verdict::Payload { held } => {
                self.state.timers.stop(Timer::Escape);
                self.pass(Escape::pluses(held));
                self.pass(bytes);
            }
        }
        bytes.len()
    }

    /// Bytes for the link: in packets, or at once where nothing asks for them.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        let interval = self.state.cx(self.now).group_interval();
        let limits = &self.state.config.profile.limits;
        let packet = limits.passthrough_packet;
        let Some(passthrough) = &mut self.passthrough else {
            return;
        };
        if passthrough.drops || !passthrough.is_up() {
            let what = if passthrough.is_up() {
                Dropped::Stalled
            } else {
                Dropped::DeadLink
            };
            if !bytes.is_empty() {
                self.state.out.event(Event::Dropped {
                    what,
                    bytes: bytes.len(),
                });
            }
            return;
        }
        if !passthrough.is_udp() && interval == Duration::ZERO {
            let id = passthrough.id;
            self.state.net.send_raw(&mut self.state.out, id, bytes);
            bytes = &[];
        }
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(packet - passthrough.group.len()));
            bytes = rest;
            let is_first = passthrough.group.is_empty();
            passthrough.group.extend_from_slice(head);
            if passthrough.group.len() == packet {
                passthrough.send_group(&mut self.state);
                self.state.timers.stop(Timer::Group);
            } else if interval == Duration::ZERO {
                // A datagram is a chunk: without an interval nothing else tells where one ends.
                self.state
                    .timers
                    .set(Timer::Group, self.now + limits.chunk_gap);
            } else if is_first {
                self.state.timers.set(Timer::Group, self.now + interval);
            }
        }
        self.watch_stall();
    }

    /// `Timer::Group`: what has come together goes out.
    pub(super) fn on_group_due(&mut self) {
        let Some(passthrough) = self
            .passthrough
            .as_mut()
            .filter(|p| p.is_up() && !p.group.is_empty())
        else {
            return;
        };
        passthrough.send_group(&mut self.state);
    }

    /// A full buffer holds the host MCU back for a while; then input is dropped, so that `+++` is seen. With flow
    /// control on the UART nothing is dropped and `+++` waits.
    fn watch_stall(&mut self) {
        let Some(passthrough) = &self.passthrough else {
            return;
        };
        let limits = &self.state.config.profile.limits;
        let is_full = passthrough.held(&self.state.net) >= limits.passthrough_buffer;
        if is_full && self.state.sys.uart.flow == 0 && self.state.timers.due(Timer::Stall).is_none()
        {
            self.state
                .timers
                .set(Timer::Stall, self.now + limits.passthrough_stall);
        }
    }

    /// `Timer::Stall`: the link has taken nothing for too long.
    pub(super) fn on_stalled(&mut self) {
        if let Some(passthrough) = &mut self.passthrough {
            passthrough.drops = true;
        }
    }

    /// Hears what happens to the link.
    pub(super) fn passthrough_event(&mut self, event: &OpEvent<'_>) {
        let Some(passthrough) = &mut self.passthrough else {
            return;
        };
        if let OpEvent::Link(id, LinkEvent::Sent(_) | LinkEvent::SendFailed) = *event
            && id == passthrough.id
        {
            passthrough.drops = false;
            self.state.timers.stop(Timer::Stall);
            self.watch_stall();
            return;
        }
        if let Some(dial) = passthrough.take_dial() {
            let dialed = dial.on_event(&mut self.state.cx(self.now), event);
            self.on_dialed(dialed);
        }
        self.follow_link();
    }

    /// `+++`: back to the command line. The link stays, and so does the mode.
    pub(super) fn leave_passthrough(&mut self) {
        self.on_group_due();
        self.saved_link = None;
        let Some(passthrough) = self.passthrough.take() else {
            return;
        };
        for timer in [Timer::Group, Timer::Stall, Timer::Reconnect] {
            self.state.timers.stop(timer);
        }
        let was_up = passthrough.is_up();
        let mut cx = self.state.cx(self.now);
        if let LinkState::Dialing(dial) = passthrough.link {
            dial.cancel(&mut cx);
        }
        if !passthrough.is_entered {
            // The host MCU was never told of a link that came up behind a line it was typing.
            if was_up {
                cx.net.drop_link(&mut cx.env, passthrough.id, CloseHow::Fin);
            }
            return;
        }
        if cx.nvs.live.sysmsg & SYSMSG_QUIT != 0 {
            cx.env.out.notice("+QUITT");
        }
        // Where status is told within the stream, this was.
        if !was_up && cx.nvs.live.sysmsg & SYSMSG_STATUS == 0 {
            cx.env.report(Urc::Closed(passthrough.id));
        }
        self.begin_report_gap();
    }

    /// Reports within the stream, where the host MCU wants them; otherwise they are lost. Data that had to wait is not, and
    /// an upgrade writes past the switch.
    pub(super) fn flush_passthrough_reports(&mut self) {
        let wanted = self.state.nvs.live.sysmsg & SYSMSG_STATUS != 0;
        for urc in core::mem::take(&mut self.state.out.reports) {
            if wanted || matches!(urc, Urc::Data(_) | Urc::Upgrade(_)) {
                self.print_report(urc);
            }
        }
    }
}
