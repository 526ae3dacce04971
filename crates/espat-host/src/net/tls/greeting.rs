//! Clients of an SSL server that are shaking hands: side by side, so that none delays another. The module hears of those
//! only that succeed.

use std::net::SocketAddr;
use std::task::{Context, Poll};

use espat_core::{Duration, Instant, TlsServer};
use tokio::net::TcpStream;

use super::Tls;
use super::session::{Pace, Session};

/// Clients that may shake hands at the same time; more wait in the kernel, until one of them stalls.
pub(in crate::net) const GREETINGS_MAX: usize = 16;
/// Without a step for so long a client stalls.
const STALL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(in crate::net) struct Greeting {
    session: Session,
    pace: Pace,
    peer: SocketAddr,
}

impl Greeting {
    /// `None` where nobody can be greeted: the client is dropped.
    pub(in crate::net) fn start(
        tls: &Tls,
        server: &TlsServer,
        unix_s: Option<i64>,
        stream: TcpStream,
        peer: SocketAddr,
        now: Instant,
    ) -> Option<Self> {
        match tls.server(server, unix_s, stream) {
            Ok(session) => Some(Self {
                session,
                pace: Pace::start(server.rules.flight_timeout, now),
                peer,
            }),
            Err(error) => {
                tracing::warn!("SSL client {peer}: {error}");
                None
            }
        }
    }

    pub(in crate::net) fn deadline(&self) -> Instant {
        self.pace.deadline()
    }

    /// When it has stalled, unless it makes a step before.
    pub(in crate::net) fn stalls_at(&self) -> Instant {
        self.pace.stepped_at() + STALL
    }

    pub(in crate::net) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(in crate::net) fn session(&self) -> &Session {
        &self.session
    }

    pub(in crate::net) fn into_session(self) -> Session {
        self.session
    }

    /// Ready when the client is in, or out (`false`).
    pub(in crate::net) fn poll(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<bool> {
        self.session
            .poll_handshake(cx, now, &mut self.pace)
            .map(|done| {
                if let Err(refused) = &done {
                    tracing::warn!("SSL client {}: {}", self.peer, refused.why);
                }
                done.is_ok()
            })
    }
}
