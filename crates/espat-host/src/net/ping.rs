//! `AT+PING`: one ICMP echo request, over a datagram socket where the system lets this user ping, else over a raw one.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use espat_core::{Instant, NetError, QueryId};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::error::net_error;
use super::exchange::{Exchange, Judge};

/// A ping on its way.
pub(super) type Ping = Exchange<Echo>;

/// The ways to ICMP, the best first: a raw socket hears what is meant for others too.
const WAYS: [Type; 2] = [Type::DGRAM, Type::RAW];

const ECHO_HEADER: usize = 8;
const SEQUENCE: [u8; 2] = [0, 1];

/// What an echo reply has to look like.
pub(super) struct Echo {
    ip: IpAddr,
    is_raw: bool,
    identifier: [u8; 2],
    payload: Vec<u8>,
}

/// Sends an echo request of `len` payload bytes.
pub(super) fn start(
    query: QueryId,
    ip: IpAddr,
    len: usize,
    deadline: Instant,
) -> Result<Ping, NetError> {
    let (socket, is_raw) = open(ip, &WAYS)?;
    let echo = Echo::new(ip, is_raw, len);
    let request = echo.request();
    let to = SocketAddr::new(ip, 0);
    Ok(Exchange::new(query, deadline, (socket, to), request, echo))
}

/// A socket for ICMP, and whether it is a raw one.
fn open(ip: IpAddr, ways: &[Type]) -> Result<(UdpSocket, bool), NetError> {
    let (domain, protocol) = match ip {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
    };
    let mut refused = None;
    for &way in ways {
        match socket(domain, way, protocol) {
            Ok(socket) => return Ok((socket, way == Type::RAW)),
            Err(error) => refused = Some(error),
        }
    }
    let error = refused.unwrap_or_else(|| io::ErrorKind::PermissionDenied.into());
    tracing::warn!(
        "AT+PING reaches nobody: this computer lets the user send no ICMP ({error}); \
         `sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"` or the capability CAP_NET_RAW lets it"
    );
    Err(net_error(&error))
}

fn socket(domain: Domain, way: Type, protocol: Protocol) -> io::Result<UdpSocket> {
    let socket = Socket::new(domain, way, Some(protocol))?;
    socket.set_nonblocking(true)?;
    // To tokio any socket that sends to addresses and receives from them is a UDP socket.
    UdpSocket::from_std(socket.into())
}

impl Echo {
    fn new(ip: IpAddr, is_raw: bool, len: usize) -> Self {
        // Random bytes tell this request from those of other modules and programs; the rest counts up, as the firmware's does.
        let [a, b, nonce @ ..] = RandomState::new().build_hasher().finish().to_be_bytes();
        let payload = |at: usize| {
            let [low, ..] = at.to_le_bytes();
            *nonce.get(at).unwrap_or(&low)
        };
        Self {
            ip,
            is_raw,
            identifier: [a, b],
            payload: (0..len).map(payload).collect(),
        }
    }

    fn request(&self) -> Vec<u8> {
        let kind = if self.ip.is_ipv4() { 8 } else { 128 };
        let mut packet = vec![kind, 0, 0, 0];
        packet.extend(self.identifier);
        packet.extend(SEQUENCE);
        packet.extend(&self.payload);
        // The system fills in the checksum of ICMPv6, and the identifier on datagram sockets.
        let sum = checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
        packet
    }

    fn is_answered_by(&self, datagram: &[u8]) -> bool {
        let is_v4 = self.ip.is_ipv4();
        let mut packet = datagram;
        if is_v4 && self.is_raw {
            // A raw socket for IPv4 gives the IP header too.
            let Some(&first) = datagram.first() else {
                return false;
            };
            packet = datagram
                .get(usize::from(first & 0xf) * 4..)
                .unwrap_or_default();
        }
        let Some((header, payload)) = packet.split_at_checked(ECHO_HEADER) else {
            return false;
        };
        let kind = if is_v4 { 0 } else { 129 };
        header[..2] == [kind, 0]
            && (!self.is_raw || header[4..6] == self.identifier)
            && header[6..] == SEQUENCE
            && payload == self.payload
    }
}

impl Judge for Echo {
    type Answer = Duration;

    fn judge(
        &self,
        datagram: &[u8],
        from: SocketAddr,
        took: Duration,
    ) -> Option<Result<Duration, NetError>> {
        let is_answer = from.ip() == self.ip && self.is_answered_by(datagram);
        is_answer.then_some(Ok(took))
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(packet: &[u8]) -> u16 {
    let words = packet
        .chunks(2)
        .map(|pair| (u32::from(pair[0]) << 8) | pair.get(1).map_or(0, |&low| u32::from(low)));
    let mut sum: u32 = words.sum();
    while let Some(carry) = Some(sum >> 16).filter(|&carry| carry > 0) {
        sum = (sum & 0xffff) + carry;
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    fn reply(echo: &Echo) -> Vec<u8> {
        let mut packet = echo.request();
        packet[0] = if echo.ip.is_ipv4() { 0 } else { 129 };
        packet
    }

    fn is_answer(echo: &Echo, packet: &[u8], from: IpAddr) -> bool {
        let from = SocketAddr::new(from, 0);
        echo.judge(packet, from, Duration::ZERO).is_some()
    }

    #[test]
    fn only_the_answer_to_this_request_counts() {
        for (ip, other) in [(V4, V6), (V6, V4)] {
            for len in [0, 1, 6, 64] {
                let echo = Echo::new(ip, false, len);
                let packet = reply(&echo);
                assert!(is_answer(&echo, &packet, ip));
                assert!(!is_answer(&echo, &packet, other), "another sender");
                assert!(!is_answer(&echo, &echo.request(), ip), "the request itself");
                assert!(!is_answer(&echo, &packet[..packet.len() - 1], ip), "cut");
                assert!(!is_answer(&echo, &[], ip));
                let longer = [&packet[..], &[0]].concat();
                assert!(!is_answer(&echo, &longer, ip));
                for at in [1, 6, 7] {
                    let mut wrong = packet.clone();
                    wrong[at] ^= 1;
                    assert!(!is_answer(&echo, &wrong, ip), "byte {at}");
                }
            }
            let echo = Echo::new(ip, false, 64);
            let foreign = reply(&Echo::new(ip, false, 64));
            assert!(!is_answer(&echo, &foreign, ip), "somebody else's payload");
        }
    }

    #[test]
    fn a_raw_socket_gives_more_than_the_answer() {
        let echo = Echo::new(V4, true, 64);
        let mut packet = vec![0x46];
        packet.resize(24, 0);
        packet.extend(reply(&echo));
        assert!(is_answer(&echo, &packet, V4));
        packet[24 + 4] ^= 1;
        assert!(!is_answer(&echo, &packet, V4), "another identifier");
        for cut in 0..24 + ECHO_HEADER {
            assert!(!is_answer(&echo, &packet[..cut], V4));
        }
        let echo = Echo::new(V6, true, 64);
        assert!(is_answer(&echo, &reply(&echo), V6));
    }

    #[test]
    fn the_checksum_makes_the_sum_right() {
        for len in [0, 1, 64, 65] {
            let request = Echo::new(V4, true, len).request();
            assert_eq!(checksum(&request), 0);
        }
    }

    #[tokio::test]
    async fn where_no_way_to_icmp_is_open_the_ping_is_refused() {
        // A way that does not exist stands for one that is closed.
        for ways in [&[][..], &[Type::STREAM]] {
            assert!(open(V4, ways).is_err() && open(V6, ways).is_err());
        }
    }

    #[tokio::test]
    async fn each_way_that_is_open_reaches_loopback() {
        for ip in [V4, V6] {
            for way in WAYS {
                let Ok((socket, is_raw)) = open(ip, &[way]) else {
                    println!("skipped: {way:?} to {ip} is closed to this user");
                    continue;
                };
                let echo = Echo::new(ip, is_raw, 64);
                let (to, request) = (SocketAddr::new(ip, 0), echo.request());
                let never = Instant::from_micros(u64::MAX);
                let mut ping = Exchange::new(QueryId::new(0), never, (socket, to), request, echo);
                let mut buffer = vec![0; 2048];
                let answer = std::future::poll_fn(|cx| ping.poll(cx, Instant::ZERO, &mut buffer));
                let answer = tokio::time::timeout(Duration::from_secs(10), answer).await;
                assert!(answer.unwrap().is_ok(), "{way:?} to {ip}");
            }
        }
    }
}
