//! Handshakes with little patience, for peers that the tests write byte by byte, and with much, for those that have to succeed.

use std::net::SocketAddr;
use std::time::Duration;

use espat_core::{ModuleConfig, TlsRules};
use tokio::net::TcpListener;

use crate::host::DEADLINE;

/// How long a flight of a handshake may take.
pub(crate) const FLIGHT: Duration = Duration::from_millis(300);

/// The time of a flight that is not set: who waits longer than that has not heard of [`FLIGHT`].
pub(crate) fn unset_flight() -> Duration {
    ModuleConfig::new().profile.limits.tls.flight_timeout
}

/// The default profile's rules, but for the time of a flight.
pub(crate) fn flights() -> TlsRules {
    TlsRules {
        flight_timeout: FLIGHT,
        ..ModuleConfig::new().profile.limits.tls
    }
}

/// The same with flights longer than any test may take.
pub(crate) fn patient_flights() -> TlsRules {
    TlsRules {
        flight_timeout: DEADLINE * 2,
        ..flights()
    }
}

pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}
