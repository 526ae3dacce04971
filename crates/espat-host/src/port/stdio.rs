//! Standard input and output as the serial port. The module ends with its input.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use tokio::io::Interest;

use super::descriptor::Descriptor;
use super::{AfterClose, Port, PortError, PortEvent};

/// A port on two descriptors.
#[derive(Debug)]
pub struct StdioPort {
    input: Descriptor,
    output: Descriptor,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Told,
}

impl StdioPort {
    /// The process's standard input and output.
    ///
    /// # Errors
    /// [`PortError::Stdio`] where they cannot be polled.
    pub fn open() -> Result<Self, PortError> {
        Self::on(rustix::stdio::stdin(), rustix::stdio::stdout())
    }

    /// Any two descriptors.
    ///
    /// # Errors
    /// [`PortError::Stdio`] where they cannot be polled.
    pub fn on(input: impl AsFd, output: impl AsFd) -> Result<Self, PortError> {
        let input = own(input.as_fd(), OFlags::RDONLY)
            .and_then(|fd| Descriptor::new(fd, Interest::READABLE));
        let output = own(output.as_fd(), OFlags::WRONLY)
            .and_then(|fd| Descriptor::new(fd, Interest::WRITABLE));
        Ok(Self {
            input: input.map_err(|source| PortError::Stdio {
                stream: "input",
                source,
            })?,
            output: output.map_err(|source| PortError::Stdio {
                stream: "output",
                source,
            })?,
            state: State::Open,
        })
    }
}

/// A non-blocking descriptor of our own for the same stream, so that other processes on it keep theirs blocking.
fn own(fd: BorrowedFd<'_>, access: OFlags) -> io::Result<OwnedFd> {
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode);
    if kind.is_fifo() || kind.is_char_device() {
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
        let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        if let Ok(fd) = rustix::fs::open(path, flags, Mode::empty()) {
            return Ok(fd);
        }
    }
    let fd = fd.try_clone_to_owned()?;
    if !kind.is_file() {
        // A socket has one state for all who share it; there is no way around that.
        let flags = rustix::fs::fcntl_getfl(&fd)?;
        rustix::fs::fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
    }
    Ok(fd)
}

impl Port for StdioPort {
    fn poll_event(&mut self, _cx: &mut Context<'_>) -> Poll<Result<PortEvent, PortError>> {
        if self.state != State::Ended {
            return Poll::Pending;
        }
        self.state = State::Told;
        Poll::Ready(Ok(PortEvent::Closed))
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, PortError>> {
        if self.state != State::Open {
            return Poll::Pending;
        }
        match ready!(self.input.poll_read(cx, buffer)) {
            Ok(n) if n > 0 => Poll::Ready(Ok(n)),
            // A terminal that hung up answers with an error.
            Ok(_) | Err(Errno::IO) => {
                self.state = State::Ended;
                Poll::Ready(Ok(0))
            }
            Err(errno) => Poll::Ready(Err(PortError::Stdio {
                stream: "input",
                source: errno.into(),
            })),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PortError>> {
        let written = ready!(self.output.poll_write(cx, bytes));
        Poll::Ready(written.map_err(|errno| PortError::Stdio {
            stream: "output",
            source: errno.into(),
        }))
    }

    fn keeps_chunks(&self) -> bool {
        true
    }

    fn sees_opens(&self) -> bool {
        false
    }

    fn after_close(&self) -> AfterClose {
        AfterClose::Ends
    }
}
