//! Everything that may come out of the module.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use crate::time::Instant;
use crate::tls::{TlsClient, TlsServer};

/// One thing that the world outside has to do.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Bytes for the host MCU: exact, in order with everything else.
    Serial {
        /// What this run of bytes is; runs of different marks are never merged.
        mark: Mark,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Something to do on the network.
    Net(NetRequest<'a>),
    /// New line settings, valid after the bytes before it.
    Uart(UartConfig),
    /// Something to keep; answered by [`Input::Stored`](crate::Input::Stored).
    Store {
        /// Comes back with the answer.
        tag: StoreTag,
        /// What to keep.
        request: StoreRequest<'a>,
    },
    /// An observation for logs and tools; never needed to function.
    Event(Event),
    /// Nothing more until the next input.
    Idle {
        /// When to send a [`Tick`](crate::Input::Tick) at the latest.
        wake_at: Option<Instant>,
        /// What that wake-up is for.
        why: Wake,
    },
}

/// What a run of serial bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// The received line, sent back.
    Echo,
    /// A line of a command's answer.
    Line,
    /// A result code such as `OK`, with its frame, or `busy p...`.
    Result,
    /// The `>` that asks for payload.
    Prompt,
    /// `Recv n bytes`.
    Recv,
    /// An unsolicited line, or the header of a `+IPD`.
    Report,
    /// Payload of a link.
    Payload,
    /// What the module says at boot.
    Boot,
    /// The log UART. On a shared UART it is part of the stream and counts as credit; otherwise it goes elsewhere and does not.
    Log,
}

/// Names a socket. Never used twice in a module's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(u32);

impl SocketId {
    const ACCEPTED: u32 = 1 << 31;

    /// The module's `n`-th socket.
    #[must_use]
    pub const fn requested(n: u32) -> Self {
        Self(n & !Self::ACCEPTED)
    }

    /// The host's `n`-th accepted socket.
    #[must_use]
    pub const fn accepted(n: u32) -> Self {
        Self(n | Self::ACCEPTED)
    }

    /// Whether the host numbered it, for an accepted client.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        self.0 & Self::ACCEPTED != 0
    }

    /// Its number among the sockets of its kind.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 & !Self::ACCEPTED
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_accepted() { 'a' } else { 's' };
        write!(f, "{kind}{}", self.number())
    }
}

/// Names a question to the world (a name, a ping, a time server). Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub(crate) u32);

impl QueryId {
    /// The module's `n`-th question.
    #[must_use]
    pub const fn new(n: u32) -> Self {
        Self(n)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "q{}", self.0)
    }
}

/// Names a store request. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTag(pub(crate) u32);

impl StoreTag {
    /// The module's `n`-th store request.
    #[must_use]
    pub const fn new(n: u32) -> Self {
        Self(n)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

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

/// Something to keep over power-off.
#[derive(Clone, Copy, Debug)]
pub enum StoreRequest<'a> {
    /// Set these keys, all or none.
    Set(&'a [(&'static str, StoreValue)]),
    /// Forget all settings.
    Erase,
    /// Write a partition of the flash. It holds what it held until `Commit` is done. One is written at a time.
    Partition {
        /// Its name in the firmware's table.
        name: &'static str,
        /// The next step.
        step: PartitionStep<'a>,
    },
    /// The next boot runs the firmware that was written to the partition `ota`.
    Boot {
        /// What it calls itself.
        version: &'a str,
    },
}

/// One step of writing a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionStep<'a> {
    /// Begin; what an earlier write left unfinished is forgotten.
    Begin,
    /// The next bytes.
    Chunk(&'a [u8]),
    /// That was all: it takes the place of what the partition held.
    Commit,
    /// Forget what was written. Nothing answers.
    Abort,
}

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreValue {
    /// A number.
    Int(i64),
    /// A text: bytes that need not be UTF-8.
    Text(alloc::vec::Vec<u8>),
    /// No value: the key is removed and its default is valid.
    Default,
}

/// The UART's line settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UartConfig {
    /// Bits a second.
    pub baud: u32,
    /// 5 to 8.
    pub data_bits: u8,
    /// 1, 2 (1.5 bits) or 3 (2 bits), as in `AT+UART_CUR`.
    pub stop_bits: u8,
    /// 0 none, 1 odd, 2 even.
    pub parity: u8,
    /// 0 none, 1 RTS, 2 CTS, 3 both.
    pub flow: u8,
}

impl UartConfig {
    /// Microseconds that one byte takes on the wire, times 1000.
    #[must_use]
    pub fn byte_nanos(&self) -> u64 {
        let half_stop_bits = match self.stop_bits {
            1 => 2,
            2 => 3,
            _ => 4,
        };
        let half_bits = 2
            + 2 * u64::from(self.data_bits)
            + half_stop_bits
            + if self.parity == 0 { 0 } else { 2 };
        half_bits * 500_000_000 / u64::from(self.baud.max(1))
    }
}

/// An observation for logs and tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The module starts, or starts again.
    Boot(ResetCause),
    /// The module says `ready` and takes commands.
    Ready,
    /// The station has its address.
    StationUp,
    /// The station lost or left its access point.
    StationDown,
    /// Bytes were thrown away.
    Dropped {
        /// Why.
        what: Dropped,
        /// How many.
        bytes: usize,
    },
    /// A deep sleep began.
    Sleeping,
}

/// Why bytes were thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Serial input while a command was running.
    Busy,
    /// The head of a line over the length limit.
    LongLine,
    /// Serial input before `ready` or during sleep.
    NotReady,
    /// A datagram that the receive window had no room for.
    UdpOverflow,
    /// Payload for a link that was gone when it was complete.
    DeadLink,
    /// Passthrough input for a link that takes nothing.
    Stalled,
    /// Unread data of a link that the host MCU closed.
    Unread,
    /// A datagram for a host that no interface leads to.
    Unreachable,
    /// Payload thrown away by `+++`.
    Cancelled,
    /// Reports that a host which does not read had no room for.
    Reports,
}

/// Why the module started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetCause {
    /// Power came on.
    PowerOn,
    /// The EN pin.
    Pin,
    /// The supply sagged.
    BrownOut,
    /// A watchdog bit, after a crash or a hang of the firmware.
    Watchdog,
    /// `AT+RST`.
    Command,
    /// `AT+RST` while a command was running.
    Forced,
    /// `AT+RESTORE`.
    Restore,
    /// `AT+CIUPDATE` installed another firmware.
    Upgrade,
    /// The end of a deep sleep.
    Wake,
}

/// What the next wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nothing is waiting for time to pass.
    Never,
    /// The timer of that name is due.
    Timer(crate::timers::Timer),
    /// Serial output waits for credit.
    Credit,
    /// A fault is due.
    Fault,
}
