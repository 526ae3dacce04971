//! IP packets around what sockets carry: headers with true checksums.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
const TTL: u8 = 64;
const WINDOW: u16 = 65_535;

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const PSH: u8 = 8;
pub(super) const ACK: u8 = 16;

/// A TCP segment in its packet.
pub(super) fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    (sequence, acknowledged): (u32, u32),
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + payload.len());
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    // Five words of header.
    segment.extend([5 << 4, flags]);
    segment.extend(WINDOW.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend(payload);
    ip(from.ip(), to.ip(), TCP, segment, 16)
}

/// A datagram in its packet.
pub(super) fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap_or(u16::MAX);
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    datagram.extend(len.to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend(payload);
    ip(from.ip(), to.ip(), UDP, datagram, 6)
}

/// An ICMP message in its packet; what a raw socket hears has its IP header already.
pub(super) fn icmp(from: IpAddr, to: IpAddr, message: &[u8]) -> Vec<u8> {
    let is_v4 = from.is_ipv4();
    let has_header = is_v4 && message.len() >= 20 && message[0] >> 4 == 4;
    if has_header {
        return message.to_vec();
    }
    let mut message = message.to_vec();
    message.resize(message.len().max(8), 0);
    message[2..4].fill(0);
    ip(from, to, if is_v4 { ICMP } else { ICMP6 }, message, 2)
}

/// A packet with its checksum at that place of what it carries.
fn ip(from: IpAddr, to: IpAddr, protocol: u8, mut carried: Vec<u8>, checksum_at: usize) -> Vec<u8> {
    let len = u16::try_from(carried.len()).unwrap_or(u16::MAX);
    let (head, pseudo) = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut head = vec![0x45, 0];
            head.extend(len.saturating_add(20).to_be_bytes());
            // Never in fragments.
            head.extend([0, 0, 0x40, 0, TTL, protocol, 0, 0]);
            head.extend(from.octets());
            head.extend(to.octets());
            let checksum = checksum(&[&head]);
            head[10..12].copy_from_slice(&checksum.to_be_bytes());
            let mut pseudo = [from.octets(), to.octets()].concat();
            pseudo.extend([0, protocol]);
            pseudo.extend(len.to_be_bytes());
            // ICMP has no pseudo header.
            (head, if protocol == ICMP { vec![] } else { pseudo })
        }
        (from, to) => {
            let (from, to) = (v6(from).octets(), v6(to).octets());
            let mut head = vec![0x60, 0, 0, 0];
            head.extend(len.to_be_bytes());
            head.extend([protocol, TTL]);
            head.extend(from);
            head.extend(to);
            let mut pseudo = [from, to].concat();
            pseudo.extend(u32::from(len).to_be_bytes());
            pseudo.extend([0, 0, 0, protocol]);
            (head, pseudo)
        }
    };
    let sum = match checksum(&[&pseudo, &carried]) {
        // None, for UDP.
        0 if protocol == UDP => u16::MAX,
        sum => sum,
    };
    carried[checksum_at..checksum_at + 2].copy_from_slice(&sum.to_be_bytes());
    [head, carried].concat()
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// The Internet checksum over parts of which all but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        let mut pairs = part.chunks_exact(2);
        for pair in &mut pairs {
            sum += u64::from(u16::from_be_bytes([pair[0], pair[1]]));
        }
        if let [last] = pairs.remainder() {
            sum += u64::from(*last) << 8;
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_true() {
        let (a, b) = (
            "192.0.2.1:80".parse().unwrap(),
            "192.0.2.2:81".parse().unwrap(),
        );
        let (c, d) = (
            "[::1]:80".parse().unwrap(),
            "[2001:db8::2]:81".parse().unwrap(),
        );
        for (from, to, head) in [(a, b, 20), (c, d, 40)] {
            for payload in [&b""[..], b"odd", b"even"] {
                for (packet, protocol) in [
                    (tcp(from, to, (7, 9), ACK, payload), TCP),
                    (udp(from, to, payload), UDP),
                ] {
                    assert_eq!(
                        packet.len() - head,
                        payload.len() + if protocol == TCP { 20 } else { 8 }
                    );
                    let addresses = if head == 20 {
                        &packet[12..20]
                    } else {
                        &packet[8..40]
                    };
                    let len = u32::try_from(packet.len() - head).unwrap();
                    let pseudo = [addresses, &len.to_be_bytes(), &[0, 0, 0, protocol]].concat();
                    assert_eq!(checksum(&[&pseudo, &packet[head..]]), 0);
                }
            }
        }
        assert_eq!(checksum(&[&tcp(a, b, (0, 0), SYN, b"")[..20]]), 0);
    }
}
