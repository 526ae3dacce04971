//! What the hosts need around their driver: the `espat` binary as its users start it, peers for its links, and an end in any case.

pub mod daemon;
pub mod peer;
mod steps;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

pub use daemon::Daemon;
pub use steps::Steps;

/// What a host is run with.
#[derive(Debug)]
pub struct Arguments {
    /// The firmware line of its module.
    pub profile: String,
    /// The `espat` binary.
    pub espat: PathBuf,
}

/// Runs a host whose arguments are a profile and the `espat` binary: exit code 0 where `run` succeeds within `limit`.
pub fn host(limit: Duration, run: fn(&Arguments) -> Result<()>) -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [profile, espat] = arguments.as_slice() else {
        eprintln!("error: a profile and the `espat` binary are needed");
        return ExitCode::from(2);
    };
    let arguments = Arguments {
        profile: profile.to_string_lossy().into_owned(),
        espat: espat.into(),
    };
    let (finished, outcome) = mpsc::channel();
    match Signals::new([SIGINT, SIGTERM]) {
        Ok(mut signals) => {
            let finished = finished.clone();
            std::thread::spawn(move || {
                for signal in signals.forever() {
                    let _ = finished.send(Err(anyhow!("ended by signal {signal}")));
                }
            });
        }
        Err(e) => eprintln!("warning: signals cannot be caught: {e}"),
    }
    std::thread::spawn(move || {
        let done = catch_unwind(AssertUnwindSafe(|| run(&arguments)));
        let _ = finished.send(done.unwrap_or_else(|_| Err(anyhow!("a panic"))));
    });
    let done = outcome
        .recv_timeout(limit)
        .unwrap_or_else(|_| Err(anyhow!("no outcome within {limit:?}")));
    daemon::kill_group();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
