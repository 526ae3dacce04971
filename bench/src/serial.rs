//! The host's end of a serial port: a PTY's slave, or two pipes. Nothing waits longer than its deadline.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::OptionalActions;

/// How long nothing at all may happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The host's end.
#[derive(Debug)]
pub(crate) struct Serial {
    input: OwnedFd,
    /// None where it is the same as the input.
    output: Option<OwnedFd>,
}

impl Serial {
    /// Opens a PTY's slave, in raw mode.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        let input = opened.with_context(|| format!("cannot open {}", path.display()))?;
        make_raw(&input)?;
        Ok(Self {
            input,
            output: None,
        })
    }

    /// A child's standard output and input.
    pub(crate) fn pipes(input: OwnedFd, output: OwnedFd) -> Result<Self> {
        for fd in [&input, &output] {
            let flags = rustix::fs::fcntl_getfl(fd)?;
            rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK)?;
        }
        Ok(Self {
            input,
            output: Some(output),
        })
    }

    /// The same end, for another thread.
    pub(crate) fn again(&self) -> Result<Self> {
        let output = self.output.as_ref().map(OwnedFd::try_clone);
        Ok(Self {
            input: self.input.try_clone()?,
            output: output.transpose()?,
        })
    }

    /// Writes all of it.
    pub(crate) fn write(&self, mut bytes: &[u8]) -> Result<()> {
        let fd = self.output.as_ref().unwrap_or(&self.input);
        while !bytes.is_empty() {
            match rustix::io::write(fd, bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(Errno::AGAIN) => wait(fd, PollFlags::OUT)?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("the serial port cannot be written"),
            }
        }
        Ok(())
    }

    /// Waits for bytes and reads what is there.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            wait(&self.input, PollFlags::IN)?;
            match rustix::io::read(&self.input, &mut *buffer) {
                Ok(0) => bail!("the serial port has ended"),
                Ok(n) => return Ok(n),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error).context("the serial port cannot be read"),
            }
        }
    }

    /// Reads up to and with `end`, which must be the last that comes.
    pub(crate) fn read_to(&self, end: &[u8]) -> Result<Vec<u8>> {
        let mut said = Vec::new();
        let mut buffer = [0; 4096];
        while !said.ends_with(end) {
            let read = self.read(&mut buffer);
            let n = read.with_context(|| {
                let (end, said) = (end.escape_ascii(), said.escape_ascii());
                format!("waiting for `{end}`, having got `{said}`")
            })?;
            said.extend_from_slice(&buffer[..n]);
        }
        Ok(said)
    }

    /// Writes a command line and reads up to its OK.
    pub(crate) fn command(&self, line: &str) -> Result<()> {
        self.write(format!("{line}\r\n").as_bytes())?;
        self.read_to(b"OK\r\n").with_context(|| line.to_owned())?;
        Ok(())
    }

    /// Reads until nothing has come for a moment.
    pub(crate) fn settle(&self) -> Result<()> {
        let mut buffer = [0; 4096];
        while is_ready(&self.input, PollFlags::IN, Duration::from_millis(50))? {
            self.read(&mut buffer)?;
        }
        Ok(())
    }
}

/// A line discipline that passes bytes through.
pub(crate) fn make_raw(terminal: &OwnedFd) -> Result<()> {
    let mut termios = rustix::termios::tcgetattr(terminal)?;
    termios.make_raw();
    rustix::termios::tcsetattr(terminal, OptionalActions::Now, &termios)?;
    Ok(())
}

fn wait(fd: &OwnedFd, flags: PollFlags) -> Result<()> {
    if !is_ready(fd, flags, PATIENCE)? {
        bail!("nothing happened for {PATIENCE:?}");
    }
    Ok(())
}

fn is_ready(fd: &OwnedFd, flags: PollFlags, patience: Duration) -> Result<bool> {
    let mut fds = [PollFd::new(fd, flags)];
    let timeout = Timespec::try_from(patience)?;
    Ok(rustix::io::retry_on_intr(|| poll(&mut fds, Some(&timeout)))? > 0)
}
