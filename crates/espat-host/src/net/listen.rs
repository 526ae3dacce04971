//! Listeners: one client is accepted for every `Accept`, the others wait in the kernel's backlog.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use espat_core::{Instant, SocketOptions, TlsServer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use super::tls::{GREETINGS_MAX, Greeting, Session, Tls};

/// How long to wait when the system refuses to accept a client.
const PAUSE: Duration = Duration::from_millis(100);
/// Clients that may wait in the kernel.
const BACKLOG: i32 = 16;

/// Why a server cannot be reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListenError {
    #[error("no port of {ip} can be listened on, neither {port} nor a free one: {source}")]
    Bind {
        ip: std::net::IpAddr,
        port: u16,
        source: io::Error,
    },
}

/// A listener of the module.
#[derive(Debug)]
pub(super) struct Listener {
    listener: TcpListener,
    /// The port that the module listens on, which the host's may differ from.
    module_port: u16,
    options: SocketOptions,
    credit: usize,
    /// The system refused to accept, and that was said.
    is_stuck: bool,
    /// Until when it is not asked again.
    pause: Option<Instant>,
    tls: Option<TlsSide>,
}

/// What makes it an SSL server.
#[derive(Debug)]
pub(super) struct TlsSide {
    tls: Tls,
    server: TlsServer,
    /// What the module's clock showed, and when. `None`: the dates of certificates do not count.
    clock: Option<(i64, Instant)>,
    /// Clients that are shaking hands. The ones that have done so wait for credit.
    greetings: Vec<Greeting>,
    greeted: Vec<Greeting>,
    /// When one of them has stalled for so long that another client may have its place.
    place_at: Option<Instant>,
}

impl TlsSide {
    pub(super) fn new(tls: Tls, server: TlsServer, now: Instant) -> Self {
        let unix_s = server.verify.and_then(|verify| verify.unix_s);
        Self {
            tls,
            server,
            clock: unix_s.map(|unix_s| (unix_s, now)),
            greetings: Vec::new(),
            greeted: Vec::new(),
            place_at: None,
        }
    }

    /// Whether another client may begin: there is a place, or one has stalled for long enough to give way.
    fn has_place(&mut self, now: Instant) -> bool {
        self.place_at = None;
        if !self.is_full() {
            return true;
        }
        let longest = self.greetings.iter().map(Greeting::stalls_at).min();
        self.place_at = longest.filter(|&at| at > now);
        longest.is_some_and(|at| at <= now)
    }

    /// Another client has come: the one that has stalled longest gives way to it where all places are taken.
    fn make_place(&mut self, now: Instant) {
        if !self.is_full() {
            return;
        }
        let stalls = |(_, greeting): &(usize, &Greeting)| greeting.stalls_at();
        let longest = self.greetings.iter().enumerate().min_by_key(stalls);
        if let Some((at, greeting)) = longest.filter(|(_, g)| g.stalls_at() <= now) {
            tracing::warn!(
                "SSL client {}: it stalls, and gives way to another one",
                greeting.peer()
            );
            self.greetings.remove(at);
        }
    }

    fn is_full(&self) -> bool {
        self.greetings.len() + self.greeted.len() >= GREETINGS_MAX
    }

    fn greet(&self, stream: TcpStream, peer: SocketAddr, now: Instant) -> Option<Greeting> {
        let unix_s = self.clock.map(|(unix_s, at)| {
            let since = now.since(at).as_secs();
            unix_s.saturating_add_unsigned(since)
        });
        Greeting::start(&self.tls, &self.server, unix_s, stream, peer, now)
    }
}

/// An accepted client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: ClientStream,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) options: SocketOptions,
}

/// What a client speaks.
#[derive(Debug)]
pub(super) enum ClientStream {
    Tcp(TcpStream),
    Tls(Session),
}

impl Listener {
    /// Listens on `at`, or on a free port of the same address.
    pub(super) fn open(
        at: SocketAddr,
        module_port: u16,
        options: SocketOptions,
        tls: Option<TlsSide>,
    ) -> Result<Self, ListenError> {
        let listener = match listen(at) {
            Ok(listener) => {
                if let (0, Ok(free)) = (at.port(), listener.local_addr()) {
                    tracing::info!("server port {module_port}: it is reached at {free}");
                }
                listener
            }
            Err(error) => {
                let any = SocketAddr::new(at.ip(), 0);
                let listener = listen(any).map_err(|source| ListenError::Bind {
                    ip: at.ip(),
                    port: at.port(),
                    source,
                })?;
                let free = listener.local_addr().unwrap_or(any);
                tracing::warn!(
                    "server port {module_port}: {at} cannot be bound ({error}), it is reached at {free}"
                );
                listener
            }
        };
        Ok(Self {
            listener,
            module_port,
            options,
            credit: 0,
            is_stuck: false,
            pause: None,
            tls,
        })
    }

    /// The port that the module knows.
    pub(super) fn module_port(&self) -> u16 {
        self.module_port
    }

    /// The host's real port.
    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    pub(super) fn add_credit(&mut self) {
        self.credit += 1;
    }

    /// The module's clock was set.
    pub(super) fn set_clock(&mut self, unix_s: i64, now: Instant) {
        if let Some(tls) = &mut self.tls {
            tls.clock = Some((unix_s, now));
        }
    }

    /// When it is to be polled, whatever happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let greetings = self.tls.iter().flat_map(|tls| &tls.greetings);
        let place = self.tls.iter().filter_map(|tls| tls.place_at);
        greetings
            .map(Greeting::deadline)
            .chain(place)
            .chain(self.pause)
            .min()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Client> {
        self.pause = self.pause.filter(|until| now < *until);
        let Some(mut tls) = self.tls.take() else {
            let (stream, peer) = ready!(self.poll_accept(cx, now));
            self.credit -= 1;
            return Poll::Ready(self.client(peer, stream.local_addr(), ClientStream::Tcp(stream)));
        };
        let polled = self.poll_tls(cx, now, &mut tls);
        self.tls = Some(tls);
        polled
    }

    /// Clients shake hands side by side; credit is for those that have done it.
    fn poll_tls(&mut self, cx: &mut Context<'_>, now: Instant, tls: &mut TlsSide) -> Poll<Client> {
        while tls.has_place(now) {
            let Poll::Ready((stream, peer)) = self.poll_accept(cx, now) else {
                break;
            };
            tls.make_place(now);
            let greeting = tls.greet(stream, peer, now);
            tls.greetings.extend(greeting);
        }
        let mut at = 0;
        while at < tls.greetings.len() {
            match tls.greetings[at].poll(cx, now) {
                Poll::Ready(true) => tls.greeted.push(tls.greetings.remove(at)),
                Poll::Ready(false) => drop(tls.greetings.remove(at)),
                Poll::Pending => at += 1,
            }
        }
        if self.credit == 0 || tls.greeted.is_empty() {
            return Poll::Pending;
        }
        self.credit -= 1;
        let greeting = tls.greeted.remove(0);
        let (peer, local) = (greeting.peer(), greeting.session().stream().local_addr());
        let stream = ClientStream::Tls(greeting.into_session());
        Poll::Ready(self.client(peer, local, stream))
    }

    fn client(
        &self,
        peer: SocketAddr,
        local: io::Result<SocketAddr>,
        stream: ClientStream,
    ) -> Client {
        let local = SocketAddr::new(local.unwrap_or(peer).ip(), self.module_port);
        Client {
            stream,
            peer,
            local,
            options: self.options,
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<(TcpStream, SocketAddr)> {
        if self.pause.is_some() {
            return Poll::Pending;
        }
        while self.credit > 0 {
            match ready!(self.listener.poll_accept(cx)) {
                Ok(client) => {
                    self.is_stuck = false;
                    return Poll::Ready(client);
                }
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    // Out of descriptors, most likely. The client waits in the backlog, and the listener stays ready.
                    self.pause = Some(now + PAUSE);
                    if !std::mem::replace(&mut self.is_stuck, true) {
                        tracing::warn!(
                            "server port {}: a client cannot be accepted: {error}",
                            self.module_port
                        );
                    }
                    return Poll::Pending;
                }
            }
        }
        Poll::Pending
    }
}

fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Whether the error is that of a client which is gone already.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
