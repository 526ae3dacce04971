//! What the core asks of the simulated network.

use espat_core::{Connect, NetRequest, Peer, QueryId, Service, SocketId, Transport};

use super::network::{Network, QueryKind, numbered};
use super::socket::{Kind, Socket};
use crate::handle::Handle;
use crate::request::NetAsk;
use crate::text::Text;
use crate::tls::{TlsAsk, TlsListenAsk};

/// What a request of the core comes to.
pub(crate) enum Asked<'a> {
    /// Read and accept credit: nothing to show.
    Quietly,
    /// Payload for a byte stream.
    Stream(Handle, &'a [u8]),
    /// Anything else.
    Net(Handle, NetAsk),
    /// A service to announce, or none.
    Mdns(Option<Service>),
}

impl Network {
    /// Takes a request of the core.
    pub(crate) fn ask<'a>(&mut self, request: &NetRequest<'a>) -> Result<Asked<'a>, String> {
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

    fn ask_connect(&mut self, socket: SocketId, to: &Connect) -> Result<Asked<'static>, String> {
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

    fn ask_send<'a>(
        &mut self,
        socket: SocketId,
        to: Option<Peer<'_>>,
        bytes: &'a [u8],
    ) -> Result<Asked<'a>, String> {
        let (handle, socket) = self.socket(socket)?;
        socket.unsent += bytes.len();
        if to.is_none() && socket.kind == Kind::Tcp {
            return Ok(Asked::Stream(handle, bytes));
        }
        let ask = NetAsk::Send {
            bytes: Text::compressed(bytes),
            to: to.map(|peer| (peer.addr, name_of(&peer))),
        };
        Ok(Asked::Net(handle, ask))
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

fn name_of(peer: &Peer<'_>) -> Option<String> {
    peer.name.map(str::to_owned)
}
