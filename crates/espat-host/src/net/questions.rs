//! Pings and questions to time servers, as many as are open.

use std::task::{Context, Poll};

use espat_core::{Instant, Peer, QueryId};

use super::error::net_error;
use super::ping::{self, Ping};
use super::sntp::{self, TimeQuery};
use super::{Net, Ready};

/// The questions that wait for their answers.
#[derive(Default)]
pub(super) struct Questions {
    pings: Vec<Ping>,
    times: Vec<TimeQuery>,
}

impl Questions {
    /// When one of them has to be given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let pings = self.pings.iter().map(|ping| ping.deadline);
        pings
            .chain(self.times.iter().map(|time| time.deadline))
            .min()
    }

    pub(super) fn cancel(&mut self, query: QueryId) {
        self.pings.retain(|ping| ping.query != query);
        self.times.retain(|time| time.query != query);
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Poll<Ready> {
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
}
