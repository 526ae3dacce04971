//! The host's end of a serial line: opened raw, read with a deadline, written while what comes is kept.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use espat_core::UartConfig;
use espat_host::SerialName;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{self, OptionalActions};

use crate::failure::Usage;

/// The rate of a module that was not told another one.
const BAUD: u32 = 115_200;

/// A serial device, as the module's host.
#[derive(Debug)]
pub(super) struct Line {
    device: PathBuf,
    port: OwnedFd,
    /// What came while something was written.
    read: Vec<u8>,
}

impl Line {
    /// Opens the device raw, at its rate.
    ///
    /// # Errors
    /// The device and what is the matter with it.
    pub(super) fn open(name: &SerialName) -> Result<Self, Usage> {
        let wrong = |e: io::Error| {
            let shown = name.device.display();
            Usage::new(format!(
                "--port {shown}: cannot be opened: {e}; `ls -l` shows whether it is there and whose it is"
            ))
        };
        let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
        let port: OwnedFd = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags.bits().cast_signed())
            .open(&name.device)
            .map_err(wrong)?
            .into();
        let line = Self {
            device: name.device.clone(),
            port,
            read: Vec::new(),
        };
        let rate = name.baud.unwrap_or(BAUD);
        line.make_raw(rate).map_err(|e| wrong(e.into()))?;
        Ok(line)
    }

    fn make_raw(&self, rate: u32) -> Result<(), Errno> {
        let mut settings = termios::tcgetattr(&self.port)?;
        settings.make_raw();
        settings.set_speed(rate)?;
        termios::tcsetattr(&self.port, OptionalActions::Now, &settings)
    }

    /// Goes on at another rate, when all that was written is out.
    pub(super) fn set_rate(&self, uart: UartConfig) -> Result<(), String> {
        let drained = termios::tcdrain(&self.port);
        drained
            .and_then(|()| self.make_raw(uart.baud))
            .map_err(|e| self.lost(e))
    }

    /// Writes everything, and keeps what comes meanwhile.
    pub(super) fn write(&mut self, mut bytes: &[u8], patience: Duration) -> Result<(), String> {
        let end = Instant::now() + patience;
        while !bytes.is_empty() {
            match rustix::io::write(&self.port, bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let left = end.saturating_duration_since(Instant::now());
                    if !self.wait(PollFlags::IN | PollFlags::OUT, left)? {
                        let (n, shown) = (bytes.len(), self.device.display());
                        return Err(format!("{shown} has not taken {n} bytes in {patience:?}"));
                    }
                    self.take()?;
                }
                Err(e) => return Err(self.lost(e)),
            }
        }
        Ok(())
    }

    /// What there is to read, or comes within `patience`.
    pub(super) fn read(&mut self, patience: Duration) -> Result<Option<Vec<u8>>, String> {
        if self.read.is_empty() && self.wait(PollFlags::IN, patience)? {
            self.take()?;
        }
        let read = std::mem::take(&mut self.read);
        Ok((!read.is_empty()).then_some(read))
    }

    /// Reads until `end` comes, and gives what came before it and it; `None` where it does not come in time. What follows stays.
    pub(super) fn until(
        &mut self,
        end: &[u8],
        patience: Duration,
    ) -> Result<Option<Vec<u8>>, String> {
        let deadline = Instant::now() + patience;
        let mut came = Vec::new();
        let mut searched = 0;
        loop {
            let found = came[searched..].windows(end.len()).position(|w| w == end);
            if let Some(at) = found {
                self.read = came.split_off(searched + at + end.len());
                return Ok(Some(came));
            }
            searched = came.len().saturating_sub(end.len());
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            match self.read(left)? {
                Some(more) => came.extend(more),
                None => return Ok(None),
            }
        }
    }

    /// Reads what there is until nothing came for `pause`.
    ///
    /// # Errors
    /// Bytes that do not end within `patience`.
    pub(super) fn settle(&mut self, pause: Duration, patience: Duration) -> Result<(), String> {
        let deadline = Instant::now() + patience;
        while self.read(pause)?.is_some() {
            if Instant::now() >= deadline {
                return Err(format!(
                    "{} does not stop sending for {pause:?} within {patience:?}: is the rate right (--port DEVICE@BAUD), does the module print a log there?",
                    self.device.display()
                ));
            }
        }
        Ok(())
    }

    fn wait(&self, what: PollFlags, patience: Duration) -> Result<bool, String> {
        let mut fds = [PollFd::new(&self.port, what)];
        let timeout = Timespec::try_from(patience).ok();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(n) => Ok(n > 0),
            Err(Errno::INTR) => Ok(false),
            Err(e) => Err(self.lost(e)),
        }
    }

    /// Takes what is there to read.
    fn take(&mut self) -> Result<(), String> {
        let mut buffer = [0; 4096];
        match rustix::io::read(&self.port, &mut buffer) {
            Ok(0) => Err(self.lost(Errno::IO)),
            Ok(n) => {
                self.read.extend_from_slice(&buffer[..n]);
                Ok(())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(e) => Err(self.lost(e)),
        }
    }

    fn lost(&self, error: Errno) -> String {
        format!("{} is lost: {error}", self.device.display())
    }
}
