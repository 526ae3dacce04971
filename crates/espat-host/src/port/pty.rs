//! The serial port as a pseudo terminal.
//!
//! We keep a slave descriptor of our own: without one the master hangs up for good when a host closes, and a lock that a
//! host left (`TIOCEXCL`) could not be taken off. Whether hosts are there shows in two ways: inotify tells that the slave
//! was opened or closed, and once our own descriptor is closed for a moment, a hang-up of the master tells that it was the
//! last one.

use std::collections::VecDeque;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, QueueSelector};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::descriptor::{LazyWriter, poll_read, register};
use super::link::Link;
use super::{Port, PortError, PortEvent};

/// A port that hosts open as a terminal.
#[derive(Debug)]
pub struct PtyPort {
    /// Goes first: while it leads to a living PTY nobody else takes its place.
    link: Link,
    /// `None` only while it is registered anew: readiness after a hang-up never ends.
    master: Option<AsyncFd<OwnedFd>>,
    writer: LazyWriter,
    slave: Option<OwnedFd>,
    slave_path: PathBuf,
    watch: AsyncFd<OwnedFd>,
    state: State,
    events: VecDeque<PortEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open,
    /// The last host is gone, what it wrote is not read yet.
    Leaving,
}

impl PtyPort {
    /// Opens a PTY and links it at `link`, or in the user's runtime directory.
    ///
    /// # Errors
    /// [`PortError`] where the system has no PTY left, or the link cannot be made.
    pub fn open(link: Option<&Path>) -> Result<Self, PortError> {
        let (master, slave, slave_path) = open_pair().map_err(PortError::OpenPty)?;
        let watch = watch(&slave_path).map_err(PortError::OpenPty)?;
        let link = Link::create(link, &slave_path)?;
        Ok(Self {
            link,
            master: Some(readable(master).map_err(PortError::OpenPty)?),
            writer: LazyWriter::default(),
            slave: Some(slave),
            slave_path,
            watch,
            state: State::Closed,
            events: VecDeque::new(),
        })
    }

    /// The stable name.
    #[must_use]
    pub fn link(&self) -> &Path {
        self.link.path()
    }

    /// What the name leads to.
    #[must_use]
    pub fn device(&self) -> &Path {
        &self.slave_path
    }

    /// The rate that the host has set, or that nobody has.
    #[must_use]
    pub fn rate(&self) -> Option<u32> {
        let settings = rustix::termios::tcgetattr(self.slave.as_ref()?).ok()?;
        Some(settings.output_speed())
    }

    /// Whether what was seen after it still counts.
    fn on_seen(&mut self, seen: ReadFlags) -> io::Result<bool> {
        let closed = ReadFlags::CLOSE_WRITE | ReadFlags::CLOSE_NOWRITE;
        match self.state {
            State::Closed if seen.contains(ReadFlags::OPEN) => self.on_open(),
            State::Leaving if seen.contains(ReadFlags::OPEN) => {
                self.events.push_back(PortEvent::Closed);
                self.on_open();
            }
            State::Open if seen.intersects(closed) => {
                self.look_for_hosts()?;
                return Ok(false);
            }
            State::Closed | State::Leaving | State::Open => {}
        }
        Ok(true)
    }

    fn on_open(&mut self) {
        self.state = State::Open;
        self.events.push_back(PortEvent::Opened);
    }

    /// A host closed the slave: was it the last?
    fn look_for_hosts(&mut self) -> io::Result<()> {
        if let Some(slave) = self.slave.take() {
            // A lock would outlive the host that set it, and lock out the next one and us.
            rustix::termios::ioctl_tiocnxcl(&slave)?;
        }
        // What was seen up to here, our own close included, is answered by the look at the master that follows.
        read_seen(&self.watch);
        let master = self.master.take().ok_or(Errno::BADF)?.into_inner();
        let is_last = has_hung_up(&master)?;
        let slave = open_slave(&self.slave_path)?;
        if is_last {
            // Of what we see next, one opening is our own.
            read_seen(&self.watch);
            make_raw(&slave)?;
            rustix::termios::tcflush(&master, QueueSelector::OFlush)?;
            rustix::termios::tcflush(&slave, QueueSelector::IFlush)?;
            self.state = State::Leaving;
        }
        self.slave = Some(slave);
        self.writer = LazyWriter::default();
        self.master = Some(readable(master)?);
        Ok(())
    }

    fn poll_seen(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.watch.poll_read_ready(cx))?;
            let seen = read_seen(&self.watch);
            if seen.is_empty() {
                ready.clear_ready();
                continue;
            }
            for seen in seen {
                if !self.on_seen(seen)? {
                    break;
                }
            }
            if !self.events.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn master(&self) -> Result<&AsyncFd<OwnedFd>, PortError> {
        self.master
            .as_ref()
            .ok_or_else(|| PortError::UsePty(Errno::BADF.into()))
    }
}

impl Port for PtyPort {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<PortEvent, PortError>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Ok(event));
            }
            ready!(self.poll_seen(cx)).map_err(PortError::UsePty)?;
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, PortError>> {
        if self.state == State::Closed {
            // Whoever writes is a host, even if its opening was missed.
            let ready = ready!(self.master()?.poll_read_ready(cx));
            drop(ready);
            let waiting = rustix::io::ioctl_fionread(self.master()?);
            if waiting.is_ok_and(|n| n > 0) {
                self.on_open();
                return Poll::Ready(Ok(0));
            }
        }
        match poll_read(self.master()?, cx, buffer) {
            Poll::Ready(Ok(n)) if n > 0 => Poll::Ready(Ok(n)),
            Poll::Ready(Err(errno)) if errno != Errno::IO => {
                Poll::Ready(Err(PortError::UsePty(errno.into())))
            }
            Poll::Ready(_) | Poll::Pending if self.state == State::Leaving => {
                self.state = State::Closed;
                self.events.push_back(PortEvent::Closed);
                Poll::Ready(Ok(0))
            }
            Poll::Ready(_) | Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, PortError>> {
        if self.state != State::Open {
            return Poll::Ready(Ok(bytes.len()));
        }
        let Some(master) = &self.master else {
            return Poll::Ready(Ok(bytes.len()));
        };
        let written = ready!(self.writer.poll_write(master, cx, bytes));
        Poll::Ready(written.map_err(|errno| PortError::UsePty(errno.into())))
    }

    fn host_baud(&self) -> Option<u32> {
        let line = rustix::termios::tcgetattr(self.master.as_ref()?);
        line.ok().map(|line| line.output_speed())
    }

    fn sees_opens(&self) -> bool {
        true
    }
}

fn open_pair() -> io::Result<(OwnedFd, OwnedFd, PathBuf)> {
    let master =
        rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let flags = rustix::fs::fcntl_getfl(&master)?;
    rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
    let path = rustix::pty::ptsname(&master, Vec::new())?;
    let path = PathBuf::from(std::ffi::OsString::from_vec(path.into_bytes()));
    let slave = open_slave(&path)?;
    make_raw(&slave)?;
    Ok((master, slave, path))
}

fn open_slave(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// A line discipline that passes bytes through, whatever the last host left.
fn make_raw(slave: &OwnedFd) -> io::Result<()> {
    let mut termios = rustix::termios::tcgetattr(slave)?;
    termios.make_raw();
    Ok(rustix::termios::tcsetattr(
        slave,
        OptionalActions::Now,
        &termios,
    )?)
}

fn readable(master: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    Ok(register(master, Interest::READABLE)?)
}

fn watch(path: &Path) -> io::Result<AsyncFd<OwnedFd>> {
    let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watch, path, WatchFlags::OPEN | WatchFlags::CLOSE)?;
    Ok(register(watch, Interest::READABLE)?)
}

/// What was seen since the last call.
fn read_seen(watch: &AsyncFd<OwnedFd>) -> Vec<ReadFlags> {
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut reader = Reader::new(watch, &mut buffer);
    let mut seen = Vec::new();
    while let Ok(event) = reader.next() {
        seen.push(event.events());
    }
    seen
}

fn has_hung_up(master: &OwnedFd) -> io::Result<bool> {
    let mut fds = [PollFd::new(master, PollFlags::IN)];
    rustix::event::poll(
        &mut fds,
        Some(&Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        }),
    )?;
    Ok(fds[0].revents().contains(PollFlags::HUP))
}
