//! What the module asks of the network.

use alloc::boxed::Box;
use alloc::string::String;
use core::net::{IpAddr, SocketAddr};

use super::{QueryId, SocketId};
use crate::time::Instant;
use crate::tls::{TlsClient, TlsServer};

/// Something to do on the network.
#[derive(Clone, Copy, Debug)]
pub enum NetRequest<'a> {
    /// Open a link: TCP connects, UDP binds, TLS connects and shakes hands. Answered by `Connected` or `Failed`.
    Connect {
        /// The new socket.
        socket: SocketId,
        /// Where and how.
        to: &'a Connect,
    },
    /// Listen for clients. Answered by `Listening` or `Failed`.
    Listen {
        /// The new listener.
        listener: SocketId,
        /// Where and how.
        on: &'a Listen,
    },
    /// One more client may be accepted on this listener; the others wait in its backlog.
    Accept {
        /// The listener.
        listener: SocketId,
    },
    /// Send payload; answered by `Sent` as the stack takes it.
    Send {
        /// The socket.
        socket: SocketId,
        /// The receiver, for UDP.
        to: Option<Peer<'a>>,
        /// The payload, which is to be taken over whole; a datagram where the socket is UDP.
        bytes: &'a [u8],
    },
    /// Forget what `Send` has not handed to the stack yet.
    CancelSend {
        /// The socket.
        socket: SocketId,
    },
    /// Change a socket's options.
    Options {
        /// The socket.
        socket: SocketId,
        /// The new options.
        options: SocketOptions,
    },
    /// Somebody set the module's clock, which an SSL server checks its clients' certificates by.
    Clock {
        /// The listener.
        listener: SocketId,
        /// The time now, in seconds since 1970.
        unix_s: i64,
    },
    /// Up to `max` bytes may be delivered, once; replaces the credit given before. A datagram is never cut: one that is
    /// longer waits for a larger credit.
    Read {
        /// The socket.
        socket: SocketId,
        /// Bytes that may come in one `Data`; 0 takes the credit back.
        max: usize,
    },
    /// Close a socket or a listener. Nothing about it comes back.
    Close {
        /// The socket or listener.
        socket: SocketId,
        /// How.
        how: CloseHow,
    },
    /// Find a name's addresses. Answered by `Resolved`.
    Resolve {
        /// Comes back with the answer.
        query: QueryId,
        /// The name; never a literal address.
        name: &'a str,
        /// Which addresses count.
        family: Family,
        /// Whom to ask; empty: the host's resolver.
        servers: &'a [IpAddr],
        /// When to give up.
        deadline: Instant,
    },
    /// Send one echo request. Answered by `Pinged`.
    Ping {
        /// Comes back with the answer.
        query: QueryId,
        /// Whom.
        peer: Peer<'a>,
        /// Payload bytes.
        len: usize,
        /// When to give up.
        deadline: Instant,
    },
    /// Ask one time server once. Answered by `TimeSynced`.
    TimeSync {
        /// Comes back with the answer.
        query: QueryId,
        /// Whom.
        server: Peer<'a>,
        /// When to give up.
        deadline: Instant,
    },
    /// Announce a service on the local network, or nothing any more. Nothing answers.
    Advertise {
        /// The service.
        service: Option<&'a Service>,
    },
    /// The answer to a query is no longer wanted.
    Cancel {
        /// The query.
        query: QueryId,
    },
}

/// A service on the local network, as `AT+MDNS` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The module's name, to which `.local` is added.
    pub host: String,
    /// What this service calls itself.
    pub instance: String,
    /// Its type, such as `_http`.
    pub kind: String,
    /// Its protocol: `_tcp` or `_udp`.
    pub protocol: String,
    /// The module's port.
    pub port: u16,
    /// The module's IPv6 address, while it has one.
    pub ip6: Option<core::net::Ipv6Addr>,
    /// Keys and values.
    pub txt: alloc::vec::Vec<(String, String)>,
}

/// A remote end: its address, and the name it was given by, so that a map of names applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer<'a> {
    /// Address and port.
    pub addr: SocketAddr,
    /// The name as the host MCU wrote it, where it wrote a name.
    pub name: Option<&'a str>,
}

/// How to open a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The protocol.
    pub transport: Transport,
    /// Address and port of the remote end.
    pub remote: SocketAddr,
    /// The name as the host MCU wrote it, where it wrote a name.
    pub name: Option<String>,
    /// The local address that the host MCU asked for.
    pub local_ip: Option<IpAddr>,
    /// The local port that the host MCU asked for; 0: any.
    pub local_port: u16,
    /// Options for the socket.
    pub options: SocketOptions,
    /// When to give up connecting; a handshake has time-outs of its own.
    pub deadline: Instant,
    /// How to shake hands, where the protocol is TLS.
    pub tls: Option<Box<TlsClient>>,
}

/// A link's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// TLS over TCP.
    Tls,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The module's port.
    pub port: u16,
    /// On the IPv6 address instead of the IPv4 one.
    pub is_v6: bool,
    /// Options for accepted sockets.
    pub options: SocketOptions,
    /// How to shake hands with clients, where the server speaks TLS: a client is accepted when that has succeeded.
    pub tls: Option<TlsServer>,
}

/// Options of a link's socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// `SO_LINGER` in seconds; `None`: off.
    pub linger_s: Option<u16>,
    /// `TCP_NODELAY`.
    pub nodelay: bool,
    /// Idle seconds before keep-alive probes; 0: off. Probes come every second, three of them.
    pub keep_alive_s: u16,
}

/// Which addresses a resolution may yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// IPv4 where there is one, else IPv6.
    PreferV4,
}

/// How to close a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseHow {
    /// In an orderly way, as the linger option says; bytes already taken are still sent.
    Fin,
    /// At once, by a reset.
    Reset,
    /// As a module that lost its power: nothing more is sent, the peer sees a reset at its next packet.
    Vanish,
}
