//! The `espat` binary as its users start it: a process of its own with a PTY, in a process group that never outlives us.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

/// The running daemon's process group, for the ends of this program that run no destructor; 0 without one.
static GROUP: AtomicI32 = AtomicI32::new(0);

/// A running module.
pub struct Daemon {
    child: Child,
    link: PathBuf,
}

impl Daemon {
    /// Starts `espat run --pty LINK` with `options` and waits until it says that the port is there.
    pub fn start(espat: &Path, link: &Path, options: &[&str]) -> Result<Self> {
        let mut child = Command::new(espat)
            .arg("run")
            .arg("--pty")
            .arg(link)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("{} cannot be started", espat.display()))?;
        GROUP.store(i32::try_from(child.id()).unwrap_or(0), Ordering::SeqCst);
        let stdout = child.stdout.take().context("no standard output")?;
        let daemon = Self {
            child,
            link: link.to_owned(),
        };
        let (lines, first) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Read on when nobody listens any more, so that the daemon never writes into a closed pipe.
                let _ = lines.send(line);
            }
        });
        let line = first
            .recv_timeout(START)
            .context("espat did not say where its PTY is")?;
        ensure!(
            line.starts_with(&format!("pty {} -> ", link.display())),
            "espat said `{line}`"
        );
        Ok(daemon)
    }

    /// Where the serial port is.
    pub fn link(&self) -> &Path {
        &self.link
    }

    /// Ends the module as a user would: SIGTERM, and then it has to exit with 0.
    pub fn stop(mut self) -> Result<()> {
        signal_group(Signal::TERM);
        let status = self.wait(STOP)?;
        ensure!(status.success(), "espat ended with {status} on SIGTERM");
        ensure!(
            !self.link.exists(),
            "espat left {} behind",
            self.link.display()
        );
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
        bail!("espat did not end within {limit:?} of SIGTERM")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        kill_group();
        let _ = self.child.wait();
        GROUP.store(0, Ordering::SeqCst);
    }
}

/// Ends the daemon and all that it started, at once.
pub fn kill_group() {
    signal_group(Signal::KILL);
}

fn signal_group(signal: Signal) {
    if let Some(group) = Pid::from_raw(GROUP.load(Ordering::SeqCst)) {
        let _ = kill_process_group(group, signal);
    }
}

const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);
