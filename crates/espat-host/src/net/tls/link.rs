//! A TLS link: a TCP connection, a handshake, then records; read only as far as there is credit.

use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use espat_core::{CloseCause, Instant, NetError, SocketOptions};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::session::{Pace, Session};
use crate::net::capture::{Tap, Way};
use crate::net::linger::Lingering;
use crate::net::tcp::{self, TcpEvent};

/// A TLS socket of the module.
#[derive(Debug)]
pub(in crate::net) struct TlsLink {
    session: Session,
    stage: Stage,
    /// Where it goes, for the log.
    peer: SocketAddr,
    options: SocketOptions,
    credit: usize,
    /// Bytes wait and there is no credit for them.
    parked: bool,
    unsent: Vec<u8>,
    sent: usize,
    /// Bytes of a send that was taken back and yet has to go out: nobody counts them.
    uncounted: usize,
    /// Writing failed; reading still yields what came before.
    broken: Option<CloseCause>,
    /// Payload was lost by that, and nobody has been told.
    has_lost: bool,
}

#[derive(Debug)]
enum Stage {
    /// Until then.
    Connecting(Instant, std::time::Duration),
    Shaking(SocketAddr, Pace),
    Open,
}

impl TlsLink {
    /// A link whose TCP connection has been begun.
    pub(in crate::net) fn connecting(
        session: Session,
        peer: SocketAddr,
        options: SocketOptions,
        deadline: Instant,
        flight: std::time::Duration,
    ) -> Self {
        let stage = Stage::Connecting(deadline, flight);
        Self::new(session, peer, options, stage)
    }

    /// A link of an accepted client, whose handshake is done.
    pub(in crate::net) fn accepted(
        session: Session,
        peer: SocketAddr,
        options: SocketOptions,
    ) -> Self {
        Self::new(session, peer, options, Stage::Open)
    }

    fn new(session: Session, peer: SocketAddr, options: SocketOptions, stage: Stage) -> Self {
        let mut link = Self {
            session,
            stage,
            peer,
            options,
            credit: 0,
            parked: false,
            unsent: Vec::new(),
            sent: 0,
            uncounted: 0,
            broken: None,
            has_lost: false,
        };
        link.set_options(options);
        link
    }

    pub(in crate::net) fn set_options(&mut self, options: SocketOptions) {
        tcp::set_options(SockRef::from(self.session.stream()), options);
        self.options = options;
    }

    pub(in crate::net) fn stream(&self) -> &TcpStream {
        self.session.stream()
    }

    pub(in crate::net) fn tap(&mut self) -> &mut Tap {
        self.session.tap()
    }

    pub(in crate::net) fn set_credit(&mut self, max: usize) {
        self.credit = max;
        self.parked = false;
    }

    pub(in crate::net) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Connecting(deadline, _) => Some(*deadline),
            Stage::Shaking(_, pace) => Some(pace.deadline()),
            Stage::Open => None,
        }
    }

    /// Takes payload over whole.
    pub(in crate::net) fn send(&mut self, mut bytes: &[u8]) {
        if self.broken.is_some() {
            self.has_lost = true;
            return;
        }
        if self.unsent.is_empty() {
            match self.session.write(bytes) {
                Ok(n) => {
                    self.sent += n;
                    bytes = &bytes[n..];
                }
                Err(cause) => return self.fail(cause),
            }
        }
        self.unsent.extend_from_slice(bytes);
    }

    pub(in crate::net) fn take_sent(&mut self) -> usize {
        std::mem::take(&mut self.sent)
    }

    /// Gives the bytes that went out and nobody is told of any more.
    pub(in crate::net) fn cancel_send(&mut self) -> usize {
        self.unsent.truncate(self.session.begun());
        self.uncounted = self.unsent.len();
        self.has_lost = false;
        self.take_sent()
    }

    pub(in crate::net) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Poll<TcpEvent> {
        loop {
            match &mut self.stage {
                Stage::Connecting(deadline, flight) => {
                    let connected = tcp::poll_connected(self.session.stream(), cx, now, *deadline);
                    match ready!(connected) {
                        Ok(local) => {
                            self.stage = Stage::Shaking(local, Pace::start(*flight, now));
                            let peer = self.peer;
                            self.tap().opened(Way::Out, local, peer);
                        }
                        Err(error) => {
                            let (ours, peer) = (self.session.stream().local_addr(), self.peer);
                            let is_refused = error == NetError::Refused;
                            self.tap().refused(ours, peer, is_refused);
                            return Poll::Ready(TcpEvent::Failed(error));
                        }
                    }
                }
                Stage::Shaking(local, pace) => {
                    let local = *local;
                    match ready!(self.session.poll_handshake(cx, now, pace)) {
                        Ok(()) => {
                            self.stage = Stage::Open;
                            return Poll::Ready(TcpEvent::Connected(local));
                        }
                        Err(refused) => {
                            tracing::warn!("SSL link to {}: {}", self.peer, refused.why);
                            return Poll::Ready(TcpEvent::Failed(refused.error));
                        }
                    }
                }
                Stage::Open => return self.poll_open(cx, buffer),
            }
        }
    }

    /// Ends the link in an orderly way; what cannot be done at once is left to the one returned.
    pub(in crate::net) fn close(self, now: Instant) -> Option<Lingering> {
        let is_open = matches!(self.stage, Stage::Open);
        if self.broken.is_some() || matches!(self.stage, Stage::Connecting(..)) {
            return None;
        }
        if is_open && self.options.linger_s == Some(0) {
            self.reset();
            return None;
        }
        let linger_s = self.options.linger_s;
        let (rest, stream) = if is_open {
            self.session.finish(&self.unsent)
        } else {
            // A refused handshake: the alert is on its way and should not be overtaken by a reset.
            (Vec::new(), self.session.into_stream())
        };
        Lingering::start(stream?, rest, linger_s, now)
    }

    /// Ends the link by a reset.
    pub(in crate::net) fn reset(mut self) {
        self.tap().reset(Way::Out);
        tcp::reset(self.session.stream());
    }

    fn poll_open(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<TcpEvent> {
        self.flush(cx);
        if self.sent > 0 {
            return Poll::Ready(TcpEvent::Sent(self.take_sent()));
        }
        match self.poll_read(cx, buffer) {
            Poll::Pending if std::mem::take(&mut self.has_lost) => {
                Poll::Ready(TcpEvent::SendFailed)
            }
            polled @ (Poll::Ready(_) | Poll::Pending) => polled,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<TcpEvent> {
        if self.credit == 0 {
            return self.poll_end(cx);
        }
        let max = self.credit.min(buffer.len());
        Poll::Ready(
            match ready!(self.session.poll_read(cx, &mut buffer[..max])) {
                Ok(taken) => {
                    self.credit = 0;
                    TcpEvent::Data {
                        len: taken.len,
                        wire_len: taken.wire_len,
                    }
                }
                Err(cause) => self.closed(cause),
            },
        )
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<TcpEvent> {
        if self.parked {
            return Poll::Pending;
        }
        match ready!(self.session.poll_end(cx)) {
            Ok(()) => {
                self.parked = true;
                Poll::Pending
            }
            Err(cause) => Poll::Ready(self.closed(cause)),
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) {
        while !self.unsent.is_empty() {
            match self.session.poll_write_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => {
                    return self.fail(crate::net::error::close_cause(&error));
                }
                Poll::Pending => return,
            }
            match self.session.write(&self.unsent) {
                Ok(n) => {
                    self.unsent.drain(..n);
                    let uncounted = n.min(self.uncounted);
                    self.uncounted -= uncounted;
                    self.sent += n - uncounted;
                }
                Err(cause) => return self.fail(cause),
            }
        }
    }

    fn closed(&mut self, cause: CloseCause) -> TcpEvent {
        let cause = self.broken.unwrap_or(cause);
        if cause == CloseCause::Tls {
            tracing::info!("SSL link to {}: ended without close_notify", self.peer);
        }
        match cause {
            CloseCause::Fin | CloseCause::Tls => self.tap().ended(Way::In),
            CloseCause::Reset | CloseCause::Io => self.tap().reset(Way::In),
        }
        if cause != CloseCause::Fin {
            self.broken = Some(cause);
        }
        TcpEvent::Closed(cause)
    }

    fn fail(&mut self, cause: CloseCause) {
        self.broken = Some(cause);
        self.has_lost = true;
        self.unsent = Vec::new();
    }
}
