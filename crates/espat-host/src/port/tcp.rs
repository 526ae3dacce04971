//! The serial port as raw TCP: one host at a time.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use super::{Port, PortError, PortEvent};

/// A port that hosts reach over TCP.
#[derive(Debug)]
pub struct TcpPort {
    listener: TcpListener,
    host: Option<Host>,
    /// What a host wrote last whose place another one took.
    rest: Vec<u8>,
    events: VecDeque<PortEvent>,
    /// Until when nobody is accepted, where the system refused to.
    pause: Option<Pin<Box<Sleep>>>,
    /// That was said.
    is_stuck: bool,
}

/// How long to wait when the system refuses to accept a host.
const PAUSE: Duration = Duration::from_millis(100);

/// What is kept of a host that wrote, left, and has a successor already.
const REST_BYTES: usize = 16 * 1024;

#[derive(Debug)]
struct Host {
    stream: TcpStream,
    peer: SocketAddr,
    /// It has sent its last byte. It may still read: it keeps the port until the next host comes or writing fails.
    has_ended: bool,
}

impl TcpPort {
    /// Listens for hosts.
    ///
    /// # Errors
    /// [`PortError::Listen`] where the address cannot be had.
    pub async fn listen(at: SocketAddr) -> Result<Self, PortError> {
        let listener = TcpListener::bind(at).await;
        let listener = listener.map_err(|source| PortError::Listen { at, source })?;
        Ok(Self {
            listener,
            host: None,
            rest: vec![],
            events: VecDeque::new(),
            pause: None,
            is_stuck: false,
        })
    }

    /// Where hosts connect to.
    ///
    /// # Errors
    /// What the system says of the socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    fn on_host(&mut self, stream: TcpStream, peer: SocketAddr) {
        match &self.host {
            Some(host) if !host.is_leaving() => {
                tracing::warn!("host {peer} is refused: {} has the port", host.peer);
                self.events.push_back(PortEvent::Refused);
                return;
            }
            Some(host) => {
                self.rest = host.rest();
                self.events.push_back(PortEvent::Closed);
            }
            None => {}
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("host {peer}: its socket cannot send at once: {error}");
        }
        self.host = Some(Host {
            stream,
            peer,
            has_ended: false,
        });
        self.events.push_back(PortEvent::Opened);
    }

    /// What the host before this one wrote and nobody has read.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.rest)
    }

    fn on_error(&mut self, error: &io::Error) {
        tracing::debug!("the host is gone: {error}");
        self.host = None;
        self.events.push_back(PortEvent::Closed);
    }
}

impl Host {
    /// Whether it sends nothing more, even where that has not been read yet: one that comes back at once is not refused.
    fn is_leaving(&self) -> bool {
        let over = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let mut fds = [PollFd::new(&self.stream, over)];
        let looked = rustix::event::poll(&mut fds, Some(&Timespec::default()));
        self.has_ended || looked.is_ok() && fds[0].revents().intersects(over)
    }

    /// What it wrote and nobody has read.
    fn rest(&self) -> Vec<u8> {
        let mut rest = vec![0; REST_BYTES];
        let mut n = 0;
        // An error is the end, as the end is.
        while let Ok(more @ 1..) = rustix::io::read(&self.stream, &mut rest[n..]) {
            n += more;
        }
        rest.truncate(n);
        rest
    }
}

impl Port for TcpPort {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<PortEvent, PortError>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Ok(event));
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((stream, peer)) => {
                    self.is_stuck = false;
                    self.on_host(stream, peer);
                }
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Out of descriptors, most likely. The host waits in the backlog, and the listener stays ready: without a pause
                    // every step of the driver would try again.
                    if !std::mem::replace(&mut self.is_stuck, true) {
                        tracing::warn!("a host cannot be accepted: {error}; it is tried again");
                    }
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                }
            }
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, PortError>> {
        if !self.rest.is_empty() {
            let n = self.rest.len().min(buffer.len());
            buffer[..n].copy_from_slice(&self.rest[..n]);
            self.rest.drain(..n);
            return Poll::Ready(Ok(n));
        }
        let Some(host) = self.host.as_mut().filter(|host| !host.has_ended) else {
            return Poll::Pending;
        };
        loop {
            let ready = ready!(host.stream.poll_read_ready(cx));
            match ready.and_then(|()| host.stream.try_read(buffer)) {
                Ok(0) => {
                    host.has_ended = true;
                    return Poll::Pending;
                }
                Ok(n) => return Poll::Ready(Ok(n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => {
                    self.on_error(&error);
                    return Poll::Ready(Ok(0));
                }
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PortError>> {
        let Some(host) = &self.host else {
            return Poll::Ready(Ok(bytes.len()));
        };
        loop {
            let ready = ready!(host.stream.poll_write_ready(cx));
            match ready.and_then(|()| host.stream.try_write(bytes)) {
                Ok(n) => return Poll::Ready(Ok(n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => {
                    self.on_error(&error);
                    return Poll::Ready(Ok(bytes.len()));
                }
            }
        }
    }

    fn keeps_chunks(&self) -> bool {
        true
    }

    fn sees_opens(&self) -> bool {
        true
    }
}
