//! What the network said, kept for later: a [`NetEvent`] that borrows nothing.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::input::{CloseCause, NetError, NetEvent};
use crate::output::{QueryId, SocketId};
use crate::time::Duration;
use crate::tls::Slots;

/// A [`NetEvent`] that owns what it says. Its payload is `P`: the bytes, or what the keeper finds them by.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each is the event of that name")]
pub enum Heard<P = Vec<u8>> {
    Connected {
        socket: SocketId,
        local: SocketAddr,
    },
    Failed {
        socket: SocketId,
        error: NetError,
    },
    Listening {
        listener: SocketId,
        port: u16,
    },
    Accepted {
        listener: SocketId,
        socket: SocketId,
        peer: SocketAddr,
        local: SocketAddr,
    },
    Sent {
        socket: SocketId,
        n: usize,
    },
    SendFailed {
        socket: SocketId,
    },
    Data {
        socket: SocketId,
        from: Option<SocketAddr>,
        bytes: P,
        wire_len: usize,
    },
    Closed {
        socket: SocketId,
        cause: CloseCause,
    },
    Resolved {
        query: QueryId,
        result: Result<Vec<IpAddr>, NetError>,
    },
    Pinged {
        query: QueryId,
        result: Result<Duration, NetError>,
    },
    TimeSynced {
        query: QueryId,
        result: Result<u64, NetError>,
    },
    SlotsChanged {
        slots: Slots,
    },
}

impl Heard {
    pub(crate) fn of(event: NetEvent<'_>) -> Self {
        match event {
            NetEvent::Connected { socket, local } => Self::Connected { socket, local },
            NetEvent::Failed { socket, error } => Self::Failed { socket, error },
            NetEvent::Listening { listener, port } => Self::Listening { listener, port },
            NetEvent::Accepted {
                listener,
                socket,
                peer,
                local,
            } => Self::Accepted {
                listener,
                socket,
                peer,
                local,
            },
            NetEvent::Sent { socket, n } => Self::Sent { socket, n },
            NetEvent::SendFailed { socket } => Self::SendFailed { socket },
            NetEvent::Data {
                socket,
                from,
                bytes,
                wire_len,
            } => Self::Data {
                socket,
                from,
                bytes: bytes.to_vec(),
                wire_len,
            },
            NetEvent::Closed { socket, cause } => Self::Closed { socket, cause },
            NetEvent::Resolved { query, result } => Self::Resolved {
                query,
                result: result.map(<[IpAddr]>::to_vec),
            },
            NetEvent::Pinged { query, result } => Self::Pinged { query, result },
            NetEvent::TimeSynced { query, result } => Self::TimeSynced { query, result },
            NetEvent::SlotsChanged { slots } => Self::SlotsChanged { slots },
        }
    }

    /// Payload that came with it.
    pub(crate) fn bytes(&self) -> usize {
        if let Self::Data { bytes, .. } = self {
            bytes.len()
        } else {
            0
        }
    }
}

impl<P> Heard<P> {
    /// The event; `bytes` says which bytes the payload is.
    pub fn event<'a>(&'a self, bytes: impl FnOnce(&'a P) -> &'a [u8]) -> NetEvent<'a> {
        match *self {
            Self::Connected { socket, local } => NetEvent::Connected { socket, local },
            Self::Failed { socket, error } => NetEvent::Failed { socket, error },
            Self::Listening { listener, port } => NetEvent::Listening { listener, port },
            Self::Accepted {
                listener,
                socket,
                peer,
                local,
            } => NetEvent::Accepted {
                listener,
                socket,
                peer,
                local,
            },
            Self::Sent { socket, n } => NetEvent::Sent { socket, n },
            Self::SendFailed { socket } => NetEvent::SendFailed { socket },
            Self::Data {
                socket,
                from,
                bytes: ref payload,
                wire_len,
            } => NetEvent::Data {
                socket,
                from,
                bytes: bytes(payload),
                wire_len,
            },
            Self::Closed { socket, cause } => NetEvent::Closed { socket, cause },
            Self::Resolved { query, ref result } => NetEvent::Resolved {
                query,
                result: result.as_deref().map_err(|&error| error),
            },
            Self::Pinged { query, result } => NetEvent::Pinged { query, result },
            Self::TimeSynced { query, result } => NetEvent::TimeSynced { query, result },
            Self::SlotsChanged { slots } => NetEvent::SlotsChanged { slots },
        }
    }

    /// The socket that it is about; of a client, its own.
    pub(crate) fn socket(&self) -> Option<SocketId> {
        match self {
            Self::Connected { socket, .. }
            | Self::Failed { socket, .. }
            | Self::Accepted { socket, .. }
            | Self::Sent { socket, .. }
            | Self::SendFailed { socket }
            | Self::Data { socket, .. }
            | Self::Closed { socket, .. } => Some(*socket),
            Self::Listening { .. }
            | Self::Resolved { .. }
            | Self::Pinged { .. }
            | Self::TimeSynced { .. }
            | Self::SlotsChanged { .. } => None,
        }
    }

    /// The question that it answers.
    pub(crate) fn query(&self) -> Option<QueryId> {
        match self {
            Self::Resolved { query, .. }
            | Self::Pinged { query, .. }
            | Self::TimeSynced { query, .. } => Some(*query),
            Self::Connected { .. }
            | Self::Failed { .. }
            | Self::Listening { .. }
            | Self::Accepted { .. }
            | Self::Sent { .. }
            | Self::SendFailed { .. }
            | Self::Data { .. }
            | Self::Closed { .. }
            | Self::SlotsChanged { .. } => None,
        }
    }

    /// Whether its socket is gone with it.
    pub(crate) fn ends_socket(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Closed { .. })
    }
}
