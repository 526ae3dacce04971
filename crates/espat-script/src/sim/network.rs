//! The simulated network: names sockets and queries in the order in which they appear, keeps read and accept credit,
//! and holds data back until there is credit for it, as a kernel does.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use espat_core::{
    CloseCause, Connect, Duration, NetError, NetEvent, NetRequest, Peer, QueryId, Service,
    SocketId, Transport,
};

use crate::event::NetHappening;
use crate::request::{Handle, NetAsk};
use crate::text::{Piece, Text};
use crate::tls::{TlsAsk, TlsListenAsk};

/// What a request of the core comes to.
pub(crate) enum Asked {
    /// Read and accept credit: nothing to show.
    Quietly,
    /// Payload for a byte stream.
    Stream(Handle, Vec<u8>),
    /// Anything else.
    Net(Handle, NetAsk),
    /// A service to announce, or none.
    Mdns(Option<Service>),
}

/// An event that owns its data.
#[derive(Debug)]
pub(crate) enum Delivery {
    Connected(SocketId, SocketAddr),
    Failed(SocketId, NetError),
    Listening(SocketId, u16),
    Accepted {
        listener: SocketId,
        socket: SocketId,
        peer: SocketAddr,
        local: SocketAddr,
    },
    Sent(SocketId, usize),
    SendFailed(SocketId),
    Data {
        socket: SocketId,
        from: Option<SocketAddr>,
        bytes: Vec<u8>,
        wire_len: usize,
    },
    Closed(SocketId, CloseCause),
    Resolved(QueryId, Result<Vec<IpAddr>, NetError>),
    Pinged(QueryId, Result<Duration, NetError>),
    TimeSynced(QueryId, Result<u64, NetError>),
}

#[derive(Debug)]
pub(crate) struct Network {
    station_ip: Ipv4Addr,
    sockets: BTreeMap<Handle, Socket>,
    handles: BTreeMap<SocketId, Handle>,
    queries: Vec<(QueryId, QueryKind)>,
    /// Sockets and queries from before may be there, and are called by their numbers.
    is_joined: bool,
}

#[derive(Debug)]
struct Socket {
    id: SocketId,
    kind: Kind,
    /// Bytes, datagrams or clients that may be handed over.
    credit: usize,
    waiting: VecDeque<Waiting>,
    /// Bytes that `sent` has not told of yet.
    unsent: usize,
    is_closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tcp,
    Udp,
    Listener(u16),
    /// In a listener's backlog: not known to the core yet.
    Backlog,
}

#[derive(Clone, Copy, Debug)]
enum QueryKind {
    Resolve,
    Ping,
    TimeSync,
}

#[derive(Debug)]
enum Waiting {
    Data {
        bytes: VecDeque<u8>,
        from: Option<SocketAddr>,
        wire_extra: usize,
    },
    Client {
        socket: Handle,
        peer: SocketAddr,
        local: SocketAddr,
    },
    Closed(CloseCause),
}

impl Delivery {
    pub(crate) fn event(&self) -> NetEvent<'_> {
        match self {
            Self::Connected(socket, local) => NetEvent::Connected {
                socket: *socket,
                local: *local,
            },
            Self::Failed(socket, error) => NetEvent::Failed {
                socket: *socket,
                error: *error,
            },
            Self::Listening(listener, port) => NetEvent::Listening {
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
            Self::Sent(socket, n) => NetEvent::Sent {
                socket: *socket,
                n: *n,
            },
            Self::SendFailed(socket) => NetEvent::SendFailed { socket: *socket },
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
            Self::Closed(socket, cause) => NetEvent::Closed {
                socket: *socket,
                cause: *cause,
            },
            Self::Resolved(query, result) => NetEvent::Resolved {
                query: *query,
                result: result.as_ref().map(Vec::as_slice).map_err(|e| *e),
            },
            Self::Pinged(query, result) => NetEvent::Pinged {
                query: *query,
                result: *result,
            },
            Self::TimeSynced(query, result) => NetEvent::TimeSynced {
                query: *query,
                result: *result,
            },
        }
    }
}

impl Network {
    /// The station has another address, which clients of its server reach from here on.
    pub(crate) const fn set_station_ip(&mut self, ip: Ipv4Addr) {
        self.station_ip = ip;
    }

    pub(crate) const fn new(station_ip: Ipv4Addr) -> Self {
        Self {
            station_ip,
            sockets: BTreeMap::new(),
            handles: BTreeMap::new(),
            queries: Vec::new(),
            is_joined: false,
        }
    }

    /// A network that is met in the middle.
    pub(crate) fn joined(station_ip: Ipv4Addr) -> Self {
        Self {
            is_joined: true,
            ..Self::new(station_ip)
        }
    }

    /// Takes a request of the core.
    pub(crate) fn ask(&mut self, request: &NetRequest<'_>) -> Result<Asked, String> {
        let asked = match *request {
            NetRequest::Connect { socket, to } => self.ask_connect(socket, to)?,
            NetRequest::Listen { listener, on } => {
                let ask = NetAsk::Listen {
                    port: on.port,
                    options: on.options,
                    tls: on.tls.as_ref().map(TlsListenAsk::of),
                };
                Asked::Net(self.new_socket(listener, Kind::Listener(on.port))?, ask)
            }
            NetRequest::Accept { listener } => {
                self.socket(listener)?.1.credit += 1;
                Asked::Quietly
            }
            NetRequest::Read { socket, max } => {
                self.socket(socket)?.1.credit = max;
                Asked::Quietly
            }
            NetRequest::Send { socket, to, bytes } => self.ask_send(socket, to, bytes)?,
            NetRequest::CancelSend { socket } => {
                let (handle, socket) = self.socket(socket)?;
                socket.unsent = 0;
                Asked::Net(handle, NetAsk::CancelSend)
            }
            NetRequest::Options { socket, options } => {
                Asked::Net(self.socket(socket)?.0, NetAsk::Options(options))
            }
            NetRequest::Clock { listener, unix_s } => {
                Asked::Net(self.socket(listener)?.0, NetAsk::Clock(unix_s))
            }
            NetRequest::Close { socket, how } => {
                let (handle, socket) = self.socket(socket)?;
                socket.is_closed = true;
                socket.waiting.clear();
                Asked::Net(handle, NetAsk::Close(how))
            }
            NetRequest::Resolve {
                query,
                name,
                family,
                servers,
                ..
            } => {
                let (name, servers) = (name.to_owned(), servers.to_vec());
                let ask = NetAsk::Resolve {
                    name,
                    family,
                    servers,
                };
                Asked::Net(self.new_query(query, QueryKind::Resolve)?, ask)
            }
            NetRequest::Ping {
                query, peer, len, ..
            } => {
                let (ip, name) = (peer.addr.ip(), name_of(&peer));
                let ask = NetAsk::Ping { ip, name, len };
                Asked::Net(self.new_query(query, QueryKind::Ping)?, ask)
            }
            NetRequest::TimeSync { query, server, .. } => {
                let (server, name) = (server.addr, name_of(&server));
                let ask = NetAsk::TimeSync { server, name };
                Asked::Net(self.new_query(query, QueryKind::TimeSync)?, ask)
            }
            NetRequest::Cancel { query } => Asked::Net(self.query(query)?, NetAsk::Cancel),
            NetRequest::Advertise { service } => Asked::Mdns(service.cloned()),
        };
        Ok(asked)
    }

    fn ask_connect(&mut self, socket: SocketId, to: &Connect) -> Result<Asked, String> {
        let kind = if to.transport == Transport::Udp {
            Kind::Udp
        } else {
            Kind::Tcp
        };
        let ask = NetAsk::Connect {
            transport: to.transport,
            remote: to.remote,
            name: to.name.clone(),
            local_ip: to.local_ip,
            local_port: to.local_port,
            options: to.options,
            tls: to.tls.as_deref().map(|tls| Box::new(TlsAsk::of(tls))),
        };
        Ok(Asked::Net(self.new_socket(socket, kind)?, ask))
    }

    fn ask_send(
        &mut self,
        socket: SocketId,
        to: Option<Peer<'_>>,
        bytes: &[u8],
    ) -> Result<Asked, String> {
        let (handle, socket) = self.socket(socket)?;
        socket.unsent += bytes.len();
        if to.is_none() && socket.kind == Kind::Tcp {
            return Ok(Asked::Stream(handle, bytes.to_vec()));
        }
        let ask = NetAsk::Send {
            bytes: Text::compressed(bytes),
            to: to.map(|peer| (peer.addr, name_of(&peer))),
        };
        Ok(Asked::Net(handle, ask))
    }

    /// Lets something happen; gives what goes to the core at once, the rest waits for credit.
    pub(crate) fn happen(
        &mut self,
        handle: Handle,
        what: &NetHappening,
    ) -> Result<Option<Delivery>, String> {
        if let Handle::Query(number) = handle {
            return self.answer(number, what).map(Some);
        }
        if let NetHappening::Accepted {
            socket,
            peer,
            local,
        } = what
        {
            return self.client(handle, *socket, *peer, *local).map(|()| None);
        }
        let socket = self
            .sockets
            .get_mut(&handle)
            .ok_or_else(|| format!("there is no {handle} yet"))?;
        let id = socket.id;
        let delivery = match what {
            NetHappening::Connected(local) => Delivery::Connected(id, *local),
            NetHappening::Failed(error) => Delivery::Failed(id, *error),
            NetHappening::Listening(port) => Delivery::Listening(id, *port),
            NetHappening::Sent(n) => {
                socket.unsent = socket.unsent.checked_sub(*n).ok_or_else(|| {
                    format!(
                        "{handle} was given {} bytes that are not sent yet, not {n}",
                        socket.unsent
                    )
                })?;
                Delivery::Sent(id, *n)
            }
            NetHappening::SendFailed => {
                socket.unsent = 0;
                Delivery::SendFailed(id)
            }
            NetHappening::Data { .. } if socket.is_closed => {
                return Err(format!(
                    "the module has closed {handle}: no data can reach it"
                ));
            }
            NetHappening::Data { bytes, from, wire } => {
                let bytes: VecDeque<u8> = plain(bytes).into();
                if bytes.is_empty() && socket.kind != Kind::Udp {
                    return Err("a byte stream has no empty data".into());
                }
                let wire_extra = wire.unwrap_or(bytes.len()).saturating_sub(bytes.len());
                socket.waiting.push_back(Waiting::Data {
                    bytes,
                    from: *from,
                    wire_extra,
                });
                return Ok(None);
            }
            NetHappening::Closed(cause) if socket.is_closed => Delivery::Closed(id, *cause),
            NetHappening::Closed(cause) => {
                socket.waiting.push_back(Waiting::Closed(*cause));
                return Ok(None);
            }
            NetHappening::Accepted { .. }
            | NetHappening::Resolved(_)
            | NetHappening::Pong(_)
            | NetHappening::Time(_) => return Err(format!("that cannot happen to {handle}")),
        };
        Ok(Some(delivery))
    }

    /// What a socket is called.
    pub(crate) fn handle_of(&self, id: SocketId) -> Option<Handle> {
        let known = self.handles.get(&id).copied();
        known.or_else(|| self.is_joined.then(|| numbered(id)))
    }

    /// What a query is called.
    pub(crate) fn query_of(&self, id: QueryId) -> Option<Handle> {
        if self.is_joined {
            return Some(Handle::Query(id.number()));
        }
        let number = self.queries.iter().position(|(known, _)| *known == id)?;
        u32::try_from(number).ok().map(Handle::Query)
    }

    /// Learns of a client that real sockets accepted.
    pub(crate) fn note_client(&mut self, id: SocketId) -> Handle {
        let handle = Handle::Accepted(id.number());
        self.handles.insert(id, handle);
        self.sockets.insert(handle, Socket::new(id, Kind::Tcp));
        handle
    }

    /// What has credit now.
    pub(crate) fn next_delivery(&mut self) -> Option<Delivery> {
        let handle = self
            .sockets
            .iter()
            .find(|(_, socket)| socket.is_ready())
            .map(|(handle, _)| *handle)?;
        let socket = self.sockets.get_mut(&handle)?;
        let id = socket.id;
        match socket.waiting.pop_front()? {
            Waiting::Closed(cause) => Some(Delivery::Closed(id, cause)),
            Waiting::Client {
                socket: client,
                peer,
                local,
            } => {
                socket.credit -= 1;
                let client = self.sockets.get_mut(&client)?;
                client.kind = Kind::Tcp;
                Some(Delivery::Accepted {
                    listener: id,
                    socket: client.id,
                    peer,
                    local,
                })
            }
            Waiting::Data {
                mut bytes,
                from,
                wire_extra,
            } => {
                let credit = std::mem::take(&mut socket.credit);
                let len = if socket.kind == Kind::Udp {
                    bytes.len()
                } else {
                    bytes.len().min(credit)
                };
                let piece: Vec<u8> = bytes.drain(..len).collect();
                let mut wire_len = piece.len();
                if bytes.is_empty() {
                    wire_len += wire_extra;
                } else {
                    socket.waiting.push_front(Waiting::Data {
                        bytes,
                        from,
                        wire_extra,
                    });
                }
                Some(Delivery::Data {
                    socket: id,
                    from,
                    bytes: piece,
                    wire_len,
                })
            }
        }
    }

    fn client(
        &mut self,
        listener: Handle,
        client: Handle,
        peer: SocketAddr,
        local: Option<SocketAddr>,
    ) -> Result<(), String> {
        let Handle::Accepted(number) = client else {
            return Err("a client is a0, a1, ...".into());
        };
        if self.sockets.contains_key(&client) {
            return Err(format!(
                "there was a {client} before: a client needs a new number"
            ));
        }
        let entry = self
            .sockets
            .get_mut(&listener)
            .filter(|socket| !socket.is_closed);
        let entry = entry.ok_or_else(|| format!("{listener} does not listen"))?;
        let Kind::Listener(port) = entry.kind else {
            return Err(format!("{listener} is no listener"));
        };
        let local = local.unwrap_or_else(|| SocketAddr::from((self.station_ip, port)));
        entry.waiting.push_back(Waiting::Client {
            socket: client,
            peer,
            local,
        });
        let id = SocketId::accepted(number);
        self.handles.insert(id, client);
        self.sockets.insert(client, Socket::new(id, Kind::Backlog));
        Ok(())
    }

    fn answer(&self, number: u32, what: &NetHappening) -> Result<Delivery, String> {
        let query = usize::try_from(number)
            .ok()
            .and_then(|n| self.queries.get(n));
        let &(id, kind) = query.ok_or_else(|| format!("there is no q{number} yet"))?;
        let delivery = match (kind, what) {
            (QueryKind::Resolve, NetHappening::Resolved(ips)) => {
                Delivery::Resolved(id, Ok(ips.clone()))
            }
            (QueryKind::Resolve, NetHappening::Failed(error)) => {
                Delivery::Resolved(id, Err(*error))
            }
            (QueryKind::Ping, NetHappening::Pong(time)) => Delivery::Pinged(id, Ok(*time)),
            (QueryKind::Ping, NetHappening::Failed(error)) => Delivery::Pinged(id, Err(*error)),
            (QueryKind::TimeSync, NetHappening::Time(us)) => Delivery::TimeSynced(id, Ok(*us)),
            (QueryKind::TimeSync, NetHappening::Failed(error)) => {
                Delivery::TimeSynced(id, Err(*error))
            }
            (QueryKind::Resolve, _) => {
                return Err(format!("q{number} is answered by `resolved` or `failed`"));
            }
            (QueryKind::Ping, _) => {
                return Err(format!("q{number} is answered by `pong` or `failed`"));
            }
            (QueryKind::TimeSync, _) => {
                return Err(format!("q{number} is answered by `time` or `failed`"));
            }
        };
        Ok(delivery)
    }

    fn new_socket(&mut self, id: SocketId, kind: Kind) -> Result<Handle, String> {
        let number = self
            .sockets
            .keys()
            .filter(|h| matches!(h, Handle::Socket(_)))
            .count();
        let handle = if self.is_joined {
            numbered(id)
        } else {
            Handle::Socket(u32::try_from(number).unwrap_or(u32::MAX))
        };
        if self.handles.insert(id, handle).is_some() {
            return Err(format!("the module uses the socket {id} twice"));
        }
        self.sockets.insert(handle, Socket::new(id, kind));
        Ok(handle)
    }

    fn new_query(&mut self, id: QueryId, kind: QueryKind) -> Result<Handle, String> {
        if self.queries.iter().any(|(known, _)| *known == id) {
            return Err(format!("the module uses the query {id} twice"));
        }
        self.queries.push((id, kind));
        if self.is_joined {
            return Ok(Handle::Query(id.number()));
        }
        Ok(Handle::Query(
            u32::try_from(self.queries.len() - 1).unwrap_or(u32::MAX),
        ))
    }

    fn query(&self, id: QueryId) -> Result<Handle, String> {
        let handle = self.query_of(id);
        handle.ok_or_else(|| format!("the module cancels {id}, which it never asked"))
    }

    fn socket(&mut self, id: SocketId) -> Result<(Handle, &mut Socket), String> {
        if self.is_joined && !self.handles.contains_key(&id) {
            self.handles.insert(id, numbered(id));
            let socket = Socket::new(id, Kind::Tcp);
            self.sockets.entry(numbered(id)).or_insert(socket);
        }
        let handle = self.handles.get(&id).copied();
        let found = handle.and_then(|handle| Some((handle, self.sockets.get_mut(&handle)?)));
        let (handle, socket) =
            found.ok_or_else(|| format!("the module uses {id}, which it never opened"))?;
        if socket.is_closed {
            return Err(format!("the module uses {handle} after it closed it"));
        }
        Ok((handle, socket))
    }
}

impl Socket {
    const fn new(id: SocketId, kind: Kind) -> Self {
        Self {
            id,
            kind,
            credit: 0,
            waiting: VecDeque::new(),
            unsent: 0,
            is_closed: false,
        }
    }

    fn is_ready(&self) -> bool {
        match self.waiting.front() {
            None => false,
            Some(_) if self.kind == Kind::Backlog => false,
            Some(Waiting::Closed(_)) => true,
            Some(Waiting::Data { .. } | Waiting::Client { .. }) => self.credit > 0,
        }
    }
}

/// What a socket is called by its own number.
const fn numbered(id: SocketId) -> Handle {
    if id.is_accepted() {
        Handle::Accepted(id.number())
    } else {
        Handle::Socket(id.number())
    }
}

fn name_of(peer: &Peer<'_>) -> Option<String> {
    peer.name.map(str::to_owned)
}

/// The runner has resolved everything else.
fn plain(text: &Text) -> Vec<u8> {
    match text.pieces.as_slice() {
        [Piece::Bytes(bytes)] => bytes.clone(),
        _ => Vec::new(),
    }
}
