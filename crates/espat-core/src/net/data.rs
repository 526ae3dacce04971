//! Received data: from the network's credit to `+IPD` or to what the host MCU reads.

use core::net::SocketAddr;
use core::ops::Range;

use super::{Link, LinkId, Net, Stage};
use crate::exec::cx::Env;
use crate::exec::operation::{LinkEvent, OpEvent};
use crate::outbox::Outbox;
use crate::output::{Dropped, Event, Mark, SocketId, Transport};
use crate::reply::render::Shown;
use crate::reply::urc::Urc;

/// A datagram may be that large; those over the path's MTU are dropped here.
const DATAGRAM_MAX: usize = 65_535;

/// Data that came over a socket.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    pub(super) socket: SocketId,
    pub(super) from: Option<SocketAddr>,
    pub(super) bytes: &'a [u8],
    pub(super) wire_len: usize,
}

impl Net {
    /// `may_print`: a report could go out at this moment.
    pub(super) fn on_data(&mut self, env: &mut Env<'_>, arrival: &Arrival<'_>, may_print: bool) {
        let &Arrival {
            socket,
            from,
            bytes,
            wire_len,
        } = arrival;
        let Some(id) = self.links.find(socket) else {
            return;
        };
        let (multi, raw, show_peer) = (self.multi, self.raw, self.show_peer);
        let waits = self.is_read_by_command(id);
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        link.rx.credit = 0;
        link.heard_at = env.now;
        if bytes.is_empty() {
            return;
        }
        if link.waits {
            link.rx.held.push(bytes, wire_len, from);
            return;
        }
        let limits = &env.profile().limits;
        let is_read = waits && link.kind.can_be_passive(env.profile());
        if link.kind.transport == Transport::Udp {
            let too_much = is_read && link.rx.unread.len() + bytes.len() > limits.receive_window;
            if too_much || bytes.len() > limits.datagram_bytes {
                env.event(Event::Dropped {
                    what: Dropped::UdpOverflow,
                    bytes: bytes.len(),
                });
                return;
            }
        }
        if is_read {
            link.rx.unread.push(bytes, wire_len, from);
            if !core::mem::replace(&mut link.rx.announced, true) {
                env.report(Urc::Unread(id));
            }
            return;
        }
        if let Some(from) = from {
            link.follow(from);
        }
        if link.rx.unread.len() > 0 {
            link.rx.unread.push(bytes, wire_len, from);
            self.release(env, id);
        } else if raw && may_print {
            env.out.run(Mark::Payload, bytes);
        } else if may_print && env.out.reports.is_empty() && env.has_room_for_ipd() {
            let peer = show_peer.then(|| from.unwrap_or(link.remote));
            print_ipd(env, Shown(multi.then_some(id)), peer, bytes);
        } else {
            link.rx.held.push(bytes, wire_len, from);
            env.report(Urc::Data(id));
        }
    }

    /// Data waits for `AT+CIPRECVDATA`.
    pub(super) fn is_read_by_command(&self, id: LinkId) -> bool {
        self.passive[id.index()] && !self.raw
    }

    /// `AT+CIPRECVMODE` and `AT+CIPRECVTYPE`, for the links of these numbers. To passive mode, data that has not been printed yet becomes data to be read, in its order. To active
    /// mode, data that was to be read is printed before what comes after it, data or the end: on the chip both lie in one
    /// receive window, which gives nothing out of its order (behaviour.md U15).
    pub(crate) fn set_passive(&mut self, env: &mut Env<'_>, of: Range<usize>, passive: bool) {
        self.passive[of.clone()].fill(passive);
        for id in self.links.ids().filter(|id| of.contains(&id.index())) {
            if passive {
                self.keep_held(env, id);
            } else if self.links.get(id).is_some_and(Link::has_ended_unread) {
                self.release(env, id);
                env.report(Urc::Closed(id));
            }
        }
    }

    /// `AT+CIPMODE`. Raw data that has not been printed yet becomes data to be read, as with `set_passive`.
    pub(crate) fn set_raw(&mut self, env: &mut Env<'_>, raw: bool) {
        self.raw = raw;
        for id in self.links.ids() {
            if self.is_read_by_command(id) {
                self.keep_held(env, id);
            }
        }
    }

    pub(super) fn keep_held(&mut self, env: &mut Env<'_>, id: LinkId) {
        let link = self.links.get_mut(id);
        let profile = env.profile();
        let waits = |link: &&mut Link| link.rx.held.len() > 0 && link.kind.can_be_passive(profile);
        let Some(link) = link.filter(waits) else {
            return;
        };
        let is_replaced = |urc: &Urc| matches!(urc, Urc::Data(of) | Urc::Closed(of) if *of == id);
        env.out.reports.retain(|urc| !is_replaced(urc));
        link.rx.keep_held();
        if !core::mem::replace(&mut link.rx.announced, true) {
            env.report(Urc::Unread(id));
        }
    }

    /// The link that carries raw bytes: the only one that is open; for UDP only with a fixed remote end.
    pub(crate) fn raw_link(&self) -> Option<&Link> {
        let mut open = self.links.iter().filter(|link| link.is_open());
        let link = open.next()?;
        let is_fit = link.is_accepted() || link.has_fixed_remote();
        (is_fit && open.next().is_none()).then_some(link)
    }

    /// Whether no second link can come or be there in multiple-link mode.
    pub(crate) fn may_be_raw(&self) -> bool {
        let has_own = self.links.iter().any(|link| !link.is_accepted());
        let serves_many = self.server.clients_max > 1 || has_own;
        self.links.iter().count() <= 1 && !(self.server.is_running() && serves_many)
    }

    /// Raw bytes from here on: data that the host MCU was to read comes first.
    pub(crate) fn begin_raw(&mut self, env: &mut Env<'_>, id: LinkId) {
        self.raw = true;
        self.release(env, id);
    }

    /// Data that was to be read is to be printed.
    pub(super) fn release(&mut self, env: &mut Env<'_>, id: LinkId) {
        let link = self.links.get_mut(id);
        let Some(link) = link.filter(|link| link.rx.unread.len() > 0) else {
            return;
        };
        for at in 0..link.rx.unread.datagrams() {
            if let Some(from) = link.rx.unread.sender(at) {
                link.follow(from);
            }
        }
        link.rx.release_unread();
        env.out
            .reports
            .retain(|urc| !matches!(urc, Urc::Unread(of) | Urc::Data(of) if *of == id));
        env.report(Urc::Data(id));
    }

    /// Prints the data of an active link that had to wait.
    pub(crate) fn print_data(&mut self, env: &mut Env<'_>, id: LinkId) {
        let shown = Shown(self.multi.then_some(id));
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let remote = link.remote;
        for (from, bytes) in link.rx.held.messages() {
            if self.raw {
                env.out.run(Mark::Payload, bytes);
            } else {
                let peer = self.show_peer.then(|| from.unwrap_or(remote));
                print_ipd(env, shown, peer, bytes);
            }
        }
        link.rx.held.clear();
    }

    /// Prints how much a passive link holds.
    pub(crate) fn print_unread(&self, env: &mut Env<'_>, id: LinkId) {
        if let Some(link) = self.links.get(id) {
            let shown = Shown(self.multi.then_some(id));
            env.out.ipd_announce(shown, link.rx.unread.wire_len());
        }
    }

    /// The host MCU has read `n` bytes: what is left is announced again, a link that ended is reported when it is empty.
    pub(crate) fn on_read(&mut self, env: &mut Env<'_>, id: LinkId, n: usize) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        // The firmware takes datagrams from its stack when they are read (behaviour.md 3.22, T #323).
        for at in 0..link.rx.unread.datagrams_in(n) {
            if let Some(from) = link.rx.unread.sender(at) {
                link.follow(from);
            }
        }
        link.rx.unread.consume(n);
        if link.rx.unread.len() > 0 {
            let announced = Urc::Unread(id);
            if !env.out.reports.contains(&announced) {
                env.report(announced);
            }
            return;
        }
        link.rx.announced = false;
        env.out.reports.retain(|urc| *urc != Urc::Unread(id));
        if link.stage == Stage::Ended {
            env.report(Urc::Closed(id));
        }
    }

    /// Payload goes out over a link.
    pub(crate) fn on_sending(&mut self, env: &mut Env<'_>, id: LinkId) {
        if env.profile().quirks.send_restarts_server_timeout
            && let Some(link) = self.links.get_mut(id)
        {
            link.heard_at = env.now;
        }
    }

    /// Raw payload of passthrough.
    pub(crate) fn send_raw(&mut self, out: &mut Outbox, id: LinkId, bytes: &[u8]) {
        let link = self.links.get_mut(id).filter(|link| link.is_open());
        let Some(link) = link else {
            return;
        };
        link.raw_unsent += bytes.len();
        let is_udp = link.kind.transport == Transport::Udp;
        let to = is_udp.then(|| (link.remote, link.name().cloned()));
        out.send(link.socket, to, bytes);
    }

    /// The network stack took `n` bytes of a link: first what passthrough left, then what lies in the buffer, then what a command
    /// sends. Returns the latter.
    pub(super) fn on_sent(&mut self, env: &mut Env<'_>, id: LinkId, n: usize) -> usize {
        let Some(link) = self.links.get_mut(id) else {
            return n;
        };
        let raw = n.min(link.raw_unsent);
        link.raw_unsent -= raw;
        link.segments
            .on_sent(n - raw, |number| env.report(Urc::SegmentSent(id, number)))
    }

    /// The peer takes no more: what passthrough left is lost.
    pub(super) fn on_send_failed(
        &mut self,
        env: &mut Env<'_>,
        socket: SocketId,
    ) -> Option<OpEvent<'static>> {
        let id = self.links.find(socket)?;
        let link = self.links.get_mut(id)?;
        let buffered = link.segments.fail();
        let bytes = core::mem::take(&mut link.raw_unsent) + buffered;
        if buffered > 0 {
            env.report(Urc::SegmentsLost(id));
        }
        if bytes > 0 {
            env.event(Event::Dropped {
                what: Dropped::DeadLink,
                bytes,
            });
        }
        Some(OpEvent::Link(id, LinkEvent::SendFailed))
    }

    /// Takes back what the network stack has not taken.
    pub(crate) fn cancel_send(&mut self, env: &mut Env<'_>, id: LinkId) {
        if let Some(link) = self.links.get_mut(id) {
            link.raw_unsent = 0;
            env.out.cancel_send(link.socket);
        }
    }

    /// Gives read credit to the links that have room. Credit once given stays given: taking it back would race with
    /// the data.
    pub(crate) fn grant_reads(&mut self, env: &mut Env<'_>) {
        let limits = &env.profile().limits;
        let has_room = env.has_room_for_ipd();
        let (passive, raw) = (self.passive, self.raw);
        let is_ready = |link: &&mut Link| link.is_open() && !link.waits;
        for link in self.links.iter_mut().filter(is_ready) {
            let is_udp = link.kind.transport == Transport::Udp;
            let waits = passive[link.id.index()] && link.kind.can_be_passive(env.profile());
            let wanted = if waits && !raw {
                // A full window does not stop datagrams: they are lost.
                if is_udp {
                    DATAGRAM_MAX
                } else {
                    limits.receive_window.saturating_sub(link.rx.unread.len())
                }
            } else if link.rx.held.len() > 0 || !has_room {
                0
            } else if is_udp {
                DATAGRAM_MAX
            } else if raw {
                env.room()
            } else {
                // Every link gets it, as if the room were its own: what comes too much is held until there is room.
                limits.ipd_bytes
            };
            if wanted > link.rx.credit {
                link.rx.credit = wanted;
                env.out.read(link.socket, wanted);
            }
        }
    }
}

/// Prints data as `+IPD`, in messages of the firmware's size: credit of passive mode may have let more come.
fn print_ipd(env: &mut Env<'_>, shown: Shown, peer: Option<SocketAddr>, data: &[u8]) {
    for piece in data.chunks(env.profile().limits.ipd_bytes) {
        env.out.ipd(shown, peer, piece);
    }
}
