//! What the network said, kept for later.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::input::{CloseCause, NetError, NetEvent};
use crate::output::{QueryId, SocketId};
use crate::time::Duration;
use crate::tls::Slots;

/// An event of the network that owns what it says.
#[derive(Clone, Debug)]
pub(super) enum Heard {
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
        bytes: Vec<u8>,
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
    pub(super) fn of(event: NetEvent<'_>) -> Self {
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

    pub(super) fn event(&self) -> NetEvent<'_> {
        match self {
            Self::Connected { socket, local } => NetEvent::Connected {
                socket: *socket,
                local: *local,
            },
            Self::Failed { socket, error } => NetEvent::Failed {
                socket: *socket,
                error: *error,
            },
            Self::Listening { listener, port } => NetEvent::Listening {
                listener: *listener,
                port: *port,
            },
            Self::Accepted {
                listener,
                socket,
                peer,
                local,
            } => NetEvent::Accepted {
                listener: *listener,
                socket: *socket,
                peer: *peer,
                local: *local,
            },
            Self::Sent { socket, n } => NetEvent::Sent {
                socket: *socket,
                n: *n,
            },
            Self::SendFailed { socket } => NetEvent::SendFailed { socket: *socket },
            Self::Data {
                socket,
                from,
                bytes,
                wire_len,
            } => NetEvent::Data {
                socket: *socket,
                from: *from,
                bytes,
                wire_len: *wire_len,
            },
            Self::Closed { socket, cause } => NetEvent::Closed {
                socket: *socket,
                cause: *cause,
            },
            Self::Resolved { query, result } => NetEvent::Resolved {
                query: *query,
                result: match result {
                    Ok(addresses) => Ok(addresses),
                    Err(error) => Err(*error),
                },
            },
            Self::Pinged { query, result } => NetEvent::Pinged {
                query: *query,
                result: *result,
            },
            Self::TimeSynced { query, result } => NetEvent::TimeSynced {
                query: *query,
                result: *result,
            },
            Self::SlotsChanged { slots } => NetEvent::SlotsChanged { slots: *slots },
        }
    }

    /// The socket that it is about; of a client, its own.
    pub(super) fn socket(&self) -> Option<SocketId> {
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
    pub(super) fn query(&self) -> Option<QueryId> {
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

    /// Payload that came with it.
    pub(super) fn bytes(&self) -> usize {
        if let Self::Data { bytes, .. } = self {
            bytes.len()
        } else {
            0
        }
    }

    /// Whether its socket is gone with it.
    pub(super) fn ends_socket(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Closed { .. })
    }
}
