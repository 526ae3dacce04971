//! Addresses on this computer that a test can count on.
#![allow(dead_code, reason = "every test file uses another part of it")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

use socket2::{Domain, Socket, Type};

/// A place where nobody is, for a server that is told where to listen.
///
/// The address is this test's own, and the system gives the port to nobody by itself. A port of 127.0.0.1 that was free a moment ago may
/// be somebody else's by the time it is used.
pub(crate) fn free() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(64);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    assert!(next < 255, "no more places");
    let ip = Ipv4Addr::new(127, next, middle, low);
    SocketAddr::new(IpAddr::V4(ip), 20_000 + u16::from(high))
}

/// A place where TCP connections are refused, for as long as the socket lives: nobody else gets the port meanwhile.
pub(crate) fn refusing() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let at = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, at)
}
