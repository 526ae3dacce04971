//! Links that the module has closed and that still have bytes to send, or unread ones that would turn the end into a reset.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use espat_core::Instant;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::tcp::{poll_write_some, reset};

/// How long bytes that were taken may need to leave where no linger option says it.
const FLUSH: Duration = Duration::from_secs(20);

/// How long a closed link's unread data is thrown away, so that a reset does not overtake what was sent.
const DISCARD: Duration = Duration::from_secs(2);

/// How many linger at a time; one more resets the oldest.
const LINGERING_MAX: usize = 64;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Lingerers(VecDeque<Lingering>);

impl Lingerers {
    pub(super) fn add(&mut self, link: Option<Lingering>) {
        self.0.extend(link);
        if self.0.len() > LINGERING_MAX
            && let Some(oldest) = self.0.pop_front()
        {
            reset(&oldest.stream);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().map(|link| link.deadline).min()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, now: Instant, buffer: &mut [u8]) {
        self.0
            .retain_mut(|link| link.poll(cx, now, buffer).is_pending());
    }
}

/// A link that the module has closed.
#[derive(Debug)]
pub(super) struct Lingering {
    stream: TcpStream,
    unsent: Vec<u8>,
    is_shut: bool,
    deadline: Instant,
}

impl Lingering {
    /// `None` where the kernel can do the rest.
    pub(super) fn start(
        stream: TcpStream,
        unsent: Vec<u8>,
        linger_s: Option<u16>,
        now: Instant,
    ) -> Option<Self> {
        let is_unread = rustix::io::ioctl_fionread(&stream).is_ok_and(|n| n > 0);
        if unsent.is_empty() && !is_unread {
            return None;
        }
        let time = linger_s.map_or(FLUSH, |s| Duration::from_secs(u64::from(s)));
        Some(Self {
            stream,
            unsent,
            is_shut: false,
            deadline: now + time,
        })
    }

    /// Ready when the socket can be dropped.
    fn poll(&mut self, cx: &mut Context<'_>, now: Instant, buffer: &mut [u8]) -> Poll<()> {
        match self.poll_end(cx, now, buffer) {
            Poll::Pending if now >= self.deadline => {
                if !self.is_shut {
                    reset(&self.stream);
                }
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(_) => Poll::Ready(()),
        }
    }

    fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        buffer: &mut [u8],
    ) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let n = ready!(poll_write_some(&self.stream, cx, &self.unsent))?;
            self.unsent.drain(..n);
        }
        if !self.is_shut {
            SockRef::from(&self.stream).shutdown(Shutdown::Write)?;
            self.is_shut = true;
            self.deadline = now + DISCARD;
        }
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(buffer) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}
