//! The module's network: one kind of request a file, all of them polled by the driver's task.
//!
//! Nothing here knows what a link is for; sockets are known by the ids that the module or the host gave them.

pub(crate) mod capture;
mod error;
mod exchange;
mod linger;
mod listen;
mod mdns;
mod options;
mod ping;
pub(crate) mod policy;
mod questions;
mod resolve;
mod sntp;
mod tcp;
pub(crate) mod tls;
mod udp;

pub use options::NetOptions;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use espat_core::{
    CloseHow, Connect, Family, Heard, Instant, Listen, NetError, NetRequest, Peer, QueryId, Slots,
    SocketId, Transport,
};

use self::capture::{Tap, Way};
use self::error::net_error;
use self::linger::Lingerers;
use self::listen::{ClientStream, Listener};
use self::mdns::Responder;
use self::questions::Questions;
use self::resolve::Resolution;
use self::tcp::{TcpEvent, TcpLink};
pub(crate) use self::tls::holds_slots;
use self::tls::{SlotWatch, Tls, TlsLink};
use self::udp::{UdpEvent, UdpLink};
use crate::counters::Counters;

/// All sockets and questions of one module.
pub(crate) struct Net {
    options: Arc<NetOptions>,
    /// What the kernel may hold of what a TCP link sends; `None`: as much as it likes.
    send_buffer: Option<usize>,
    sockets: Vec<(SocketId, Socket)>,
    lingering: Lingerers,
    resolutions: Vec<Resolution>,
    questions: Questions,
    mdns: Option<Responder>,
    /// Answers that were known at once.
    answers: VecDeque<Ready>,
    /// The socket that was written to last and may have taken bytes at once.
    sent_at_once: Option<SocketId>,
    /// The socket that is looked at first.
    turn: usize,
    /// Sockets that the module asked for, and clients that it got: transcripts name them by these numbers.
    asked: u32,
    accepted: u32,
    counters: Arc<Counters>,
    slots: SlotWatch,
}

enum Socket {
    Tcp(Box<TcpLink>),
    Tls(Box<TlsLink>),
    Udp(Box<UdpLink>),
    Listener(Box<Listener>),
}

impl Socket {
    /// Where a capture hears of the socket.
    fn tap(&mut self) -> Option<&mut Tap> {
        match self {
            Self::Tcp(link) => Some(link.tap()),
            Self::Tls(link) => Some(link.tap()),
            Self::Udp(_) | Self::Listener(_) => None,
        }
    }

    fn limit_send_buffer(&self, bytes: Option<usize>) {
        let stream = match self {
            Self::Tcp(link) => link.stream(),
            Self::Tls(link) => link.stream(),
            Self::Udp(_) | Self::Listener(_) => return,
        };
        if let Some(bytes) = bytes {
            tcp::set_send_buffer(stream, bytes);
        }
    }
}

/// What happened; the length of payload that lies in the read buffer.
pub(crate) type Ready = Heard<usize>;

impl Net {
    pub(crate) fn new(
        options: Arc<NetOptions>,
        send_buffer: Option<usize>,
        counters: Arc<Counters>,
    ) -> Self {
        let slots = SlotWatch::start(&options.certificates);
        Self {
            options,
            send_buffer,
            sockets: Vec::new(),
            lingering: Lingerers::default(),
            resolutions: Vec::new(),
            questions: Questions::default(),
            mdns: None,
            answers: VecDeque::new(),
            sent_at_once: None,
            turn: 0,
            asked: 0,
            accepted: 0,
            counters,
            slots,
        }
    }

    /// Starts what the module asks for.
    pub(crate) fn handle(&mut self, now: Instant, request: NetRequest<'_>) {
        match request {
            NetRequest::Connect { socket, to } => self.open(socket, to),
            NetRequest::Listen { listener, on } => self.listen(now, listener, on),
            NetRequest::Accept { listener } => {
                if let Some(Socket::Listener(listener)) = self.find(listener) {
                    listener.add_credit();
                }
            }
            NetRequest::Send { socket, to, bytes } => self.send(socket, to, bytes),
            NetRequest::CancelSend { socket } => {
                let untold = match self.find(socket) {
                    Some(Socket::Tcp(link)) => link.cancel_send(),
                    Some(Socket::Tls(link)) => link.cancel_send(),
                    Some(Socket::Udp(link)) => link.cancel_send(),
                    Some(Socket::Listener(_)) | None => 0,
                };
                self.counters.net_out.add(untold);
            }
            NetRequest::Options { socket, options } => match self.find(socket) {
                Some(Socket::Tcp(link)) => link.set_options(options),
                Some(Socket::Tls(link)) => link.set_options(options),
                Some(Socket::Udp(_) | Socket::Listener(_)) | None => {}
            },
            NetRequest::Clock { listener, unix_s } => {
                if let Some(Socket::Listener(listener)) = self.find(listener) {
                    listener.set_clock(unix_s, now);
                }
            }
            NetRequest::Read { socket, max } => match self.find(socket) {
                Some(Socket::Tcp(link)) => link.set_credit(max),
                Some(Socket::Tls(link)) => link.set_credit(max),
                Some(Socket::Udp(link)) => link.set_credit(max),
                Some(Socket::Listener(_)) | None => {}
            },
            NetRequest::Close { socket, how } => self.close(now, socket, how),
            NetRequest::Resolve {
                query,
                name,
                family,
                servers,
                deadline,
            } => {
                self.resolve(query, name, family, servers, deadline);
            }
            NetRequest::Ping {
                query,
                peer,
                len,
                deadline,
            } => self.ping(query, peer, len, deadline),
            NetRequest::TimeSync {
                query,
                server,
                deadline,
            } => self.ask_time(query, server, deadline),
            NetRequest::Advertise { service } => self.advertise(service),
            NetRequest::Cancel { query } => {
                self.resolutions
                    .retain(|resolution| resolution.query != query);
                self.questions.cancel(query);
            }
        }
    }

    /// A partition of certificates or keys was written; gives the slots that are usable from here on.
    pub(crate) fn set_partition(&mut self, name: &str, bytes: Vec<u8>) -> Slots {
        let certificates = &self.options.certificates;
        certificates.set_partition(name, bytes);
        self.slots.tell(certificates);
        certificates.slots()
    }

    /// When something has to be given up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let connects = self.sockets.iter().filter_map(|(_, socket)| match socket {
            Socket::Tcp(link) => link.deadline(),
            Socket::Tls(link) => link.deadline(),
            Socket::Listener(listener) => listener.deadline(),
            Socket::Udp(_) => None,
        });
        let resolutions = self
            .resolutions
            .iter()
            .map(|resolution| resolution.deadline);
        connects
            .chain(resolutions)
            .chain(self.questions.deadline())
            .chain(self.lingering.deadline())
            .chain(self.mdns_deadline())
            .min()
    }

    /// What is known without asking the system.
    pub(crate) fn take_answer(&mut self) -> Option<Ready> {
        if let Some(socket) = self.sent_at_once.take() {
            let n = match self.find(socket) {
                Some(Socket::Tcp(link)) => link.take_sent(),
                Some(Socket::Tls(link)) => link.take_sent(),
                Some(Socket::Udp(link)) => link.take_sent(),
                Some(Socket::Listener(_)) | None => 0,
            };
            if n > 0 {
                self.counters.net_out.add(n);
                return Some(Ready::Sent { socket, n });
            }
        }
        self.answers.pop_front()
    }

    /// The next thing that happened; payload is left in `buffer`.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Poll<Ready> {
        self.lingering.poll(cx, now, buffer);
        self.poll_mdns(cx, now, buffer);
        if let Poll::Ready(slots) = self.slots.poll(cx, &self.options.certificates) {
            return Poll::Ready(Ready::SlotsChanged { slots });
        }
        for at in 0..self.resolutions.len() {
            if let Poll::Ready(result) = self.resolutions[at].poll(cx, now) {
                let query = self.resolutions.swap_remove(at).query;
                return Poll::Ready(Ready::Resolved { query, result });
            }
        }
        if let Poll::Ready(answer) = self.questions.poll(cx, now, buffer) {
            return Poll::Ready(answer);
        }
        let count = self.sockets.len();
        for offset in 0..count {
            let at = (self.turn + offset) % count;
            if let Poll::Ready(ready) = self.poll_socket(cx, now, at, buffer) {
                self.turn = at + 1;
                return Poll::Ready(ready);
            }
        }
        Poll::Pending
    }

    fn poll_socket(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        at: usize,
        buffer: &mut [u8],
    ) -> Poll<Ready> {
        let (socket, kind) = &mut self.sockets[at];
        let socket = *socket;
        match kind {
            Socket::Tcp(link) => link
                .poll(cx, now, buffer)
                .map(|event| self.on_tcp(now, at, socket, event)),
            Socket::Tls(link) => link
                .poll(cx, now, buffer)
                .map(|event| self.on_tcp(now, at, socket, event)),
            Socket::Udp(link) => {
                let event = link.poll(cx, buffer);
                self.counters.datagrams_dropped.add(link.take_dropped());
                event.map(|event| match event {
                    Ok(event) => self.on_udp(socket, event),
                    Err(error) => {
                        self.sockets.remove(at);
                        Ready::Failed {
                            socket,
                            error: net_error(&error),
                        }
                    }
                })
            }
            Socket::Listener(listener) => listener.poll(cx, now).map(|client| {
                let accepted = SocketId::accepted(self.accepted);
                self.accepted += 1;
                let link = match client.stream {
                    ClientStream::Tcp(stream) => {
                        let mut tap = Tap::new(self.options.capture.as_ref());
                        if let Ok(local) = stream.local_addr() {
                            tap.name('a', accepted.number());
                            tap.opened(Way::In, local, client.peer);
                        }
                        let link = TcpLink::accepted(stream, client.options, tap);
                        Socket::Tcp(Box::new(link))
                    }
                    ClientStream::Tls(mut session) => {
                        session.tap().name('a', accepted.number());
                        let link = TlsLink::accepted(session, client.peer, client.options);
                        Socket::Tls(Box::new(link))
                    }
                };
                link.limit_send_buffer(self.send_buffer);
                self.sockets.push((accepted, link));
                Ready::Accepted {
                    listener: socket,
                    socket: accepted,
                    peer: client.peer,
                    local: client.local,
                }
            }),
        }
    }

    fn on_tcp(&mut self, now: Instant, at: usize, socket: SocketId, event: TcpEvent) -> Ready {
        match event {
            TcpEvent::Connected(local) => Ready::Connected { socket, local },
            TcpEvent::Failed(error) => {
                let (_, link) = self.sockets.remove(at);
                if let Socket::Tls(link) = link {
                    self.lingering.add(link.close(now));
                }
                Ready::Failed { socket, error }
            }
            TcpEvent::Sent(n) => {
                self.counters.net_out.add(n);
                Ready::Sent { socket, n }
            }
            TcpEvent::SendFailed => Ready::SendFailed { socket },
            TcpEvent::Data { len, wire_len } => {
                self.counters.net_in.add(len);
                Ready::Data {
                    socket,
                    from: None,
                    bytes: len,
                    wire_len,
                }
            }
            TcpEvent::Closed(cause) => {
                match self.sockets.remove(at).1 {
                    Socket::Tcp(link) => self.lingering.add(link.close(now)),
                    Socket::Tls(link) => self.lingering.add(link.close(now)),
                    Socket::Udp(_) | Socket::Listener(_) => {}
                }
                Ready::Closed { socket, cause }
            }
        }
    }

    fn on_udp(&self, socket: SocketId, event: UdpEvent) -> Ready {
        match event {
            UdpEvent::Bound(local) => Ready::Connected { socket, local },
            UdpEvent::Sent(n) => {
                self.counters.net_out.add(n);
                Ready::Sent { socket, n }
            }
            UdpEvent::Data(len, from) => {
                self.counters.net_in.add(len);
                Ready::Data {
                    socket,
                    from: Some(from),
                    bytes: len,
                    wire_len: len,
                }
            }
        }
    }

    fn open(&mut self, socket: SocketId, to: &Connect) {
        let number = self.asked;
        self.asked += 1;
        match self.connect(to) {
            Ok(mut link) => {
                link.limit_send_buffer(self.send_buffer);
                if let Some(tap) = link.tap() {
                    tap.name('s', number);
                }
                self.sockets.push((socket, link));
            }
            Err(error) => self.answers.push_back(Ready::Failed { socket, error }),
        }
    }

    fn connect(&self, to: &Connect) -> Result<Socket, NetError> {
        let listens_only = to.transport == Transport::Udp && to.remote.ip().is_unspecified();
        let remote = if listens_only {
            to.remote
        } else {
            self.real(to.name.as_deref(), to.remote)?
        };
        let opened = match to.transport {
            Transport::Tcp => {
                let local = to.local_ip.and_then(|_| self.local(remote, to.local_port));
                let tap = Tap::new(self.options.capture.as_ref());
                TcpLink::connect(remote, local, to.options, to.deadline, tap)
                    .map(|link| Socket::Tcp(Box::new(link)))
            }
            Transport::Tls => {
                let local = to.local_ip.and_then(|_| self.local(remote, to.local_port));
                let link = self.tls().connect(to, remote, local)?;
                return Ok(Socket::Tls(Box::new(link)));
            }
            Transport::Udp => {
                UdpLink::open(remote, to.local_port, &self.options).map(|mut link| {
                    link.remember(remote, to.remote);
                    Socket::Udp(Box::new(link))
                })
            }
        };
        opened.map_err(|error| {
            tracing::warn!("a link to {remote} cannot be opened: {error}");
            net_error(&error)
        })
    }

    fn tls(&self) -> Tls {
        Tls {
            certificates: self.options.certificates.clone(),
            key_log: self.options.key_log.clone(),
            capture: self.options.capture.clone(),
        }
    }

    /// Where a client of the module's own address is bound; loopback cannot reach the outside.
    fn local(&self, remote: SocketAddr, port: u16) -> Option<SocketAddr> {
        let ip: IpAddr = match remote {
            SocketAddr::V4(_) => self.options.ip.into(),
            SocketAddr::V6(_) => self.options.ip6.into(),
        };
        let is_reachable = !ip.is_loopback() || remote.ip().is_loopback();
        is_reachable.then_some(SocketAddr::new(ip, port))
    }

    /// The address that packets for `remote` go to, where the policy lets them.
    fn real(&self, name: Option<&str>, remote: SocketAddr) -> Result<SocketAddr, NetError> {
        let mut real = policy::mapped(&self.options.maps, name, remote).unwrap_or(remote);
        if real.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) {
            real.set_ip(self.options.broadcast().into());
        }
        if real.ip().to_canonical().is_unspecified() {
            // Nobody; the system would take it for this computer, past what the policy says of loopback.
            return Err(NetError::Unreachable);
        }
        if self.options.permits(real.ip()) {
            return Ok(real);
        }
        let shown = match real.port() {
            0 => real.ip().to_string(),
            _ => real.to_string(),
        };
        tracing::warn!(
            "{shown} is denied: --offline, --allow and --deny say where the module may go"
        );
        Err(NetError::Denied)
    }

    fn listen(&mut self, now: Instant, listener: SocketId, on: &Listen) {
        self.asked += 1;
        let at = self.options.place(on.port, on.is_v6);
        let opened = self.tls().side(on, now).and_then(|tls| {
            Listener::open(at, on.port, on.options, tls).map_err(|error| {
                tracing::warn!("{error}");
                NetError::AddressInUse
            })
        });
        let opened = opened
            .and_then(|opened| Ok((opened.port().map_err(|error| net_error(&error))?, opened)));
        self.answers.push_back(match opened {
            Ok((port, opened)) => {
                self.sockets
                    .push((listener, Socket::Listener(Box::new(opened))));
                Ready::Listening { listener, port }
            }
            Err(error) => Ready::Failed {
                socket: listener,
                error,
            },
        });
    }

    fn send(&mut self, socket: SocketId, to: Option<Peer<'_>>, bytes: &[u8]) {
        let target = to.map(|peer| (peer.addr, self.real(peer.name, peer.addr)));
        self.sent_at_once = Some(socket);
        match self.find(socket) {
            Some(Socket::Tcp(link)) => link.send(bytes),
            Some(Socket::Tls(link)) => link.send(bytes),
            Some(Socket::Udp(link)) => match target {
                Some((shown, Ok(real))) => {
                    link.remember(real, shown);
                    link.send(real, bytes);
                }
                Some((_, Err(_))) => link.lose(bytes.len()),
                None => link.send(link.remote, bytes),
            },
            Some(Socket::Listener(_)) | None => {}
        }
    }

    fn close(&mut self, now: Instant, socket: SocketId, how: CloseHow) {
        let Some(at) = self.sockets.iter().position(|(id, _)| *id == socket) else {
            return;
        };
        let in_order = how == CloseHow::Fin;
        match self.sockets.remove(at).1 {
            Socket::Tcp(link) if in_order => self.lingering.add(link.close(now)),
            Socket::Tcp(link) => link.reset(),
            Socket::Tls(link) if in_order => self.lingering.add(link.close(now)),
            Socket::Tls(link) => link.reset(),
            Socket::Udp(_) | Socket::Listener(_) => {}
        }
    }

    fn resolve(
        &mut self,
        query: QueryId,
        name: &str,
        family: Family,
        servers: &[IpAddr],
        deadline: Instant,
    ) {
        let resolution = if let Some(ip) = policy::mapped_name(&self.options.maps, name) {
            Err(resolve::choose(vec![ip], family))
        } else if !servers.is_empty() {
            let capture = self.options.capture.clone();
            self.name_servers(servers)
                .map(|real| Resolution::by_servers(query, name, family, real, deadline, capture))
                .map_err(Err)
        } else if self.options.policy.offline {
            let found = resolve::choose(resolve::in_hosts_file(name), family);
            Err(found.map_err(|_| NetError::Denied))
        } else {
            Ok(Resolution::by_host(query, name, family, deadline))
        };
        match resolution {
            Ok(resolution) => self.resolutions.push(resolution),
            Err(result) => self.answers.push_back(Ready::Resolved { query, result }),
        }
    }

    /// Where questions to these name servers go. Those that the policy denies are left out.
    fn name_servers(&self, servers: &[IpAddr]) -> Result<Vec<SocketAddr>, NetError> {
        let mut denied = NetError::Unreachable;
        let mut reached = Vec::new();
        for &server in servers {
            match self.real(None, SocketAddr::new(server, resolve::PORT)) {
                Ok(real) => reached.push(real),
                Err(error) => denied = error,
            }
        }
        if reached.is_empty() {
            return Err(denied);
        }
        Ok(reached)
    }

    /// The host's port of the module's server on that port, if it listens.
    fn real_port(&self, module_port: u16) -> Option<u16> {
        self.sockets.iter().find_map(|(_, socket)| match socket {
            Socket::Listener(on) if on.module_port() == module_port => on.port().ok(),
            Socket::Listener(_) | Socket::Tcp(_) | Socket::Tls(_) | Socket::Udp(_) => None,
        })
    }

    fn find(&mut self, socket: SocketId) -> Option<&mut Socket> {
        self.sockets
            .iter_mut()
            .find(|(id, _)| *id == socket)
            .map(|(_, kind)| kind)
    }
}
