//! A UDP link: bound where the module's address and the remote end ask for it; datagrams wait in a bounded queue.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll, ready};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::NetOptions;
use super::capture::{DatagramTap, Way};

/// Addresses that one link remembers the mapping of.
const MAPPED_MAX: usize = 16;

/// A UDP socket of the module.
#[derive(Debug)]
pub(super) struct UdpLink {
    socket: UdpSocket,
    /// The local address has been told.
    is_announced: bool,
    /// Where datagrams without a target of their own go.
    pub(super) remote: SocketAddr,
    /// Real addresses and what the module knows them as, the last used at the end.
    mapped: Vec<(SocketAddr, SocketAddr)>,
    waiting: VecDeque<(SocketAddr, Box<[u8]>)>,
    waiting_max: usize,
    /// Datagrams that the kernel had no room for.
    unsent: VecDeque<(SocketAddr, Box<[u8]>)>,
    sent: usize,
    credit: Option<usize>,
    credit_max: usize,
    /// Datagrams thrown away, in all and since the last look.
    dropped_ever: u64,
    dropped: usize,
    tap: DatagramTap,
}

/// What a UDP link has to tell.
#[derive(Debug)]
pub(super) enum UdpEvent {
    Bound(SocketAddr),
    Sent(usize),
    /// A datagram of so many bytes.
    Data(usize, SocketAddr),
}

impl UdpLink {
    /// Binds the link's local port, or a free one where it cannot be had.
    pub(super) fn open(remote: SocketAddr, local_port: u16, net: &NetOptions) -> io::Result<Self> {
        let ip = local_ip(remote.ip(), net);
        let socket = match bind(remote, ip, local_port, net) {
            Ok(socket) => socket,
            Err(error) if local_port != 0 => {
                let socket = bind(remote, ip, 0, net)?;
                let free = socket.local_addr()?;
                tracing::warn!(
                    "UDP port {local_port} of {ip} cannot be bound ({error}), the link has {free}"
                );
                socket
            }
            Err(error) => return Err(error),
        };
        let station = station_ip(remote.ip(), net);
        let tap = DatagramTap::new(net.capture.as_ref(), socket.local_addr(), station);
        Ok(Self {
            tap,
            socket,
            is_announced: false,
            remote,
            mapped: Vec::new(),
            waiting: VecDeque::new(),
            waiting_max: net.datagrams_max,
            unsent: VecDeque::new(),
            sent: 0,
            credit: None,
            credit_max: 0,
            dropped_ever: 0,
            dropped: 0,
        })
    }

    /// From now on datagrams from `real` are shown as coming from `shown`.
    pub(super) fn remember(&mut self, real: SocketAddr, shown: SocketAddr) {
        self.mapped.retain(|(known, _)| *known != real);
        if real == shown {
            return;
        }
        if self.mapped.len() == MAPPED_MAX {
            self.mapped.remove(0);
        }
        self.mapped.push((real, shown));
    }

    pub(super) fn set_credit(&mut self, max: usize) {
        self.credit = Some(max).filter(|&max| max > 0);
        self.credit_max = self.credit_max.max(max);
    }

    /// Takes a datagram over. One that the network refuses is lost, as datagrams are.
    pub(super) fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        if self.unsent.is_empty() {
            match self.socket.try_send_to(bytes, to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return self.on_sent(to, bytes, result),
            }
        }
        self.unsent.push_back((to, bytes.into()));
    }

    /// Bytes taken by the kernel and not told of.
    pub(super) fn take_sent(&mut self) -> usize {
        std::mem::take(&mut self.sent)
    }

    /// Gives the bytes that the kernel took and nobody is told of any more.
    pub(super) fn cancel_send(&mut self) -> usize {
        self.unsent.clear();
        self.take_sent()
    }

    /// Counts datagrams that never went anywhere as sent: the module cannot know.
    pub(super) fn lose(&mut self, bytes: usize) {
        self.sent += bytes;
        self.dropped += 1;
    }

    /// Datagrams thrown away since the last call.
    pub(super) fn take_dropped(&mut self) -> usize {
        std::mem::take(&mut self.dropped)
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<UdpEvent>> {
        if !self.is_announced {
            self.is_announced = true;
            return Poll::Ready(self.socket.local_addr().map(UdpEvent::Bound));
        }
        self.poll_flush(cx);
        if self.sent > 0 {
            return Poll::Ready(Ok(UdpEvent::Sent(self.take_sent())));
        }
        if let Some(event) = self.take_waiting(buffer) {
            return Poll::Ready(Ok(event));
        }
        loop {
            let (n, from) = match ready!(self.socket.poll_recv_ready(cx))
                .and_then(|()| self.socket.try_recv_from(buffer))
            {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => {
                    tracing::debug!("a datagram cannot be received: {error}");
                    continue;
                }
            };
            self.tap.udp(Way::In, from, &buffer[..n]);
            // A datagram that fills the buffer may have lost its end.
            if n == buffer.len() || (self.credit_max > 0 && n > self.credit_max) {
                self.drop_one(n, from);
            } else if self.waiting.is_empty() && self.credit.is_some_and(|credit| credit >= n) {
                self.credit = None;
                return Poll::Ready(Ok(UdpEvent::Data(n, self.shown(from))));
            } else if self.waiting.len() < self.waiting_max {
                self.waiting.push_back((from, buffer[..n].into()));
            } else {
                self.drop_one(n, from);
            }
        }
    }

    fn take_waiting(&mut self, buffer: &mut [u8]) -> Option<UdpEvent> {
        let credit = self.credit?;
        let (from, datagram) = self
            .waiting
            .pop_front_if(|(_, datagram)| datagram.len() <= credit)?;
        self.credit = None;
        buffer[..datagram.len()].copy_from_slice(&datagram);
        Some(UdpEvent::Data(datagram.len(), self.shown(from)))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) {
        while let Some((to, datagram)) = self.unsent.front() {
            if self.socket.poll_send_ready(cx).is_pending() {
                return;
            }
            match self.socket.try_send_to(datagram, *to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    let Some((to, datagram)) = self.unsent.pop_front() else {
                        return;
                    };
                    self.on_sent(to, &datagram, result);
                }
            }
        }
    }

    fn on_sent(&mut self, to: SocketAddr, bytes: &[u8], result: io::Result<usize>) {
        let len = bytes.len();
        match result {
            Ok(_) => {
                self.tap.udp(Way::Out, to, bytes);
                self.sent += len;
            }
            Err(error) => {
                tracing::warn!("a datagram of {len} bytes to {to} is lost: {error}");
                self.lose(len);
            }
        }
    }

    fn drop_one(&mut self, len: usize, from: SocketAddr) {
        self.dropped += 1;
        self.dropped_ever += 1;
        // A flood is not to flood the log.
        if self.dropped_ever.is_power_of_two() {
            let n = self.dropped_ever;
            tracing::warn!(
                "a datagram of {len} bytes from {from} is dropped, {n} so far: the module has no room for it"
            );
        }
    }

    fn shown(&self, from: SocketAddr) -> SocketAddr {
        self.mapped
            .iter()
            .rev()
            .find(|(real, _)| *real == from)
            .map_or(from, |(_, shown)| *shown)
    }
}

/// A socket for datagrams to `remote`, on any port.
pub(super) fn socket_towards(remote: SocketAddr, net: &NetOptions) -> io::Result<UdpSocket> {
    bind(remote, local_ip(remote.ip(), net), 0, net)
}

/// Which address a link to `remote` binds: the station's, or all where that could not reach the remote end or hear it.
fn local_ip(remote: IpAddr, net: &NetOptions) -> IpAddr {
    let station = station_ip(remote, net);
    let any: IpAddr = match remote {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let leaves_loopback = station.is_loopback() && !remote.is_loopback() && !net.policy.offline;
    if leaves_loopback || is_for_many(remote, net) {
        any
    } else {
        station
    }
}

/// The station's address of the same family.
pub(super) fn station_ip(remote: IpAddr, net: &NetOptions) -> IpAddr {
    match remote {
        IpAddr::V4(_) => net.ip.into(),
        IpAddr::V6(_) => net.ip6.into(),
    }
}

/// Whether datagrams to `ip` reach several receivers. Such a link hears the others only when it is bound to all addresses.
fn is_for_many(ip: IpAddr, net: &NetOptions) -> bool {
    ip.is_multicast() || matches!(ip, IpAddr::V4(ip) if net.is_broadcast(ip))
}

fn bind(remote: SocketAddr, ip: IpAddr, port: u16, net: &NetOptions) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(remote),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    socket.set_nonblocking(true)?;
    match remote {
        SocketAddr::V4(_) => socket.set_broadcast(true)?,
        SocketAddr::V6(_) => socket.set_only_v6(true)?,
    }
    if is_for_many(remote.ip(), net) {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&SocketAddr::new(ip, port).into())?;
    join(&socket, remote.ip(), net)?;
    UdpSocket::from_std(socket.into())
}

/// Joins the group of a multicast link on the interface of the module's address.
fn join(socket: &Socket, group: IpAddr, net: &NetOptions) -> io::Result<()> {
    match group {
        IpAddr::V4(group) if group.is_multicast() => {
            socket.set_multicast_all_v4(false)?;
            socket.set_multicast_if_v4(&net.ip)?;
            socket.set_multicast_loop_v4(true)?;
            socket.join_multicast_v4(&group, &net.ip)
        }
        IpAddr::V6(group) if group.is_multicast() => {
            socket.set_multicast_loop_v6(true)?;
            socket.join_multicast_v6(&group, 0)
        }
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(()),
    }
}
