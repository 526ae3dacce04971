//! One output: what it is, what of the outbox's bytes belongs to it, and what becomes of it when the power goes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::output::{
    Connect, Event, Family, Listen, Mark, NetRequest, Output, PartitionStep, Peer, QueryId,
    Service, SocketId, StoreRequest, StoreTag, StoreValue, UartConfig,
};
use crate::time::Instant;

/// One output.
#[derive(Debug)]
pub(super) enum Entry {
    Serial {
        mark: Mark,
        len: usize,
    },
    Connect {
        socket: SocketId,
        to: Box<Connect>,
    },
    Listen {
        listener: SocketId,
        on: Listen,
    },
    Send {
        socket: SocketId,
        to: Option<(SocketAddr, Option<String>)>,
        len: usize,
    },
    Resolve(Box<Resolve>),
    Ping(Box<Ask>),
    TimeSync(Box<Ask>),
    Advertise(Option<Box<Service>>),
    /// A request that borrows nothing.
    Plain(NetRequest<'static>),
    Uart(UartConfig),
    Store {
        tag: StoreTag,
        what: Keep,
    },
    Event(Event),
}

/// What is to be kept.
#[derive(Debug)]
pub(crate) enum Keep {
    Values(Vec<(&'static str, StoreValue)>),
    /// Forget all settings.
    Erase,
    Partition {
        name: &'static str,
        step: Step,
    },
    /// The version that the next boot runs.
    Boot(String),
}

/// A step of writing a partition; a chunk's bytes lie with those of the other entries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Begin,
    Chunk { len: usize },
    Commit,
    Abort,
}

impl Entry {
    /// How many bytes belong to it.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Serial { len, .. } | Self::Send { len, .. } => *len,
            Self::Store {
                what:
                    Keep::Partition {
                        step: Step::Chunk { len },
                        ..
                    },
                ..
            } => *len,
            Self::Connect { .. }
            | Self::Listen { .. }
            | Self::Resolve(_)
            | Self::Ping(_)
            | Self::TimeSync(_)
            | Self::Advertise(_)
            | Self::Plain(_)
            | Self::Uart(_)
            | Self::Store { .. }
            | Self::Event(_) => 0,
        }
    }

    /// Whether it would reach the serial line or the network. Of what it would have opened nothing is known outside: the rest about
    /// that `sockets` and `queries` tell apart.
    pub(super) fn leaves(&self, sockets: &mut Vec<SocketId>, queries: &mut Vec<QueryId>) -> bool {
        match self {
            Self::Serial { .. } | Self::Send { .. } => true,
            Self::Connect { socket, .. }
            | Self::Listen {
                listener: socket, ..
            } => {
                sockets.push(*socket);
                true
            }
            Self::Resolve(ask) => {
                queries.push(ask.query);
                true
            }
            Self::Ping(ask) | Self::TimeSync(ask) => {
                queries.push(ask.query);
                true
            }
            Self::Plain(request) => match request {
                NetRequest::Close { socket, .. } => sockets.contains(socket),
                NetRequest::Cancel { query } => queries.contains(query),
                NetRequest::Connect { .. }
                | NetRequest::Listen { .. }
                | NetRequest::Accept { .. }
                | NetRequest::Read { .. }
                | NetRequest::Send { .. }
                | NetRequest::CancelSend { .. }
                | NetRequest::Options { .. }
                | NetRequest::Clock { .. }
                | NetRequest::Resolve { .. }
                | NetRequest::Ping { .. }
                | NetRequest::TimeSync { .. }
                | NetRequest::Advertise { .. } => true,
            },
            // That nothing is announced any more the world has to hear.
            Self::Advertise(service) => service.is_some(),
            Self::Uart(_) | Self::Store { .. } | Self::Event(_) => false,
        }
    }

    /// As the world gets it; `bytes` are those that belong to it.
    pub(super) fn output<'a>(&'a self, bytes: &'a [u8]) -> Output<'a> {
        match self {
            Self::Serial { mark, .. } => Output::Serial { mark: *mark, bytes },
            Self::Connect { socket, to } => Output::Net(NetRequest::Connect {
                socket: *socket,
                to,
            }),
            Self::Listen { listener, on } => Output::Net(NetRequest::Listen {
                listener: *listener,
                on,
            }),
            Self::Send { socket, to, .. } => Output::Net(NetRequest::Send {
                socket: *socket,
                to: to.as_ref().map(|(addr, name)| Peer {
                    addr: *addr,
                    name: name.as_deref(),
                }),
                bytes,
            }),
            Self::Resolve(ask) => Output::Net(NetRequest::Resolve {
                query: ask.query,
                name: &ask.name,
                family: ask.family,
                servers: &ask.servers,
                deadline: ask.deadline,
            }),
            Self::Ping(ask) => Output::Net(NetRequest::Ping {
                query: ask.query,
                peer: ask.peer(),
                len: ask.len,
                deadline: ask.deadline,
            }),
            Self::Advertise(service) => Output::Net(NetRequest::Advertise {
                service: service.as_deref(),
            }),
            Self::TimeSync(ask) => Output::Net(NetRequest::TimeSync {
                query: ask.query,
                server: ask.peer(),
                deadline: ask.deadline,
            }),
            Self::Plain(request) => Output::Net(*request),
            Self::Uart(uart) => Output::Uart(*uart),
            Self::Store { tag, what } => Output::Store {
                tag: *tag,
                request: what.request(bytes),
            },
            Self::Event(event) => Output::Event(*event),
        }
    }
}

impl Keep {
    fn request<'a>(&'a self, bytes: &'a [u8]) -> StoreRequest<'a> {
        match self {
            Self::Values(values) => StoreRequest::Set(values),
            Self::Erase => StoreRequest::Erase,
            Self::Boot(version) => StoreRequest::Boot { version },
            Self::Partition { name, step } => StoreRequest::Partition {
                name,
                step: match step {
                    Step::Begin => PartitionStep::Begin,
                    Step::Chunk { .. } => PartitionStep::Chunk(bytes),
                    Step::Commit => PartitionStep::Commit,
                    Step::Abort => PartitionStep::Abort,
                },
            },
        }
    }
}

/// A question for a name's addresses.
#[derive(Debug)]
pub(super) struct Resolve {
    pub(super) query: QueryId,
    pub(super) name: String,
    pub(super) family: Family,
    pub(super) servers: Vec<IpAddr>,
    pub(super) deadline: Instant,
}

/// A question to a host that may have a name.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) query: QueryId,
    pub(super) addr: SocketAddr,
    pub(super) name: Option<String>,
    /// Payload bytes of a ping.
    pub(super) len: usize,
    pub(super) deadline: Instant,
}

impl Ask {
    fn peer(&self) -> Peer<'_> {
        Peer {
            addr: self.addr,
            name: self.name.as_deref(),
        }
    }
}
