//! One datagram out and its answer back: what a ping and a question to a time server have in common.

use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant as SystemInstant};

use espat_core::{Instant, NetError, QueryId};
use tokio::net::UdpSocket;

use super::NetOptions;
use super::capture::{DatagramTap, Way};
use super::error::net_error;
use super::udp::station_ip;

/// Datagrams that are looked at before others have their turn.
const LOOKS_MAX: usize = 64;

/// Says what a datagram means.
pub(super) trait Judge {
    /// What is asked for.
    type Answer;

    /// The answer, where the datagram is one; `None` where it is none, and the wait goes on.
    fn judge(
        &self,
        datagram: &[u8],
        from: SocketAddr,
        took: Duration,
    ) -> Option<Result<Self::Answer, NetError>>;
}

/// A question that waits for its answer.
pub(super) struct Exchange<J> {
    pub(super) query: QueryId,
    pub(super) deadline: Instant,
    socket: UdpSocket,
    to: SocketAddr,
    request: Vec<u8>,
    sent_at: Option<SystemInstant>,
    judge: J,
    tap: DatagramTap,
}

impl<J: Judge> Exchange<J> {
    pub(super) fn new(
        query: QueryId,
        deadline: Instant,
        (socket, to): (UdpSocket, SocketAddr),
        request: Vec<u8>,
        judge: J,
    ) -> Self {
        Self {
            query,
            deadline,
            socket,
            to,
            request,
            sent_at: None,
            judge,
            tap: DatagramTap::default(),
        }
    }

    /// Has a capture hear of question and answer.
    pub(super) fn tapped(mut self, net: &NetOptions) -> Self {
        let station = station_ip(self.to.ip(), net);
        self.tap = DatagramTap::new(net.capture.as_ref(), self.socket.local_addr(), station);
        self
    }

    fn tell(&self, way: Way, theirs: SocketAddr, bytes: &[u8]) {
        // ICMP has no ports.
        if self.to.port() == 0 {
            self.tap.icmp(way, theirs, bytes);
        } else {
            self.tap.udp(way, theirs, bytes);
        }
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Poll<Result<J::Answer, NetError>> {
        let answer = self.poll_answer(cx, buffer);
        if answer.is_pending() && now >= self.deadline {
            tracing::info!("{} gives no answer in time", self.to.ip());
            return Poll::Ready(Err(NetError::TimedOut));
        }
        answer
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<J::Answer, NetError>> {
        let sent_at = match self.sent_at {
            Some(at) => at,
            None => ready!(self.poll_send(cx))?,
        };
        for _ in 0..LOOKS_MAX {
            let received = match ready!(self.socket.poll_recv_ready(cx)) {
                Ok(()) => self.socket.try_recv_from(buffer),
                Err(error) => Err(error),
            };
            match received {
                Ok((n, from)) => {
                    let answer = self.judge.judge(&buffer[..n], from, sent_at.elapsed());
                    if let Some(answer) = answer {
                        self.tell(Way::In, from, &buffer[..n]);
                        return Poll::Ready(answer);
                    }
                    tracing::debug!("{}: {n} bytes from {from} are no answer", self.query);
                }
                // What the socket has to tell beside datagrams is no answer either.
                Err(error) => tracing::trace!("{}: {error}", self.query),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<SystemInstant, NetError>> {
        loop {
            let sending = SystemInstant::now();
            let sent = match ready!(self.socket.poll_send_ready(cx)) {
                Ok(()) => self.socket.try_send_to(&self.request, self.to),
                Err(error) => Err(error),
            };
            match sent {
                Ok(_) => {
                    self.tell(Way::Out, self.to, &self.request);
                    self.sent_at = Some(sending);
                    return Poll::Ready(Ok(sending));
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::warn!("nothing can be sent to {}: {error}", self.to.ip());
                    return Poll::Ready(Err(net_error(&error)));
                }
            }
        }
    }
}
