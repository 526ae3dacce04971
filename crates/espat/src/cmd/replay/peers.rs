//! The peers of a transcript, on real sockets of this computer.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::time::{Duration, Instant};

use espat_core::{CloseCause, CloseHow, Transport};
use espat_host::Publish;
use espat_script::{
    Handle, Names, NetAsk, NetHappening, Observed, PeerKind, Plan, Request, Text, peer_address,
};
use rustix::net::sockopt::set_socket_linger;

use super::fit::Needs;

/// Where peers are and where the module is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// This computer, as the module reaches it.
    pub(super) ip: Ipv4Addr,
    pub(super) ip6: Option<Ipv6Addr>,
    /// The module, as this computer reaches it; `None`: not known.
    pub(super) module_ip: Option<IpAddr>,
    /// Where its servers are reached, where that is elsewhere.
    pub(super) reach: Vec<Publish>,
    /// How long anything may take.
    pub(super) patience: Duration,
}

impl Place {
    /// Where the module's server on that port is.
    fn server(&self, port: u16) -> Option<SocketAddr> {
        let elsewhere = self.reach.iter().find(|reach| reach.port == port);
        let here = self.module_ip.map(|ip| SocketAddr::new(ip, port));
        elsewhere.map(|reach| reach.at).or(here)
    }

    pub(super) fn knows_server(&self, port: u16) -> bool {
        self.server(port).is_some()
    }
}

/// Everybody that the module can speak with.
pub(super) struct World {
    /// Addresses of the transcript, and what they are here.
    pub(super) addresses: BTreeMap<SocketAddr, SocketAddr>,
    /// What names in the transcript stand for.
    pub(super) names: Names,
    place: Place,
    listeners: BTreeMap<SocketAddr, TcpListener>,
    refused: Vec<Handle>,
    datagrams: BTreeMap<SocketAddr, UdpSocket>,
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
    /// Opens a socket for everybody that is needed.
    ///
    /// # Errors
    /// What cannot be opened.
    pub(super) fn open(needs: &Needs, plan: &Plan, place: &Place) -> Result<Self, String> {
        let mut world = Self {
            addresses: BTreeMap::new(),
            names: Names {
                secrets: plan.secrets.clone(),
                ..Names::default()
            },
            place: place.clone(),
            listeners: BTreeMap::new(),
            refused: Vec::new(),
            datagrams: BTreeMap::new(),
            links: BTreeMap::new(),
        };
        for (handle, link) in &needs.links {
            if link.is_refused {
                // Whoever listened there is gone again.
                let closed = world.listener(link.remote)?;
                world.note(link.remote, closed.local_addr())?;
                world.refused.push(*handle);
            } else if link.transport == Transport::Udp {
                world.datagrams_at(link.remote)?;
                let peer = Peer::Datagrams(link.remote, None);
                world.links.insert(*handle, peer);
            } else {
                world.listen_at(link.remote)?;
            }
        }
        for to in &needs.datagrams_to {
            world.datagrams_at(*to)?;
        }
        for (n, kind) in &plan.peers {
            let shown = peer_address(*n);
            match kind {
                PeerKind::Udp => world.datagrams_at(shown)?,
                PeerKind::Tcp | PeerKind::Tls if world.addresses.contains_key(&shown) => {}
                PeerKind::Tcp | PeerKind::Tls => world.listen_at(shown)?,
            }
            let real = world.addresses.get(&shown).copied();
            world.names.peers.extend(real.map(|real| (*n, real)));
        }
        Ok(world)
    }

    fn listen_at(&mut self, remote: SocketAddr) -> Result<(), String> {
        if self.listeners.contains_key(&remote) {
            return Ok(());
        }
        let listener = self.listener(remote)?;
        let nonblocking = listener.set_nonblocking(true);
        nonblocking.map_err(|e| format!("a peer cannot wait for the module: {e}"))?;
        self.note(remote, listener.local_addr())?;
        self.listeners.insert(remote, listener);
        Ok(())
    }

    fn listener(&self, remote: SocketAddr) -> Result<TcpListener, String> {
        let at = self.near(remote)?;
        TcpListener::bind(at).map_err(|e| format!("a peer cannot listen on {}: {e}", at.ip()))
    }

    fn datagrams_at(&mut self, remote: SocketAddr) -> Result<(), String> {
        if self.datagrams.contains_key(&remote) {
            return Ok(());
        }
        let at = self.near(remote)?;
        let failed = |e| format!("a peer cannot have a UDP port of {}: {e}", at.ip());
        let socket = UdpSocket::bind(at).map_err(failed)?;
        let patience = socket.set_read_timeout(Some(self.place.patience));
        patience.map_err(failed)?;
        self.note(remote, socket.local_addr())?;
        self.datagrams.insert(remote, socket);
        Ok(())
    }

    fn note(
        &mut self,
        remote: SocketAddr,
        here: std::io::Result<SocketAddr>,
    ) -> Result<(), String> {
        let here = here.map_err(|e| format!("a peer has no address: {e}"))?;
        self.addresses.insert(remote, here);
        Ok(())
    }

    /// Any port of this computer's address of the same family; the one that the remote end has here already where it speaks
    /// TCP and UDP.
    fn near(&self, remote: SocketAddr) -> Result<SocketAddr, String> {
        if let Some(here) = self.addresses.get(&remote) {
            return Ok(*here);
        }
        let ip: IpAddr = if remote.is_ipv4() {
            self.place.ip.into()
        } else {
            let ip6 = self.place.ip6;
            ip6.ok_or("a peer has an IPv6 address: give this computer's by --ip6")?
                .into()
        };
        Ok(SocketAddr::new(ip, 0))
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
                    let stream = accept(&self.listeners[remote], self.place.patience)?;
                    self.links.insert(*handle, Peer::Stream(stream));
                }
            }
            NetAsk::Listen { port, .. } => {
                let at = self.place.server(*port).ok_or("the module is nowhere")?;
                self.links.insert(*handle, Peer::Server(at));
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
        let n = wanted.byte_count(&self.names).unwrap_or_default();
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
                let client = wait_for("the server", self.place.patience, || {
                    TcpStream::connect(at).ok()
                })?;
                let client = ready(client, self.place.patience)?;
                self.links.insert(*socket, Peer::Stream(client));
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
                    if *cause == CloseCause::Reset {
                        set_socket_linger(&*stream, Some(Duration::ZERO))
                            .map_err(|e| e.to_string())?;
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

fn accept(listener: &TcpListener, patience: Duration) -> Result<TcpStream, String> {
    let accepted = wait_for("the module's connection", patience, || {
        listener.accept().ok()
    })?;
    ready(accepted.0, patience)
}

/// Looks again until there is one.
fn wait_for<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, String> {
    const PAUSE: Duration = Duration::from_millis(2);
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() >= end {
            return Err(format!("{what} did not come in {patience:?}"));
        }
        std::thread::sleep(PAUSE);
    }
}

fn ready(stream: TcpStream, patience: Duration) -> Result<TcpStream, String> {
    let set = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_nodelay(true))
        .and_then(|()| stream.set_read_timeout(Some(patience)));
    set.map_err(|e| format!("the socket of a peer cannot be used: {e}"))?;
    Ok(stream)
}
