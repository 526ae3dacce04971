//! Handshakes with little patience, for peers that the tests write byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use espat_core::{ModuleConfig, TlsRules};
use tokio::net::TcpListener;

/// How long a flight of a handshake may take.
pub(crate) const FLIGHT: Duration = Duration::from_millis(300);

/// The default profile's rules, but for the time of a flight.
pub(crate) fn flights() -> TlsRules {
    TlsRules {
        flight_timeout: FLIGHT,
        ..ModuleConfig::new().profile.limits.tls
    }
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}
