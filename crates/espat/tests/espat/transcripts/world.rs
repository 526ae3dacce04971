//! The peers of a transcript, on loopback.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};

use std::time::{Duration, Instant};

use espat_core::{CloseHow, Transport};
use espat_script::{Handle, Names, NetAsk, NetHappening, Observed, Request, Text};

use super::fit::Needs;
use super::target::PATIENCE;

/// Everybody that the module can speak with.
pub(super) struct World {
    /// Options of the binary that lead to them.
    pub(super) options: Vec<String>,
    listeners: BTreeMap<SocketAddr, TcpListener>,
    refused: Vec<Handle>,
    datagrams: BTreeMap<SocketAddr, UdpSocket>,
    servers: BTreeMap<u16, SocketAddr>,
    links: BTreeMap<Handle, Peer>,
}

enum Peer {
    Stream(TcpStream),
    /// The remote end, and the module's address once it has sent something.
    Datagrams(SocketAddr, Option<SocketAddr>),
    Server(SocketAddr),
    Closed,
}

impl World {
    pub(super) fn open(needs: &Needs) -> Self {
        let mut world = Self {
            options: vec!["--offline".to_owned()],
            listeners: BTreeMap::new(),
            refused: Vec::new(),
            datagrams: BTreeMap::new(),
            servers: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        for (handle, link) in &needs.links {
            if link.is_refused {
                // Whoever listened there is gone again.
                let closed = TcpListener::bind(loopback(link.remote)).unwrap();
                world.map(link.remote, closed.local_addr().unwrap());
                world.refused.push(*handle);
            } else if link.transport == Transport::Udp {
                world.datagrams_at(link.remote);
                world
                    .links
                    .insert(*handle, Peer::Datagrams(link.remote, None));
            } else if !world.listeners.contains_key(&link.remote) {
                let listener = TcpListener::bind(loopback(link.remote)).unwrap();
                listener.set_nonblocking(true).unwrap();
                world.map(link.remote, listener.local_addr().unwrap());
                world.listeners.insert(link.remote, listener);
            }
        }
        for to in &needs.datagrams_to {
            world.datagrams_at(*to);
        }
        for (name, ip) in &needs.names {
            world
                .options
                .extend(["--map".to_owned(), format!("{name}={ip}")]);
        }
        for port in &needs.servers {
            let free = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap();
            world
                .options
                .extend(["--publish".to_owned(), format!("{port}={free}")]);
            world.servers.insert(*port, free);
        }
        world
    }

    fn datagrams_at(&mut self, remote: SocketAddr) {
        if !self.datagrams.contains_key(&remote) {
            let socket = UdpSocket::bind(loopback(remote)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            self.map(remote, socket.local_addr().unwrap());
            self.datagrams.insert(remote, socket);
        }
    }

    fn map(&mut self, from: SocketAddr, to: SocketAddr) {
        self.options
            .extend(["--map".to_owned(), format!("{from}={to}")]);
    }

    /// Waits for what the module is to ask of the world, and says what it asked.
    pub(super) fn observe(&mut self, wanted: &Request) -> Result<Option<Observed>, String> {
        let Request::Net(handle, ask) = wanted else {
            return Ok(Some(Observed::Ask(wanted.clone())));
        };
        match ask {
            NetAsk::Connect {
                remote, transport, ..
            } => {
                if *transport != Transport::Udp && !self.refused.contains(handle) {
                    let stream = accept(&self.listeners[remote])?;
                    self.links.insert(*handle, Peer::Stream(stream));
                }
            }
            NetAsk::Listen { port, .. } => {
                self.links.insert(*handle, Peer::Server(self.servers[port]));
            }
            NetAsk::Send { bytes, to } => {
                return self
                    .sent(*handle, bytes, to.as_ref().map(|(to, _)| *to))
                    .map(Some);
            }
            NetAsk::Close(how) => self.closed(*handle, *how)?,
            NetAsk::CancelSend | NetAsk::Options(_) | NetAsk::Resolve { .. } | NetAsk::Cancel => {}
            NetAsk::Ping { .. } | NetAsk::TimeSync { .. } | NetAsk::Clock(_) => return Ok(None),
        }
        Ok(Some(Observed::Ask(wanted.clone())))
    }

    fn sent(
        &mut self,
        handle: Handle,
        wanted: &Text,
        to: Option<SocketAddr>,
    ) -> Result<Observed, String> {
        let n = wanted.resolve(&Names::default())?.len();
        let mut buffer = vec![0; n.max(1)];
        match self.links.get_mut(&handle) {
            Some(Peer::Stream(stream)) => {
                let n = stream
                    .read(&mut buffer)
                    .map_err(|e| format!("the peer reads: {e}"))?;
                buffer.truncate(n);
                Ok(Observed::Stream(handle, buffer))
            }
            Some(Peer::Datagrams(remote, module)) => {
                let to = to.unwrap_or(*remote);
                buffer.resize(65536, 0);
                let (n, from) = self.datagrams[&to]
                    .recv_from(&mut buffer)
                    .map_err(|e| format!("no datagram for {to}: {e}"))?;
                *module = Some(from);
                let send = NetAsk::Send {
                    bytes: Text::bytes(&buffer[..n]),
                    to: Some((to, None)),
                };
                Ok(Observed::Ask(Request::Net(handle, send)))
            }
            Some(Peer::Server(_) | Peer::Closed) | None => Err("nobody is there".to_owned()),
        }
    }

    fn closed(&mut self, handle: Handle, how: CloseHow) -> Result<(), String> {
        match self.links.insert(handle, Peer::Closed) {
            Some(Peer::Stream(mut stream)) => {
                let mut rest = Vec::new();
                match (stream.read_to_end(&mut rest), how) {
                    (Ok(_), _) if !rest.is_empty() => {
                        Err(format!("{} bytes came that no line expects", rest.len()))
                    }
                    (Ok(_), CloseHow::Fin) => Ok(()),
                    (Err(e), _) if e.kind() == ErrorKind::ConnectionReset => Ok(()),
                    (Ok(_), CloseHow::Reset | CloseHow::Vanish) => Ok(()),
                    (Err(e), _) => Err(format!("the link was not closed: {e}")),
                }
            }
            Some(Peer::Server(_) | Peer::Datagrams(..) | Peer::Closed) | None => Ok(()),
        }
    }

    /// Does what the world does.
    pub(super) fn act(&mut self, handle: Handle, what: &NetHappening) -> Result<(), String> {
        match what {
            NetHappening::Accepted { socket, .. } => {
                let Some(Peer::Server(at)) = self.links.get(&handle) else {
                    return Err("there is no server".to_owned());
                };
                let client = wait_for("the server", || TcpStream::connect(at).ok())?;
                self.links.insert(*socket, Peer::Stream(ready(client)));
            }
            NetHappening::Data { bytes, .. } => {
                let bytes = bytes.resolve(&Names::default())?;
                match self.links.get_mut(&handle) {
                    Some(Peer::Stream(stream)) => {
                        stream.write_all(&bytes).map_err(|e| e.to_string())?
                    }
                    Some(Peer::Datagrams(remote, Some(module))) => {
                        let sent = self.datagrams[remote].send_to(&bytes, *module);
                        sent.map_err(|e| e.to_string())?;
                    }
                    Some(Peer::Datagrams(_, None) | Peer::Server(_) | Peer::Closed) | None => {
                        return Err("nobody is there".to_owned());
                    }
                }
            }
            NetHappening::Closed(cause) => {
                if let Some(Peer::Stream(stream)) = self.links.get_mut(&handle) {
                    if *cause == espat_core::CloseCause::Reset {
                        let socket =
                            rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO));
                        socket.map_err(|e| e.to_string())?;
                        self.links.insert(handle, Peer::Closed);
                    } else {
                        stream
                            .shutdown(Shutdown::Write)
                            .map_err(|e| e.to_string())?;
                    }
                }
            }
            NetHappening::Connected(_)
            | NetHappening::Failed(_)
            | NetHappening::Listening(_)
            | NetHappening::Sent(_)
            | NetHappening::SendFailed
            | NetHappening::Resolved(_)
            | NetHappening::Pong(_)
            | NetHappening::Time(_) => {}
        }
        Ok(())
    }

    /// What came over a stream that no line expects.
    pub(super) fn leftover(&mut self) -> Option<Observed> {
        self.links.iter_mut().find_map(|(handle, peer)| {
            let Peer::Stream(stream) = peer else {
                return None;
            };
            stream.set_nonblocking(true).ok()?;
            let mut buffer = [0; 4096];
            let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
            Some(Observed::Stream(*handle, buffer[..n].to_vec()))
        })
    }
}

fn accept(listener: &TcpListener) -> Result<TcpStream, String> {
    let accepted = wait_for("the module's connection", || listener.accept().ok())?;
    Ok(ready(accepted.0))
}

/// Looks again until there is one.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() >= end {
            return Err(format!("{what} did not come in {PATIENCE:?}"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ready(stream: TcpStream) -> TcpStream {
    stream.set_nonblocking(false).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Any port of the loopback address of the same family.
fn loopback(remote: SocketAddr) -> SocketAddr {
    let ip: IpAddr = if remote.is_ipv4() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        Ipv6Addr::LOCALHOST.into()
    };
    SocketAddr::new(ip, 0)
}
