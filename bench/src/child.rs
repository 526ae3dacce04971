//! Programs with a serial port that the bench starts, and ends with itself.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::serial::{PATIENCE, Serial};

/// How long a program may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// A program at work; ended when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) serial: Serial,
}

impl Child {
    /// Starts a program that says `pty LINK -> DEVICE` on its standard output.
    pub(crate) fn on_pty(command: &mut Command) -> Result<Self> {
        let mut process = Reaped(Some(start(command.stdout(Stdio::piped()))?));
        let device = announced(process.get()?)?;
        let serial = Serial::open(&device)?;
        Ok(Self {
            process: process.take()?,
            serial,
        })
    }

    /// Starts a program that makes its PTY's link at `link`.
    pub(crate) fn on_link(command: &mut Command, link: &Path) -> Result<Self> {
        let mut process = Reaped(Some(start(command)?));
        let since = Instant::now();
        while !link.exists() {
            if since.elapsed() > PATIENCE {
                bail!("{} did not appear", link.display());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let serial = Serial::open(link)?;
        Ok(Self {
            process: process.take()?,
            serial,
        })
    }

    /// Starts a program whose standard input and output are the serial port.
    pub(crate) fn on_stdio(command: &mut Command) -> Result<Self> {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = start(command)?;
        let output = process.stdin.take().context("no pipe")?;
        let input = process.stdout.take().context("no pipe")?;
        Ok(Self {
            process,
            serial: Serial::pipes(input.into(), output.into())?,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// This program, to be started again.
pub(crate) fn this_program() -> Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}

/// Ends a process that has no [`Child`] yet.
struct Reaped(Option<std::process::Child>);

impl Reaped {
    fn get(&mut self) -> Result<&mut std::process::Child> {
        self.0.as_mut().context("the process is taken")
    }

    fn take(&mut self) -> Result<std::process::Child> {
        self.0.take().context("the process is taken")
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        if let Some(process) = &mut self.0 {
            end(process);
        }
    }
}

/// Asks it to end, so that it takes its PTY's link away, and makes it end where it does not.
fn end(process: &mut std::process::Child) {
    // Whatever fails here, it may have ended by itself, which is as good.
    let _ = kill_process(Pid::from_child(process), Signal::TERM);
    let since = Instant::now();
    while matches!(process.try_wait(), Ok(None)) {
        if since.elapsed() > GRACE {
            let _ = process.kill();
            let _ = process.wait();
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn start(command: &mut Command) -> Result<std::process::Child> {
    let spawned = command.spawn();
    spawned.with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// Reads the line that names the device.
fn announced(process: &mut std::process::Child) -> Result<PathBuf> {
    let stdout = process.stdout.as_mut().context("no pipe")?;
    let mut fds = [PollFd::new(stdout, PollFlags::IN)];
    let timeout = Timespec::try_from(PATIENCE)?;
    if poll(&mut fds, Some(&timeout))? == 0 {
        bail!("a program has not named its PTY for {PATIENCE:?}");
    }
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let device = line.trim_end().split(" -> ").nth(1);
    device
        .map(PathBuf::from)
        .with_context(|| format!("a program named no PTY: `{}`", line.trim_end()))
}
