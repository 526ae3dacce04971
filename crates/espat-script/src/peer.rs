//! Peers that the runner owns: `@peer p0 tcp`, `$p0.ip`, `$p0.port`.
//!
//! In `=>` and `<=` lines a peer's names parse to a fixed address of the documentation range, which is also where the
//! simulated network has it; a runner on real sockets puts the peer's real address in its place.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::text::Piece;

/// Peers are `p0` to `p9`.
pub const PEERS_MAX: u8 = 10;

/// What a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// A TCP listener.
    Tcp,
    /// A UDP socket.
    Udp,
    /// A TLS listener.
    Tls,
}

/// The address that stands for peer `n` in a parsed script, and that the simulated network gives it.
#[must_use]
pub const fn address(n: u8) -> SocketAddr {
    SocketAddr::new(
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200 + n)),
        7000 + n as u16,
    )
}

/// The peer that has this address.
#[must_use]
pub(crate) fn by_ip(ip: IpAddr) -> Option<u8> {
    (0..PEERS_MAX).find(|&n| address(n).ip() == ip)
}

/// `$p0.ip` or `$p0.port` at the start of `rest`: its length and meaning.
pub(crate) fn parse_name(rest: &str) -> Option<(usize, Piece)> {
    let digit = rest
        .strip_prefix("$p")?
        .bytes()
        .next()
        .filter(u8::is_ascii_digit)?;
    let n = digit - b'0';
    match &rest[3..] {
        tail if tail.starts_with(".ip") => Some((6, Piece::PeerIp(n))),
        tail if tail.starts_with(".port") => Some((8, Piece::PeerPort(n))),
        _ => None,
    }
}

/// Replaces the names of peers in a bare address by the addresses that stand for them.
pub(crate) fn expand(source: &str) -> String {
    let mut out = String::new();
    let mut rest = source;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let len = match parse_name(rest) {
            Some((len, Piece::PeerIp(n))) => {
                out.push_str(&address(n).ip().to_string());
                len
            }
            Some((len, Piece::PeerPort(n))) => {
                out.push_str(&address(n).port().to_string());
                len
            }
            _ => {
                out.push('$');
                1
            }
        };
        rest = &rest[len..];
    }
    out.push_str(rest);
    out
}

/// A socket address with a peer's names where it is a peer's.
pub(crate) fn print(addr: SocketAddr) -> String {
    match by_ip(addr.ip()) {
        Some(n) if address(n) == addr => format!("$p{n}.ip:$p{n}.port"),
        Some(n) => format!("$p{n}.ip:{}", addr.port()),
        None => addr.to_string(),
    }
}

/// An address with a peer's name where it is a peer's.
pub(crate) fn print_ip(ip: IpAddr) -> String {
    by_ip(ip).map_or_else(|| ip.to_string(), |n| format!("$p{n}.ip"))
}
