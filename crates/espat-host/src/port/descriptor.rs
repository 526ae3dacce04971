//! A descriptor that is polled where the kernel can, and read and written directly where it cannot (plain files).

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdRegisterError};

/// What a terminal yields at once at most, however much waits behind it.
const TERMINAL_QUEUE_BYTES: usize = 4095;

/// A descriptor of our own, non-blocking where it is polled.
#[derive(Debug)]
pub(super) enum Descriptor {
    Polled(AsyncFd<OwnedFd>),
    /// Always ready.
    Plain(OwnedFd),
}

impl Descriptor {
    pub(super) fn new(fd: OwnedFd, interest: Interest) -> io::Result<Self> {
        match register(fd, interest) {
            Ok(fd) => Ok(Self::Polled(fd)),
            Err(error) => {
                let (fd, error) = error.into_parts();
                let is_plain = Errno::from_io_error(&error) == Some(Errno::PERM);
                if is_plain {
                    Ok(Self::Plain(fd))
                } else {
                    Err(error)
                }
            }
        }
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Errno>> {
        match self {
            Self::Polled(fd) => poll_read(fd, cx, buffer),
            Self::Plain(fd) => Poll::Ready(rustix::io::retry_on_intr(|| {
                rustix::io::read(fd, &mut *buffer)
            })),
        }
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Errno>> {
        match self {
            Self::Polled(fd) => poll_write(fd, cx, bytes),
            Self::Plain(fd) => {
                Poll::Ready(rustix::io::retry_on_intr(|| rustix::io::write(fd, bytes)))
            }
        }
    }
}

/// Registers a descriptor with the runtime, which owns it from then on.
pub(crate) fn register(
    fd: OwnedFd,
    interest: Interest,
) -> Result<AsyncFd<OwnedFd>, AsyncFdRegisterError<OwnedFd>> {
    #[expect(
        unsafe_code,
        reason = "tokio has no safe way since it asks for I/O safety here"
    )]
    // SAFETY: an `OwnedFd` keeps the descriptor open and always names the same one, and nothing but the `AsyncFd` has it.
    unsafe {
        AsyncFd::register_with_interest(fd, interest)
    }
}

/// Reads what is there.
pub(super) fn poll_read(
    fd: &AsyncFd<OwnedFd>,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<Result<usize, Errno>> {
    loop {
        let mut ready = ready!(fd.poll_read_ready(cx)).map_err(|_| Errno::SHUTDOWN)?;
        match rustix::io::read(fd, &mut *buffer) {
            Ok(n) => {
                if 0 < n && n < buffer.len().min(TERMINAL_QUEUE_BYTES) {
                    // That was all: what comes later makes it ready again, so nobody has to look in vain.
                    ready.clear_ready();
                }
                return Poll::Ready(Ok(n));
            }
            Err(Errno::AGAIN) => ready.clear_ready(),
            Err(Errno::INTR) => {}
            Err(errno) => return Poll::Ready(Err(errno)),
        }
    }
}

/// Writes what is taken.
fn poll_write(
    fd: &AsyncFd<OwnedFd>,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<Result<usize, Errno>> {
    loop {
        let mut ready = ready!(fd.poll_write_ready(cx)).map_err(|_| Errno::SHUTDOWN)?;
        match rustix::io::write(fd, bytes) {
            Err(Errno::AGAIN) => ready.clear_ready(),
            Err(Errno::INTR) => {}
            written => return Poll::Ready(written),
        }
    }
}

/// The writing side of a non-blocking descriptor, registered only while it is not taken as fast as it is written:
/// otherwise every read of the other side would wake the runtime to say that there is room.
#[derive(Debug, Default)]
pub(super) struct LazyWriter {
    registered: Option<AsyncFd<OwnedFd>>,
    /// Writes since the last one that had to wait.
    fluent: u32,
}

impl LazyWriter {
    /// So many writes that need not wait, and the writer is registered no longer.
    const FLUENT: u32 = 64;

    pub(super) fn poll_write(
        &mut self,
        fd: impl AsFd,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Errno>> {
        match rustix::io::retry_on_intr(|| rustix::io::write(&fd, bytes)) {
            Err(Errno::AGAIN) => {}
            written => {
                self.fluent += 1;
                if self.fluent == Self::FLUENT {
                    self.registered = None;
                }
                return Poll::Ready(written);
            }
        }
        self.fluent = 0;
        let registered = match self.registered.take() {
            Some(registered) => registered,
            None => {
                let own = rustix::io::fcntl_dupfd_cloexec(&fd, 0)?;
                register(own, Interest::WRITABLE)
                    .map_err(|error| Errno::from_io_error(&error.into()).unwrap_or(Errno::IO))?
            }
        };
        poll_write(self.registered.insert(registered), cx, bytes)
    }
}
