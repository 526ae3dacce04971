//! Links and the server: which there are, in which state, and what their sockets do.
//!
//! Subsystems never call commands: what a running command should hear comes back as an [`OpEvent`].

pub(crate) mod host;
pub(crate) mod link;
pub(crate) mod links;
pub(crate) mod receive;
pub(crate) mod server;

use core::net::SocketAddr;

use crate::exec::cx::Env;
use crate::exec::operation::{LinkEvent, OpEvent};
use crate::input::NetEvent;
use crate::nvs::Settings;
use crate::output::{CloseHow, Connect, Dropped, Event, QueryId, SocketId, Transport};
use crate::reply::render::Shown;
use crate::reply::urc::Urc;
use crate::time::Duration;
use crate::timers::Timer;

pub(crate) use link::{Kind, Link, LinkId, Stage, UdpMode};
use links::Links;
use server::Server;

/// The largest header of a `+IPD` with peer, in either protocol.
const IPD_HEAD_MAX: usize = 80;
/// A datagram may be that large; the core drops those over the path's MTU itself.
const DATAGRAM_MAX: usize = 65_535;

/// The network side of the module.
#[derive(Debug)]
pub(crate) struct Net {
    /// `AT+CIPMUX`.
    pub(crate) multi: bool,
    /// `AT+CIPRECVMODE=1`.
    pub(crate) passive: bool,
    /// `AT+CIPDINFO=1`.
    pub(crate) show_peer: bool,
    pub(crate) links: Links,
    pub(crate) server: Server,
    /// There were links since the station joined: `STATUS:4`.
    pub(crate) had_links: bool,
    sockets: u32,
    queries: u32,
}

impl Net {
    pub(crate) fn new() -> Self {
        Self {
            multi: false,
            passive: false,
            show_peer: false,
            links: Links::default(),
            server: Server::default(),
            had_links: false,
            sockets: 0,
            queries: 0,
        }
    }

    /// A reset: all links are gone, all modes as at boot. Ids go on, so that late events find nobody.
    pub(crate) fn reset(&mut self, env: &mut Env<'_>, how: CloseHow) {
        for id in self.links.ids() {
            self.drop_link(env, id, how);
        }
        self.stop_server(env, how);
        *self = Self {
            sockets: self.sockets,
            queries: self.queries,
            ..Self::new()
        };
    }

    pub(crate) fn next_query(&mut self) -> QueryId {
        self.queries += 1;
        QueryId(self.queries - 1)
    }

    pub(crate) fn next_socket(&mut self) -> SocketId {
        self.sockets += 1;
        SocketId::requested(self.sockets - 1)
    }

    /// Opens a link; the running command hears `LinkEvent::Opened` or `Failed`.
    pub(crate) fn open(
        &mut self,
        env: &mut Env<'_>,
        id: LinkId,
        kind: Kind,
        to: Connect,
        udp: UdpMode,
    ) {
        self.forget_reports(env, id);
        let socket = self.next_socket();
        let remote = to.remote;
        self.links
            .insert(Link::new(id, socket, kind, remote, Stage::Connecting).with_udp_mode(udp));
        env.out.connect(socket, to);
    }

    /// Closes a link for the host MCU, or the module itself; nothing about it is reported.
    pub(crate) fn drop_link(&mut self, env: &mut Env<'_>, id: LinkId, how: CloseHow) {
        self.forget_reports(env, id);
        let Some(link) = self.links.remove(id) else {
            return;
        };
        if link.stage != Stage::Ended {
            env.out.close(link.socket, how);
        }
        let unread = link.rx.len();
        if unread > 0 {
            env.event(Event::Dropped {
                what: Dropped::Unread,
                bytes: unread,
            });
        }
        self.after_close(env);
    }

    /// A link ended by the network or by a timer: report it.
    pub(crate) fn end_link(&mut self, env: &mut Env<'_>, id: LinkId) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        link.stage = Stage::Ended;
        if !(self.passive && link.rx.len() > 0) {
            env.report(Urc::Closed(id));
        }
    }

    /// The report that a link is down has been printed: its number is free.
    pub(crate) fn retire(&mut self, env: &mut Env<'_>, id: LinkId) {
        if self
            .links
            .get(id)
            .is_some_and(|link| link.stage == Stage::Ended)
        {
            self.links.remove(id);
            self.after_close(env);
        }
    }

    fn after_close(&mut self, env: &mut Env<'_>) {
        self.server.offer(env, &self.links);
        self.arm_idle_timer(env);
    }

    fn forget_reports(&mut self, env: &mut Env<'_>, id: LinkId) {
        env.out.reports.retain(|urc| urc.link() != Some(id));
    }

    /// Takes what the network says. `may_print`: a report could go out at this moment.
    pub(crate) fn on_event<'e>(
        &mut self,
        env: &mut Env<'_>,
        event: NetEvent<'e>,
        may_print: bool,
    ) -> Option<OpEvent<'e>> {
        match event {
            NetEvent::Connected { socket, local } => self.on_connected(env, socket, local),
            NetEvent::Failed { socket, error } => {
                if self.server.listener == Some(socket) {
                    self.server.listener = None;
                    return Some(OpEvent::Listening(Err(error)));
                }
                let id = self.links.find(socket)?;
                self.links.remove(id);
                env.report(Urc::Closed(id));
                self.after_close(env);
                Some(OpEvent::Link(id, LinkEvent::Failed))
            }
            NetEvent::Listening { listener, .. } => {
                if self.server.listener != Some(listener) {
                    return None;
                }
                self.server.offer(env, &self.links);
                Some(OpEvent::Listening(Ok(())))
            }
            NetEvent::Accepted {
                listener,
                socket,
                peer,
                local,
            } => {
                self.on_accepted(env, listener, socket, peer, local);
                None
            }
            NetEvent::Sent { socket, n } => {
                let id = self.links.find(socket)?;
                Some(OpEvent::Link(id, LinkEvent::Sent(n)))
            }
            NetEvent::Data {
                socket,
                from,
                bytes,
                wire_len,
            } => {
                self.on_data(env, socket, from, bytes, wire_len, may_print);
                None
            }
            NetEvent::Closed { socket, .. } => {
                let id = self.links.find(socket)?;
                self.end_link(env, id);
                Some(OpEvent::Link(id, LinkEvent::Closed))
            }
            NetEvent::Resolved { query, result } => Some(OpEvent::Resolved(query, result)),
            NetEvent::Pinged { .. } | NetEvent::TimeSynced { .. } => None,
        }
    }

    fn on_connected(
        &mut self,
        env: &mut Env<'_>,
        socket: SocketId,
        local: SocketAddr,
    ) -> Option<OpEvent<'static>> {
        let id = self.links.find(socket)?;
        let link = self.links.get_mut(id)?;
        link.stage = Stage::Open;
        link.local_port = local.port();
        self.had_links = true;
        self.grant_reads(env);
        Some(OpEvent::Link(id, LinkEvent::Opened))
    }

    fn on_accepted(
        &mut self,
        env: &mut Env<'_>,
        listener: SocketId,
        socket: SocketId,
        peer: SocketAddr,
        local: SocketAddr,
    ) {
        let id = self.links.free_id(env.profile().limits.links);
        let (Some(id), true) = (id, self.server.listener == Some(listener)) else {
            env.out.close(socket, CloseHow::Reset);
            return;
        };
        self.server.on_accepted();
        let mut link = Link::new(id, socket, Kind::tcp(peer), peer, Stage::Open);
        link.accepted = true;
        link.local_port = local.port();
        link.heard_at = env.now;
        env.report(Urc::Connect(link.up()));
        self.links.insert(link);
        self.had_links = true;
        self.server.offer(env, &self.links);
        self.arm_idle_timer(env);
    }

    fn on_data(
        &mut self,
        env: &mut Env<'_>,
        socket: SocketId,
        from: Option<SocketAddr>,
        bytes: &[u8],
        wire_len: usize,
        may_print: bool,
    ) {
        let Some(id) = self.links.find(socket) else {
            return;
        };
        let (multi, show_peer) = (self.multi, self.show_peer);
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        link.reading = 0;
        link.heard_at = env.now;
        let is_udp = link.kind.transport == Transport::Udp;
        if self.passive {
            let window = env.profile().limits.receive_window;
            if is_udp && link.rx.len() + bytes.len() > window {
                env.event(Event::Dropped {
                    what: Dropped::UdpOverflow,
                    bytes: bytes.len(),
                });
                return;
            }
            link.rx
                .push(bytes, wire_len, is_udp.then_some(from).flatten());
            if !core::mem::replace(&mut link.announced, true) {
                env.report(Urc::Data(id));
            }
        } else {
            if is_udp && bytes.len() > env.profile().limits.datagram_bytes {
                env.event(Event::Dropped {
                    what: Dropped::UdpOverflow,
                    bytes: bytes.len(),
                });
                return;
            }
            if let Some(from) = from {
                link.follow(from);
            }
            if may_print && env.out.reports.is_empty() && link.rx.len() == 0 {
                let peer = show_peer.then(|| from.unwrap_or(link.remote));
                env.out.ipd(Shown(multi.then_some(id)), peer, bytes);
                return;
            }
            link.rx.push(bytes, wire_len, from);
            env.report(Urc::Data(id));
        }
    }

    /// Prints a `+IPD` that had to wait.
    pub(crate) fn print_data(&mut self, env: &mut Env<'_>, id: LinkId) {
        let shown = Shown(self.multi.then_some(id));
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if link.announced {
            env.out.ipd_announce(shown, link.rx.wire_len());
            return;
        }
        let from = link.rx.next_from();
        let peer = self.show_peer.then(|| from.unwrap_or(link.remote));
        let (a, b) = link.rx.front(usize::MAX);
        debug_assert!(b.is_empty(), "an active link holds one piece of data");
        env.out.ipd(shown, peer, a);
        link.rx.clear();
    }

    /// Gives read credit to the links that have room.
    pub(crate) fn grant_reads(&mut self, env: &mut Env<'_>) {
        let limits = &env.profile().limits;
        let room = limits.uart_tx.saturating_sub(env.out.unsent());
        let mut open = room;
        for link in self
            .links
            .iter_mut()
            .filter(|link| link.stage == Stage::Open)
        {
            let held = link.rx.len();
            let wanted = match (self.passive, link.kind.transport) {
                (true, Transport::Udp) => DATAGRAM_MAX,
                (true, Transport::Tcp) => limits.receive_window.saturating_sub(held),
                (false, transport) => {
                    let size = limits.ipd_bytes + IPD_HEAD_MAX;
                    if held > 0 || open < size {
                        0
                    } else {
                        open -= size;
                        if transport == Transport::Udp {
                            DATAGRAM_MAX
                        } else {
                            limits.ipd_bytes
                        }
                    }
                }
            };
            // Credit once given stays given: taking it back would race with the data.
            if wanted > link.reading {
                link.reading = wanted;
                env.out.read(link.socket, wanted);
            }
        }
    }

    /// Starts the server; the running command hears `OpEvent::Listening`.
    pub(crate) fn start_server(&mut self, env: &mut Env<'_>, port: u16, settings: &Settings) {
        let listener = self.next_socket();
        self.server.start(env, listener, port, settings);
    }

    pub(crate) fn stop_server(&mut self, env: &mut Env<'_>, how: CloseHow) {
        if let Some(listener) = self.server.listener.take() {
            self.server.on_stopped();
            env.out.close(listener, how);
        }
    }

    /// Sets the timer for the accepted link that has been silent longest.
    pub(crate) fn arm_idle_timer(&mut self, env: &mut Env<'_>) {
        let timeout = Duration::from_secs(u64::from(self.server.timeout_s));
        let next = self
            .links
            .iter()
            .filter(|link| link.is_client())
            .map(|link| link.heard_at + timeout)
            .min();
        match next {
            Some(at) if self.server.timeout_s > 0 => env.timers.set(Timer::ServerIdle, at),
            _ => env.timers.stop(Timer::ServerIdle),
        }
    }

    /// `Timer::ServerIdle`: closes the clients that have been silent too long.
    pub(crate) fn on_idle_timer(&mut self, env: &mut Env<'_>) {
        let timeout = Duration::from_secs(u64::from(self.server.timeout_s));
        for id in self.links.ids() {
            let due = |link: &Link| link.is_client() && link.heard_at + timeout <= env.now;
            let Some(socket) = self
                .links
                .get(id)
                .filter(|link| due(link))
                .map(|link| link.socket)
            else {
                continue;
            };
            env.out.close(socket, CloseHow::Fin);
            self.end_link(env, id);
        }
        self.arm_idle_timer(env);
    }

    /// An interface went down: its links are closed and reported.
    pub(crate) fn on_interface_down(&mut self, env: &mut Env<'_>) {
        for id in self.links.ids() {
            let Some(link) = self.links.get(id).filter(|link| link.stage == Stage::Open) else {
                continue;
            };
            env.out.close(link.socket, CloseHow::Reset);
            self.end_link(env, id);
        }
        self.arm_idle_timer(env);
    }
}
