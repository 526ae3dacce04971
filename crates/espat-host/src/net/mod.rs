//! The module's network: one kind of request a file, all of them polled by the driver's task.
//!
//! Nothing here knows what a link is for; sockets are known by the ids that the module or the host gave them.

pub(crate) mod capture;
mod error;
mod exchange;
mod linger;
mod listen;
mod mdns;
mod open;
mod options;
mod ping;
pub(crate) mod policy;
mod questions;
mod resolve;
mod route;
mod sntp;
mod socket;
mod tcp;
pub(crate) mod tls;
mod udp;

pub use options::NetOptions;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use espat_core::{CloseHow, Heard, Instant, NetRequest, Peer, Slots, SocketId};

use self::capture::{Tap, Way};
use self::error::net_error;
use self::linger::Lingerers;
use self::listen::ClientStream;
use self::mdns::Responder;
use self::questions::Questions;
use self::socket::Socket;
use self::tcp::{TcpEvent, TcpLink};
pub(crate) use self::tls::holds_slots;
use self::tls::{SlotWatch, TlsLink};
use self::udp::UdpEvent;
use crate::counters::Counters;

/// All sockets and questions of one module.
pub(crate) struct Net {
    options: Arc<NetOptions>,
    /// What the kernel may hold of what a TCP link sends; `None`: as much as it likes.
    send_buffer: Option<usize>,
    sockets: Vec<(SocketId, Socket)>,
    lingering: Lingerers,
    questions: Questions,
    mdns: Option<Responder>,
    /// Answers that were known at once.
    answers: VecDeque<Ready>,
    /// The socket that was written to last and may have taken bytes at once.
    sent_at_once: Option<SocketId>,
    /// The socket that is looked at first.
    turn: usize,
    numbers: Numbers,
    counters: Arc<Counters>,
    slots: SlotWatch,
}

/// Sockets that the module asked for, and clients that it got: transcripts name them by these numbers.
#[derive(Default)]
struct Numbers {
    asked: u32,
    accepted: u32,
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
            questions: Questions::default(),
            mdns: None,
            answers: VecDeque::new(),
            sent_at_once: None,
            turn: 0,
            numbers: Numbers::default(),
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
                let untold = self.find(socket).map_or(0, Socket::cancel_send);
                self.counters.net_out.add(untold);
            }
            NetRequest::Options { socket, options } => {
                if let Some(socket) = self.find(socket) {
                    socket.set_options(options);
                }
            }
            NetRequest::Clock { listener, unix_s } => {
                if let Some(Socket::Listener(listener)) = self.find(listener) {
                    listener.set_clock(unix_s, now);
                }
            }
            NetRequest::Read { socket, max } => {
                if let Some(socket) = self.find(socket) {
                    socket.set_credit(max);
                }
            }
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
            NetRequest::Cancel { query } => self.questions.cancel(query),
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
        let sockets = self.sockets.iter();
        sockets
            .filter_map(|(_, socket)| socket.deadline())
            .chain(self.questions.deadline())
            .chain(self.lingering.deadline())
            .chain(self.mdns_deadline())
            .min()
    }

    /// What is known without asking the system.
    pub(crate) fn take_answer(&mut self) -> Option<Ready> {
        if let Some(socket) = self.sent_at_once.take() {
            let n = self.find(socket).map_or(0, Socket::take_sent);
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
                let accepted = SocketId::accepted(self.numbers.accepted);
                self.numbers.accepted += 1;
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
                let (_, link) = self.sockets.remove(at);
                self.lingering.add(link.close(now, CloseHow::Fin));
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
        let (_, closed) = self.sockets.remove(at);
        self.lingering.add(closed.close(now, how));
    }

    fn find(&mut self, socket: SocketId) -> Option<&mut Socket> {
        self.sockets
            .iter_mut()
            .find(|(id, _)| *id == socket)
            .map(|(_, kind)| kind)
    }
}
