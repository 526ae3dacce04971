//! The simulated network: names sockets and queries in the order in which they appear, keeps read and accept credit,
//! and holds data back until there is credit for it, as a kernel does.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use espat_core::{Heard, QueryId, SocketId};

use super::socket::{Kind, Socket, Waiting};
use crate::event::NetHappening;
use crate::handle::Handle;
use crate::text::{Piece, Text};

#[derive(Debug)]
pub(crate) struct Network {
    station_ip: Ipv4Addr,
    pub(super) sockets: BTreeMap<Handle, Socket>,
    pub(super) handles: BTreeMap<SocketId, Handle>,
    pub(super) queries: Vec<(QueryId, QueryKind)>,
    /// Sockets and queries from before may be there, and are called by their numbers.
    pub(super) is_joined: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum QueryKind {
    Resolve,
    Ping,
    TimeSync,
}

impl Network {
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

    /// The station has another address, which clients of its server reach from here on.
    pub(crate) const fn set_station_ip(&mut self, ip: Ipv4Addr) {
        self.station_ip = ip;
    }

    /// Lets something happen; gives what goes to the core at once, the rest waits for credit.
    pub(crate) fn happen(
        &mut self,
        handle: Handle,
        what: &NetHappening,
    ) -> Result<Option<Heard>, String> {
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
            NetHappening::Connected(local) => Heard::Connected {
                socket: id,
                local: *local,
            },
            NetHappening::Failed(error) => Heard::Failed {
                socket: id,
                error: *error,
            },
            NetHappening::Listening(port) => Heard::Listening {
                listener: id,
                port: *port,
            },
            NetHappening::Sent(n) => {
                socket.unsent = socket.unsent.checked_sub(*n).ok_or_else(|| {
                    format!(
                        "{handle} was given {} bytes that are not sent yet, not {n}",
                        socket.unsent
                    )
                })?;
                Heard::Sent { socket: id, n: *n }
            }
            NetHappening::SendFailed => {
                socket.unsent = 0;
                Heard::SendFailed { socket: id }
            }
            NetHappening::Data { bytes, from, wire } => {
                socket.push_data(handle, plain(bytes), *from, *wire)?;
                return Ok(None);
            }
            NetHappening::Closed(cause) if socket.is_closed => Heard::Closed {
                socket: id,
                cause: *cause,
            },
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
    pub(crate) fn next_delivery(&mut self) -> Option<Heard> {
        let handle = self
            .sockets
            .iter()
            .find(|(_, socket)| socket.is_ready())
            .map(|(handle, _)| *handle)?;
        let socket = self.sockets.get_mut(&handle)?;
        let id = socket.id;
        match socket.waiting.pop_front()? {
            Waiting::Closed(cause) => Some(Heard::Closed { socket: id, cause }),
            Waiting::Client {
                socket: client,
                peer,
                local,
            } => {
                socket.credit -= 1;
                let client = self.sockets.get_mut(&client)?;
                client.kind = Kind::Tcp;
                Some(Heard::Accepted {
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
                Some(Heard::Data {
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

    fn answer(&self, number: u32, what: &NetHappening) -> Result<Heard, String> {
        let query = usize::try_from(number)
            .ok()
            .and_then(|n| self.queries.get(n));
        let &(id, kind) = query.ok_or_else(|| format!("there is no q{number} yet"))?;
        let delivery = match (kind, what) {
            (QueryKind::Resolve, NetHappening::Resolved(ips)) => Heard::Resolved {
                query: id,
                result: Ok(ips.clone()),
            },
            (QueryKind::Resolve, NetHappening::Failed(error)) => Heard::Resolved {
                query: id,
                result: Err(*error),
            },
            (QueryKind::Ping, NetHappening::Pong(time)) => Heard::Pinged {
                query: id,
                result: Ok(*time),
            },
            (QueryKind::Ping, NetHappening::Failed(error)) => Heard::Pinged {
                query: id,
                result: Err(*error),
            },
            (QueryKind::TimeSync, NetHappening::Time(us)) => Heard::TimeSynced {
                query: id,
                result: Ok(*us),
            },
            (QueryKind::TimeSync, NetHappening::Failed(error)) => Heard::TimeSynced {
                query: id,
                result: Err(*error),
            },
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
}

/// What a socket is called by its own number.
pub(super) const fn numbered(id: SocketId) -> Handle {
    if id.is_accepted() {
        Handle::Accepted(id.number())
    } else {
        Handle::Socket(id.number())
    }
}

/// The runner has resolved everything else.
fn plain(text: &Text) -> Vec<u8> {
    match text.pieces.as_slice() {
        [Piece::Bytes(bytes)] => bytes.clone(),
        _ => Vec::new(),
    }
}
