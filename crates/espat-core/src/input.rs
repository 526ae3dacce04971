//! Everything that may come into the module.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::output::{QueryId, SocketId, StoreTag};
use crate::time::Duration;
use crate::tls::Slots;

/// One thing that happened outside the module.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Time has passed, nothing else.
    Tick,
    /// Bytes from the host MCU, at most [`Module::serial_room`](crate::Module::serial_room) of them.
    Serial(&'a [u8]),
    /// The serial port knows that a chunk ended here: one read of a port that keeps packets (TCP, stdio) is over.
    SerialBreak,
    /// So many bytes of [`Output::Serial`](crate::Output::Serial) have left the UART: transmit credit.
    SerialSent(usize),
    /// Something happened on the network.
    Net(NetEvent<'a>),
    /// The write with this tag is durable, or failed and changed nothing.
    Stored {
        /// The tag of the [`Output::Store`](crate::Output::Store).
        tag: StoreTag,
        /// Whether it is durable.
        result: Result<(), StoreError>,
    },
    /// Power and reset lines.
    Power(PowerEvent),
    /// Something happened in the air around the station.
    Air(AirEvent),
}

/// What happens to the module's supply and its EN and wake-up pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerEvent {
    /// The supply is cut: links vanish without a word, nothing comes out any more.
    Off,
    /// The supply comes back.
    On,
    /// The EN pin was pulled low and released.
    Reset,
    /// The supply sagged: an unannounced reset.
    BrownOut,
    /// The firmware crashed, or hung until its watchdog bit: an unannounced reset.
    Watchdog,
    /// The wake-up pin: ends a deep sleep.
    Wake,
}

/// What happens in the air around the station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AirEvent {
    /// The access points are gone, the one that the station has joined among them.
    Lost,
    /// They can be heard again. Whether the station joins is for its settings.
    Back,
    /// From here on DHCP gives the station this address; a station that has one gets it at once.
    Address(Ipv4Addr),
}

/// What the network answers or does.
///
/// Events for sockets and queries that the module no longer knows are dropped.
#[derive(Clone, Copy, Debug)]
pub enum NetEvent<'a> {
    /// A [`Connect`](crate::NetRequest::Connect) succeeded; for UDP: the port is bound.
    Connected {
        /// The socket of the request.
        socket: SocketId,
        /// The local address, with the real local port.
        local: SocketAddr,
    },
    /// A `Connect` or `Listen` failed; the socket is gone.
    Failed {
        /// The socket of the request.
        socket: SocketId,
        /// Why.
        error: NetError,
    },
    /// A `Listen` succeeded.
    Listening {
        /// The listener of the request.
        listener: SocketId,
        /// The host's real port, which may differ from the one asked for.
        port: u16,
    },
    /// A client was accepted on a listener that had accept credit.
    Accepted {
        /// The listener.
        listener: SocketId,
        /// The new socket, numbered by the host with [`SocketId::accepted`].
        socket: SocketId,
        /// The client's address.
        peer: SocketAddr,
        /// Our address, with the port that the module listens on.
        local: SocketAddr,
    },
    /// So many bytes of [`Send`](crate::NetRequest::Send) were taken by the network stack, in order.
    Sent {
        /// The socket.
        socket: SocketId,
        /// Bytes taken since the last `Sent`.
        n: usize,
    },
    /// Payload of [`Send`](crate::NetRequest::Send) is lost: the peer takes no more. What came before can still be read; `Closed`
    /// follows it.
    SendFailed {
        /// The socket.
        socket: SocketId,
    },
    /// Data that a [`Read`](crate::NetRequest::Read) asked for; one datagram where the socket is UDP.
    Data {
        /// The socket.
        socket: SocketId,
        /// The sender, for UDP.
        from: Option<SocketAddr>,
        /// The payload, at most the credit given.
        bytes: &'a [u8],
        /// What it took on the wire: more than the payload where TLS records carry it.
        wire_len: usize,
    },
    /// The peer closed or the link broke. Data read before it has been delivered.
    Closed {
        /// The socket, which is gone.
        socket: SocketId,
        /// How it ended.
        cause: CloseCause,
    },
    /// A name was resolved, or not.
    Resolved {
        /// The query.
        query: QueryId,
        /// Addresses in the order of preference, or why there are none.
        result: Result<&'a [IpAddr], NetError>,
    },
    /// An echo request was answered, or not.
    Pinged {
        /// The query.
        query: QueryId,
        /// The round-trip time.
        result: Result<Duration, NetError>,
    },
    /// A time server answered, or not.
    TimeSynced {
        /// The query.
        query: QueryId,
        /// Microseconds since 1970-01-01T00:00:00Z.
        result: Result<u64, NetError>,
    },
    /// Certificates were added, taken away or replaced.
    SlotsChanged {
        /// The slots that are usable from here on.
        slots: Slots,
    },
}

/// How a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCause {
    /// The peer closed in an orderly way.
    Fin,
    /// The peer reset the connection.
    Reset,
    /// TLS ended it: an alert, or an end of the stream without `close_notify`.
    Tls,
    /// Anything else that the stack reports.
    Io,
}

/// Why the network could not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetError {
    /// Refused by the peer.
    Refused,
    /// No answer before the deadline.
    TimedOut,
    /// No route, or the network is down.
    Unreachable,
    /// Forbidden by the user's policy (`--offline`, `--allow`, `--deny`).
    Denied,
    /// The local address or port cannot be used.
    AddressInUse,
    /// The name does not exist or has no address of the family asked for.
    NotFound,
    /// The TLS handshake failed.
    Tls,
    /// Anything else.
    Other,
}

/// Why a store request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// No space is left.
    Full,
    /// The file cannot be written.
    Denied,
    /// Anything else.
    Other,
}
