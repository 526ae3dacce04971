//! Links and the server: which there are, in which state, and what their sockets do.
//!
//! Subsystems never call commands: what a running command should hear comes back as an [`OpEvent`].

mod data;
pub(crate) mod dial;
pub(crate) mod host;
pub(crate) mod link;
pub(crate) mod links;
pub(crate) mod mdns;
mod persist;
pub(crate) mod queries;
pub(crate) mod receive;
pub(crate) mod server;
pub(crate) mod sntp;
pub(crate) mod ssl;

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::exec::cx::Env;
use crate::exec::operation::{LinkEvent, OpEvent, SocketEvent};
use crate::input::{NetError, NetEvent};
use crate::nvs::Settings;
use crate::output::{CloseHow, Connect, Dropped, Event, SocketId, Transport};
use crate::reply::urc::Urc;
use crate::time::Duration;
use crate::timers::Timer;

use data::Arrival;
use dial::Target;
use host::socket_options;
pub(crate) use link::{Kind, Link, LinkId, Stage, UdpMode};
use links::Links;
use queries::Queries;
use server::Server;
use sntp::Sntp;
use ssl::SslNames;

/// The network side of the module.
#[derive(Debug)]
pub(crate) struct Net {
    /// `AT+CIPMUX`.
    pub(crate) multi: bool,
    /// Passive receive, by `AT+CIPRECVMODE` or `AT+CIPRECVTYPE`, a link's number each.
    pub(crate) passive: [bool; 5],
    /// `AT+CIPMODE=1`: received data is not framed.
    pub(crate) raw: bool,
    /// `AT+CIPDINFO=1`.
    pub(crate) show_peer: bool,
    pub(crate) links: Links,
    pub(crate) server: Server,
    /// Names and keys of SSL clients, a link each.
    pub(crate) ssl: [SslNames; 5],
    pub(crate) sntp: Sntp,
    pub(crate) mdns: mdns::Mdns,
    pub(crate) long_send: LongSend,
    /// `AT+CIPCONNPERSIST=1`.
    pub(crate) persist: bool,
    /// There were links since the station joined: `STATUS:4`.
    pub(crate) had_links: bool,
    pub(crate) queries: Queries,
    /// Sockets that are no links: no number, no report, nothing in `AT+CIPSTATUS`.
    pub(crate) apart: Vec<SocketId>,
    /// Those of them that went with the interface, until somebody has heard of it.
    cut: Vec<SocketId>,
    sockets: u32,
}

/// `AT+CIPSENDL` and `AT+CIPSENDLCFG`.
#[derive(Debug)]
pub(crate) struct LongSend {
    /// A report comes each time when so many more bytes have been taken.
    pub(crate) report: u32,
    /// So many bytes make a block.
    pub(crate) block: u16,
    /// While one goes on: bytes that the network stack has not taken.
    pub(crate) held: Option<usize>,
}

impl Default for LongSend {
    fn default() -> Self {
        Self {
            report: 1024,
            block: 2920,
            held: None,
        }
    }
}

impl Net {
    pub(crate) fn new() -> Self {
        Self {
            multi: false,
            passive: [false; 5],
            raw: false,
            show_peer: false,
            links: Links::default(),
            server: Server::default(),
            ssl: Default::default(),
            sntp: Sntp::default(),
            mdns: mdns::Mdns::default(),
            long_send: LongSend::default(),
            persist: false,
            had_links: false,
            queries: Queries::default(),
            apart: Vec::new(),
            cut: Vec::new(),
            sockets: 0,
        }
    }

    /// A reset: all links are gone, all modes as at boot. Ids go on, so that late events find nobody.
    pub(crate) fn reset(&mut self, env: &mut Env<'_>, how: CloseHow) {
        for id in self.links.ids() {
            self.drop_link(env, id, how);
        }
        self.stop_server(env, how);
        self.sntp.stop(env, &mut self.queries);
        self.mdns.stop(env);
        self.queries.cancel_all(env.out);
        for socket in core::mem::take(&mut self.apart) {
            env.out.close(socket, how);
        }
        *self = Self {
            queries: core::mem::take(&mut self.queries),
            sockets: self.sockets,
            ..Self::new()
        };
    }

    pub(crate) fn next_socket(&mut self) -> SocketId {
        self.sockets += 1;
        SocketId::requested(self.sockets - 1)
    }

    /// Takes a link's number for `open`, so that no client of the server gets it meanwhile.
    pub(crate) fn reserve(&mut self, id: LinkId, kind: Kind) {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let socket = self.next_socket();
        let link = Link::new(id, socket, kind, nowhere, Stage::Reserved);
        self.links.insert(link);
    }

    /// Opens a link; the running command hears `LinkEvent::Opened` or `Failed`.
    pub(crate) fn open(&mut self, env: &mut Env<'_>, id: LinkId, target: Target, to: Connect) {
        let socket = self.next_socket();
        self.links.remove(id);
        self.links.insert(Link::opening(id, socket, target, &to));
        env.out.connect(socket, to);
    }

    /// Opens a socket that is no link; commands and tasks hear of it by `OpEvent::Socket`.
    pub(crate) fn open_apart(&mut self, env: &mut Env<'_>, to: Connect) -> SocketId {
        let socket = self.next_socket();
        self.apart.push(socket);
        env.out.connect(socket, to);
        socket
    }

    /// Closes a socket that is no link, if it is still there.
    pub(crate) fn close_apart(&mut self, env: &mut Env<'_>, socket: SocketId, how: CloseHow) {
        if self.forget_apart(socket) {
            env.out.close(socket, how);
        }
    }

    /// The interface is gone, and with it the sockets that are no links.
    pub(crate) fn cut_apart(&mut self, env: &mut Env<'_>) {
        for socket in core::mem::take(&mut self.apart) {
            env.out.close(socket, CloseHow::Reset);
            self.cut.push(socket);
        }
    }

    /// The next socket that went with the interface.
    pub(crate) fn take_cut(&mut self) -> Option<SocketId> {
        self.cut.pop()
    }

    /// A socket that is no link is gone; whether there was one.
    fn forget_apart(&mut self, socket: SocketId) -> bool {
        let at = self.apart.iter().position(|known| *known == socket);
        at.map(|at| self.apart.swap_remove(at)).is_some()
    }

    /// Closes a link for the host MCU, or the module itself; nothing about it is reported.
    pub(crate) fn drop_link(&mut self, env: &mut Env<'_>, id: LinkId, how: CloseHow) {
        self.forget_reports(env, id);
        let Some(link) = self.links.remove(id) else {
            return;
        };
        if link.has_socket() {
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

    /// A link ended by the network or by a timer: report it. Its number is taken until then.
    pub(crate) fn end_link(&mut self, env: &mut Env<'_>, id: LinkId) {
        self.end_waiting(env, id);
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        link.stage = Stage::Ended;
        let is_announced = link.rx.announced;
        if !(is_announced && self.is_read_by_command(id)) {
            self.release(env, id);
            env.report(Urc::Closed(id));
        }
    }

    /// Prints that a link is down without waiting for a place, unless something else is to be said of it first.
    pub(crate) fn say_closed(&mut self, env: &mut Env<'_>, id: LinkId) {
        let closed = Urc::Closed(id);
        if env.faults.reports.is_some() {
            return;
        }
        let of_link = env.out.reports.iter().filter(|urc| urc.link() == Some(id));
        if of_link.eq([&closed]) {
            env.out.reports.retain(|urc| *urc != closed);
            env.out.report(closed, self.multi, false);
            self.retire(env, id);
        }
    }

    /// The report that a link is down has been printed: its number is free. Unless that was the number's last link, which passthrough
    /// had left: of this one something is still to be said, or read.
    pub(crate) fn retire(&mut self, env: &mut Env<'_>, id: LinkId) {
        let is_over = |link: &Link| link.stage == Stage::Ended && link.rx.len() == 0;
        if self.links.get(id).is_some_and(is_over) && !env.out.reports.contains(&Urc::Closed(id)) {
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
        settings: &Settings,
        may_print: bool,
    ) -> Option<OpEvent<'e>> {
        if let Some((socket, event)) = self.apart_event(event) {
            return Some(OpEvent::Socket(socket, event));
        }
        match event {
            NetEvent::Connected { socket, local } => self.on_connected(env, socket, local),
            NetEvent::Failed { socket, error } => self.on_failed(env, socket, error),
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
                self.tell_sockets(env, settings);
                None
            }
            NetEvent::Sent { socket, n } => {
                let id = self.links.find(socket)?;
                Some(OpEvent::Link(id, LinkEvent::Sent(self.on_sent(id, n))))
            }
            NetEvent::SendFailed { socket } => self.on_send_failed(env, socket),
            NetEvent::Data {
                socket,
                from,
                bytes,
                wire_len,
            } => {
                let arrival = Arrival {
                    socket,
                    from,
                    bytes,
                    wire_len,
                };
                self.on_data(env, &arrival, may_print);
                None
            }
            NetEvent::Closed { socket, .. } => {
                let id = self.links.find(socket)?;
                self.end_link(env, id);
                Some(OpEvent::Link(id, LinkEvent::Closed))
            }
            NetEvent::Resolved { query, result } => self
                .queries
                .end(query)
                .then_some(OpEvent::Resolved(query, result)),
            NetEvent::Pinged { query, result } => self
                .queries
                .end(query)
                .then_some(OpEvent::Pinged(query, result)),
            NetEvent::TimeSynced { query, result } => self
                .queries
                .end(query)
                .then_some(OpEvent::TimeSynced(query, result)),
            NetEvent::SlotsChanged { .. } => None,
        }
    }

    /// What an event says of a socket that is no link.
    fn apart_event<'e>(&mut self, event: NetEvent<'e>) -> Option<(SocketId, SocketEvent<'e>)> {
        let (socket, event) = match event {
            NetEvent::Connected { socket, .. } => (socket, SocketEvent::Opened),
            NetEvent::Failed { socket, .. } => (socket, SocketEvent::Failed),
            NetEvent::Sent { socket, .. } => (socket, SocketEvent::Sent),
            NetEvent::Data { socket, bytes, .. } => (socket, SocketEvent::Data(bytes)),
            NetEvent::Closed { socket, cause } => (socket, SocketEvent::Closed(cause)),
            NetEvent::Listening { .. }
            | NetEvent::Accepted { .. }
            | NetEvent::SendFailed { .. }
            | NetEvent::Resolved { .. }
            | NetEvent::Pinged { .. }
            | NetEvent::TimeSynced { .. }
            | NetEvent::SlotsChanged { .. } => return None,
        };
        let is_over = matches!(event, SocketEvent::Failed | SocketEvent::Closed(_));
        let is_known = if is_over {
            self.forget_apart(socket)
        } else {
            self.apart.contains(&socket)
        };
        is_known.then_some((socket, event))
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

    fn on_failed<'e>(
        &mut self,
        env: &mut Env<'_>,
        socket: SocketId,
        error: NetError,
    ) -> Option<OpEvent<'e>> {
        if self.server.listener == Some(socket) {
            self.server.listener = None;
            return Some(OpEvent::Listening(Err(error)));
        }
        let id = self.links.find(socket)?;
        self.end_link(env, id);
        Some(OpEvent::Link(id, LinkEvent::Failed(error)))
    }

    fn on_accepted(
        &mut self,
        env: &mut Env<'_>,
        listener: SocketId,
        socket: SocketId,
        peer: SocketAddr,
        local: SocketAddr,
    ) {
        if self.server.listener != Some(listener) {
            env.out.close(socket, CloseHow::Reset);
            return;
        }
        self.server.on_accepted();
        let Some(id) = self.server.free_id(env, &self.links) else {
            env.out.close(socket, CloseHow::Reset);
            return;
        };
        let kind = self.server.kind_of(peer);
        let mut link = Link::new(id, socket, kind, peer, Stage::Open);
        link.options = self.server.options;
        link.local_port = local.port();
        link.heard_at = env.now;
        env.report(Urc::Connect(link.up()));
        self.links.insert(link);
        self.had_links = true;
        if !self.server.offer(env, &self.links) {
            env.log(format_args!(
                "connect reach max:{}",
                self.server.clients_max
            ));
        }
        self.arm_idle_timer(env);
    }

    /// Tells open TCP links what `AT+CIPTCPOPT` asks, where they do not know it.
    pub(crate) fn tell_sockets(&mut self, env: &mut Env<'_>, settings: &Settings) {
        for link in self.links.iter_mut().filter(|link| link.is_open()) {
            let options = socket_options(env.profile(), settings, link.id, link.keep_alive_s());
            if link.kind.transport != Transport::Udp && options != link.options {
                link.options = options;
                env.out.options(link.socket, options);
            }
        }
    }

    /// Starts the server; the running command hears `OpEvent::Listening`.
    pub(crate) fn start_server(
        &mut self,
        env: &mut Env<'_>,
        kind: Kind,
        port: u16,
        settings: &Settings,
        unix_s: Option<i64>,
    ) {
        let listener = self.next_socket();
        self.server
            .start(env, listener, kind, port, settings, unix_s);
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

    /// `Timer::ServerIdle`: closes the clients that have been silent too long. Returns them, for the running command.
    pub(crate) fn on_idle_timer(&mut self, env: &mut Env<'_>) -> Vec<LinkId> {
        let timeout = Duration::from_secs(u64::from(self.server.timeout_s));
        let now = env.now;
        let is_due = |link: &Link| link.is_client() && link.heard_at + timeout <= now;
        let due = self.close_where(env, CloseHow::Fin, is_due);
        self.arm_idle_timer(env);
        due
    }

    /// An interface went down: its links are closed and reported. Returns them, for the running command.
    pub(crate) fn on_interface_down(&mut self, env: &mut Env<'_>) -> Vec<LinkId> {
        self.cut_apart(env);
        self.begin_waiting();
        let ends: Vec<_> = self
            .links
            .iter()
            .filter(|link| link.has_socket() && !self.persists(link))
            .map(|link| link.id)
            .collect();
        let closed = self.close_where(env, CloseHow::Reset, |link| ends.contains(&link.id));
        self.arm_idle_timer(env);
        closed
    }

    /// The station's IPv4 address changed: lwIP aborts TCP connections that have the old one, and UDP sockets go on with the new
    /// one (ESP-IDF, `LWIP_TCP_KEEP_CONNECTION_WHEN_IP_CHANGES`, which is off; lwIP, `tcp_netif_ip_addr_changed`). Returns the links,
    /// for the running command.
    pub(crate) fn on_address_changed(&mut self, env: &mut Env<'_>) -> Vec<LinkId> {
        self.cut_apart(env);
        let has_address = |link: &Link| {
            link.has_socket() && link.kind.transport != Transport::Udp && !link.kind.is_v6
        };
        let closed = self.close_where(env, CloseHow::Reset, has_address);
        self.arm_idle_timer(env);
        closed
    }

    /// Closes a link that is being opened, and reports it.
    pub(crate) fn abandon(&mut self, env: &mut Env<'_>, id: LinkId) {
        self.close_where(env, CloseHow::Reset, |link| link.id == id);
    }

    fn close_where(
        &mut self,
        env: &mut Env<'_>,
        how: CloseHow,
        is_wanted: impl Fn(&Link) -> bool,
    ) -> Vec<LinkId> {
        let mut closed = Vec::new();
        for link in self.links.iter().filter(|link| is_wanted(link)) {
            env.out.close(link.socket, how);
            closed.push(link.id);
        }
        for &id in &closed {
            self.end_link(env, id);
        }
        closed
    }
}
