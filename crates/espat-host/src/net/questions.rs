//! Names, pings and questions to time servers, as many as are open.

use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use espat_core::{Family, Instant, NetError, Peer, QueryId};

use super::error::net_error;
use super::ping::{self, Ping};
use super::resolve::{self, Resolution};
use super::sntp::{self, TimeQuery};
use super::{Net, Ready, policy};

/// The questions that wait for their answers.
#[derive(Default)]
pub(super) struct Questions {
    names: Vec<Resolution>,
    pings: Vec<Ping>,
    times: Vec<TimeQuery>,
}

impl Questions {
    /// When one of them has to be given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let names = self.names.iter().map(|name| name.deadline);
        names
            .chain(self.pings.iter().map(|ping| ping.deadline))
            .chain(self.times.iter().map(|time| time.deadline))
            .min()
    }

    pub(super) fn cancel(&mut self, query: QueryId) {
        self.names.retain(|name| name.query != query);
        self.pings.retain(|ping| ping.query != query);
        self.times.retain(|time| time.query != query);
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Poll<Ready> {
        for at in 0..self.names.len() {
            if let Poll::Ready(result) = self.names[at].poll(cx, now) {
                let query = self.names.swap_remove(at).query;
                return Poll::Ready(Ready::Resolved { query, result });
            }
        }
        for at in 0..self.pings.len() {
            if let Poll::Ready(result) = self.pings[at].poll(cx, now, buffer) {
                let query = self.pings.swap_remove(at).query;
                return Poll::Ready(Ready::Pinged { query, result });
            }
        }
        for at in 0..self.times.len() {
            if let Poll::Ready(result) = self.times[at].poll(cx, now, buffer) {
                let query = self.times.swap_remove(at).query;
                return Poll::Ready(Ready::TimeSynced { query, result });
            }
        }
        Poll::Pending
    }
}

impl Net {
    pub(super) fn resolve(
        &mut self,
        query: QueryId,
        name: &str,
        family: Family,
        servers: &[IpAddr],
        deadline: Instant,
    ) {
        let resolution = if let Some(ip) = policy::mapped_name(&self.options.maps, name) {
            Err(resolve::choose(vec![ip], family))
        } else if !servers.is_empty() {
            let capture = self.options.capture.clone();
            self.name_servers(servers)
                .map(|real| Resolution::by_servers(query, name, family, real, deadline, capture))
                .map_err(Err)
        } else if self.options.policy.offline {
            let found = resolve::choose(resolve::in_hosts_file(name), family);
            Err(found.map_err(|_| NetError::Denied))
        } else {
            Ok(Resolution::by_host(query, name, family, deadline))
        };
        match resolution {
            Ok(resolution) => self.questions.names.push(resolution),
            Err(result) => self.answers.push_back(Ready::Resolved { query, result }),
        }
    }

    pub(super) fn ping(&mut self, query: QueryId, peer: Peer<'_>, len: usize, deadline: Instant) {
        let started = self
            .real(peer.name, peer.addr)
            .and_then(|real| ping::start(query, real.ip(), len, deadline));
        match started {
            Ok(ping) => self.questions.pings.push(ping.tapped(&self.options)),
            Err(error) => self.answers.push_back(Ready::Pinged {
                query,
                result: Err(error),
            }),
        }
    }

    pub(super) fn ask_time(&mut self, query: QueryId, server: Peer<'_>, deadline: Instant) {
        let started = self.real(server.name, server.addr).and_then(|real| {
            sntp::start(query, real, deadline, &self.options).map_err(|error| {
                tracing::warn!("the time server {real} cannot be asked: {error}");
                net_error(&error)
            })
        });
        match started {
            Ok(asked) => self.questions.times.push(asked.tapped(&self.options)),
            Err(error) => self.answers.push_back(Ready::TimeSynced {
                query,
                result: Err(error),
            }),
        }
    }

    /// Where questions to these name servers go. Those that the policy denies are left out.
    fn name_servers(&self, servers: &[IpAddr]) -> Result<Vec<SocketAddr>, NetError> {
        let mut denied = NetError::Unreachable;
        let mut reached = Vec::new();
        for &server in servers {
            match self.real(None, SocketAddr::new(server, resolve::PORT)) {
                Ok(real) => reached.push(real),
                Err(error) => denied = error,
            }
        }
        if reached.is_empty() {
            return Err(denied);
        }
        Ok(reached)
    }
}
