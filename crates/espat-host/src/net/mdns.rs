//! The multicast DNS responder of `AT+MDNS`: it speaks on one interface only, the one where the module's server is reached.

mod message;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::task::Context;

use espat_core::{Duration, Instant, Service};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use self::message::{Place, Records};
use super::{Net, NetOptions};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// Announcements, and the time between them (RFC 6762, 8.3).
const ANNOUNCEMENTS: u8 = 2;
const PAUSE: Duration = Duration::from_secs(1);
/// Messages that are read at a time, so that a flood does not hold up the module.
const MESSAGES_MAX: usize = 16;

/// The service that is announced.
pub(super) struct Responder {
    socket: UdpSocket,
    group: SocketAddrV4,
    module_port: u16,
    records: Records,
    place: Place,
    announcements: u8,
    announce_at: Instant,
}

/// Why nothing is announced.
#[derive(Debug, thiserror::Error)]
enum MdnsError {
    #[error("--offline, --allow and --deny say where the module may go")]
    Denied,
    #[error("its server is published on an IPv6 address")]
    NoV4,
    #[error("the names are too long")]
    Names,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Responder {
    fn start(service: &Service, place: Place, net: &NetOptions) -> Result<Self, MdnsError> {
        let group = IpAddr::V4(GROUP);
        let is_permitted = if place.ip.is_loopback() {
            net.policy.permits_online(group)
        } else {
            net.policy.permits(group)
        };
        if !is_permitted {
            return Err(MdnsError::Denied);
        }
        Ok(Self {
            socket: socket(place.ip, net.mdns_port)?,
            group: SocketAddrV4::new(GROUP, net.mdns_port),
            module_port: service.port,
            records: Records::new(service).ok_or(MdnsError::Names)?,
            place,
            announcements: ANNOUNCEMENTS,
            announce_at: Instant::ZERO,
        })
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        place: Place,
        net: &NetOptions,
        buffer: &mut [u8],
    ) {
        if place != self.place {
            // Its server listens elsewhere by now.
            self.place = place;
            self.announcements = ANNOUNCEMENTS;
        }
        if self.announcements > 0 && now >= self.announce_at {
            self.announcements -= 1;
            self.announce_at = now + PAUSE;
            self.tell(self.records.announcement(self.place));
        }
        for _ in 0..MESSAGES_MAX {
            if self.socket.poll_recv_ready(cx).is_pending() {
                return;
            }
            match self.socket.try_recv_from(buffer) {
                Ok((len, from)) => self.answer(&buffer[..len], from, net),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => tracing::debug!("a question cannot be received: {error}"),
            }
        }
        cx.waker().wake_by_ref();
    }

    fn answer(&self, message: &[u8], from: SocketAddr, net: &NetOptions) {
        let is_legacy = from.port() != self.group.port();
        let Some(answer) = self.records.answer(message, is_legacy, self.place) else {
            return;
        };
        if !answer.is_for_one {
            self.send(&answer.bytes, self.group.into());
        } else if net.permits(from.ip()) {
            self.send(&answer.bytes, from);
        }
    }

    fn tell(&self, message: Option<Vec<u8>>) {
        if let Some(message) = message {
            self.send(&message, self.group.into());
        }
    }

    fn send(&self, message: &[u8], to: SocketAddr) {
        let sent = SockRef::from(&self.socket).send_to(message, &to.into());
        if let Err(error) = sent {
            tracing::debug!("what AT+MDNS says to {to} is lost: {error}");
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.tell(self.records.goodbye(self.place));
    }
}

impl Net {
    /// Announces a service from here on, or none.
    pub(super) fn advertise(&mut self, service: Option<&Service>) {
        self.mdns = None;
        let Some(service) = service else { return };
        let started = self
            .place(service)
            .and_then(|place| Responder::start(service, place, &self.options));
        match started {
            Ok(responder) => self.mdns = Some(responder),
            Err(error) => {
                tracing::warn!("AT+MDNS: {} is not announced: {error}", service.instance);
            }
        }
    }

    pub(super) fn poll_mdns(&mut self, cx: &mut Context<'_>, now: Instant, buffer: &mut [u8]) {
        let Some(responder) = &self.mdns else { return };
        let (port, old) = (responder.module_port, responder.place);
        let place = self
            .real_port(port)
            .map_or(old, |port| Place { port, ..old });
        if let Some(responder) = &mut self.mdns {
            responder.poll(cx, now, place, &self.options, buffer);
        }
    }

    /// When something is to be said.
    pub(super) fn mdns_deadline(&self) -> Option<Instant> {
        let responder = self.mdns.as_ref()?;
        (responder.announcements > 0).then_some(responder.announce_at)
    }

    /// Where the module's server on that port is reached, or would be. An IPv6 address of this computer alone is not told to others.
    fn place(&self, service: &Service) -> Result<Place, MdnsError> {
        let SocketAddr::V4(at) = self.options.place(service.port, false) else {
            return Err(MdnsError::NoV4);
        };
        let mut ip = *at.ip();
        if ip.is_unspecified() {
            let IpAddr::V4(towards) = towards_group()? else {
                return Err(MdnsError::NoV4);
            };
            ip = towards;
        }
        let is_told =
            |ip6: &Ipv6Addr| !ip6.is_unspecified() && ip6.is_loopback() == ip.is_loopback();
        let port = self.real_port(service.port).unwrap_or_else(|| at.port());
        Ok(Place {
            ip,
            ip6: service.ip6.filter(is_told),
            port,
        })
    }
}

/// The address that datagrams to the group leave from.
fn towards_group() -> io::Result<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect((GROUP, 1))?;
    Ok(socket.local_addr()?.ip())
}

/// Hears the group on the interface with that address, and nothing else.
fn socket(interface: Ipv4Addr, port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Others on this computer answer for themselves.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddrV4::new(GROUP, port).into())?;
    socket.set_multicast_all_v4(false)?;
    socket.set_multicast_if_v4(&interface)?;
    socket.set_multicast_loop_v4(true)?;
    socket.set_multicast_ttl_v4(255)?;
    socket.join_multicast_v4(&GROUP, &interface)?;
    UdpSocket::from_std(socket.into())
}
