//! A TCP link: opened, read only as far as there is credit, written through a buffer for what the kernel does not take.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use espat_core::{CloseCause, Instant, NetError, SocketOptions};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::capture::{Tap, Way};
use super::error::{close_cause, net_error};
use super::linger::Lingering;

/// Between keep-alive probes, and how many.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const PROBES: u32 = 3;

/// A TCP socket of the module.
#[derive(Debug)]
pub(super) struct TcpLink {
    stream: TcpStream,
    /// Still connecting, until then.
    connecting: Option<Instant>,
    options: SocketOptions,
    credit: usize,
    /// Bytes wait in the kernel and there is no credit for them: whether the peer closed shows when they are read.
    parked: bool,
    unsent: Vec<u8>,
    sent: usize,
    /// Writing failed; reading still yields what came before.
    broken: Option<CloseCause>,
    /// Payload was lost by that, and nobody has been told.
    has_lost: bool,
    /// Where it goes.
    remote: Option<SocketAddr>,
    tap: Tap,
}

/// What a link has to tell.
#[derive(Debug)]
pub(super) enum TcpEvent {
    Connected(SocketAddr),
    Failed(NetError),
    Sent(usize),
    /// Payload is lost; what came before can be read.
    SendFailed,
    Data {
        len: usize,
        /// What it took on the wire.
        wire_len: usize,
    },
    Closed(CloseCause),
}

impl TcpLink {
    /// Starts to connect.
    pub(super) fn connect(
        remote: SocketAddr,
        local: Option<SocketAddr>,
        options: SocketOptions,
        deadline: Instant,
        tap: Tap,
    ) -> io::Result<Self> {
        let stream = begin(remote, local)?;
        Ok(Self {
            connecting: Some(deadline),
            remote: Some(remote),
            ..Self::new(stream, options, tap)
        })
    }

    /// A link of an accepted client.
    pub(super) fn accepted(stream: TcpStream, options: SocketOptions, tap: Tap) -> Self {
        Self::new(stream, options, tap)
    }

    fn new(stream: TcpStream, options: SocketOptions, tap: Tap) -> Self {
        let mut link = Self {
            stream,
            connecting: None,
            options: SocketOptions::default(),
            credit: 0,
            parked: false,
            unsent: Vec::new(),
            sent: 0,
            broken: None,
            has_lost: false,
            remote: None,
            tap,
        };
        link.set_options(options);
        link
    }

    pub(super) fn set_options(&mut self, options: SocketOptions) {
        set_options(SockRef::from(&self.stream), options);
        self.options = options;
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn tap(&mut self) -> &mut Tap {
        &mut self.tap
    }

    pub(super) fn set_credit(&mut self, max: usize) {
        self.credit = max;
        self.parked = false;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.connecting
    }

    /// Takes payload over whole.
    pub(super) fn send(&mut self, mut bytes: &[u8]) {
        if self.broken.is_some() {
            self.has_lost = true;
            return;
        }
        if self.unsent.is_empty() {
            match self.stream.try_write(bytes) {
                Ok(n) => {
                    self.tap.payload(Way::Out, &bytes[..n]);
                    self.sent += n;
                    bytes = &bytes[n..];
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return self.on_write_error(&error),
            }
        }
        self.unsent.extend_from_slice(bytes);
    }

    /// Bytes taken by the kernel and not told of.
    pub(super) fn take_sent(&mut self) -> usize {
        std::mem::take(&mut self.sent)
    }

    /// Gives the bytes that the kernel took and nobody is told of any more.
    pub(super) fn cancel_send(&mut self) -> usize {
        self.unsent = Vec::new();
        self.has_lost = false;
        self.take_sent()
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Poll<TcpEvent> {
        if let Some(deadline) = self.connecting {
            return self.poll_connect(cx, now, deadline);
        }
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            self.on_write_error(&error);
        }
        if self.sent > 0 {
            return Poll::Ready(TcpEvent::Sent(self.take_sent()));
        }
        // What can be read first comes first; an end says it all.
        match self.poll_read(cx, buffer) {
            Poll::Pending if std::mem::take(&mut self.has_lost) => {
                Poll::Ready(TcpEvent::SendFailed)
            }
            polled @ (Poll::Ready(_) | Poll::Pending) => polled,
        }
    }

    /// Ends the link in an orderly way; what cannot be done at once is left to the one returned.
    pub(super) fn close(mut self, now: Instant) -> Option<Lingering> {
        if self.connecting.is_some() || self.broken.is_some() {
            return None;
        }
        if self.options.linger_s == Some(0) {
            self.reset();
            return None;
        }
        self.tap.payload(Way::Out, &self.unsent);
        self.tap.ended(Way::Out);
        Lingering::start(self.stream, self.unsent, self.options.linger_s, now)
    }

    /// Ends the link by a reset.
    pub(super) fn reset(mut self) {
        self.tap.reset(Way::Out);
        reset(&self.stream);
    }

    fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        deadline: Instant,
    ) -> Poll<TcpEvent> {
        Poll::Ready(
            match ready!(poll_connected(&self.stream, cx, now, deadline)) {
                Ok(local) => {
                    self.connecting = None;
                    if let Some(remote) = self.remote {
                        self.tap.opened(Way::Out, local, remote);
                    }
                    TcpEvent::Connected(local)
                }
                Err(error) => {
                    if let Some(remote) = self.remote {
                        let is_refused = error == NetError::Refused;
                        self.tap
                            .refused(self.stream.local_addr(), remote, is_refused);
                    }
                    TcpEvent::Failed(error)
                }
            },
        )
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let n = ready!(poll_write_some(&self.stream, cx, &self.unsent))?;
            self.tap.payload(Way::Out, &self.unsent[..n]);
            self.unsent.drain(..n);
            self.sent += n;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<TcpEvent> {
        if self.credit == 0 {
            return self.poll_end(cx);
        }
        let max = self.credit.min(buffer.len());
        let mut buffer = ReadBuf::new(&mut buffer[..max]);
        // Unlike `try_read` this knows that a short read has emptied the socket: one call less a message.
        match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => self.closed(CloseCause::Fin),
            Ok(()) => {
                self.credit = 0;
                let len = buffer.filled().len();
                self.tap.payload(Way::In, buffer.filled());
                Poll::Ready(TcpEvent::Data { len, wire_len: len })
            }
            Err(error) => self.closed(close_cause(&error)),
        }
    }

    /// Without credit: notices an end with nothing to read before it.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<TcpEvent> {
        if self.parked {
            return Poll::Pending;
        }
        let mut byte = [0];
        let mut peeked = ReadBuf::new(&mut byte);
        match ready!(self.stream.poll_peek(cx, &mut peeked)) {
            Ok(0) => self.closed(CloseCause::Fin),
            Ok(_) => {
                self.parked = true;
                Poll::Pending
            }
            Err(error) => self.closed(close_cause(&error)),
        }
    }

    fn closed(&mut self, cause: CloseCause) -> Poll<TcpEvent> {
        match cause {
            CloseCause::Fin => self.tap.ended(Way::In),
            CloseCause::Reset | CloseCause::Tls | CloseCause::Io => self.tap.reset(Way::In),
        }
        Poll::Ready(TcpEvent::Closed(self.broken.unwrap_or(cause)))
    }

    fn on_write_error(&mut self, error: &io::Error) {
        self.broken = Some(close_cause(error));
        self.has_lost = true;
        self.unsent = Vec::new();
    }
}

/// Begins to connect.
pub(super) fn begin(remote: SocketAddr, local: Option<SocketAddr>) -> io::Result<TcpStream> {
    let socket = Socket::new(
        Domain::for_address(remote),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    if let Some(local) = local {
        socket.bind(&local.into())?;
    }
    match socket.connect(&remote.into()) {
        Ok(()) => {}
        Err(error)
            if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(error),
    }
    TcpStream::from_std(socket.into())
}

/// Whether what was begun is connected, and where it is bound.
pub(super) fn poll_connected(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    now: Instant,
    deadline: Instant,
) -> Poll<Result<SocketAddr, NetError>> {
    let ready = match stream.poll_write_ready(cx) {
        Poll::Ready(ready) => ready,
        Poll::Pending if now >= deadline => return Poll::Ready(Err(NetError::TimedOut)),
        Poll::Pending => return Poll::Pending,
    };
    let connected = ready.and_then(|()| match stream.take_error()? {
        Some(error) => Err(error),
        None => stream.local_addr(),
    });
    Poll::Ready(connected.map_err(|error| net_error(&error)))
}

/// Sets what `AT+CIPTCPOPT` and the keep-alive parameter ask for.
pub(super) fn set_options(socket: SockRef<'_>, options: SocketOptions) {
    let keep_alive = TcpKeepalive::new()
        .with_time(Duration::from_secs(u64::from(options.keep_alive_s.max(1))))
        .with_interval(PROBE_INTERVAL)
        .with_retries(PROBES);
    let set = socket
        .set_tcp_nodelay(options.nodelay)
        .and_then(|()| socket.set_keepalive(options.keep_alive_s > 0))
        .and_then(|()| {
            if options.keep_alive_s > 0 {
                socket.set_tcp_keepalive(&keep_alive)
            } else {
                Ok(())
            }
        });
    if let Err(error) = set {
        tracing::debug!("the options of a link's socket cannot be set: {error}");
    }
    // SO_LINGER is not set: with it, the kernel would make `close` wait and the whole runtime with it.
}

/// Has the kernel hold about so much of what is sent. Linux allows twice of it for its own bookkeeping, and at least 4608 bytes in all.
pub(super) fn set_send_buffer(stream: &TcpStream, bytes: usize) {
    if let Err(error) = SockRef::from(stream).set_send_buffer_size(bytes) {
        tracing::debug!("the send buffer of a link stays as it is: {error}");
    }
}

/// Writes what the kernel takes.
pub(super) fn poll_write_some(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(cx))?;
        match stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}

/// Makes the drop of this stream a reset.
pub(super) fn reset(stream: &TcpStream) {
    if let Err(error) = SockRef::from(stream).set_linger(Some(Duration::ZERO)) {
        tracing::debug!("a link is closed without a reset: {error}");
    }
}
