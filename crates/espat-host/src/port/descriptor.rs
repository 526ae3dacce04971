//! A descriptor that is polled where the kernel can, and read and written directly where it cannot (plain files).

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdRegisterError};

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
pub(super) fn register(
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
            Err(Errno::AGAIN) => ready.clear_ready(),
            Err(Errno::INTR) => {}
            read => return Poll::Ready(read),
        }
    }
}

/// Writes what is taken.
pub(super) fn poll_write(
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
