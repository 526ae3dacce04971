//! The timer that the driver measures its time-outs with, and on which it waits for reports.

use std::time::{Duration, Instant};

use fugit_timer::{Timer, TimerDurationU32, TimerInstantU32};

use crate::port::pump;

/// A count-down on the system's clock.
pub(crate) struct SystemTimer {
    epoch: Instant,
    deadline: Option<Instant>,
}

impl SystemTimer {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            deadline: None,
        }
    }
}

impl Timer<HZ> for SystemTimer {
    type Error = NotStarted;

    fn now(&mut self) -> TimerInstantU32<HZ> {
        // The driver only subtracts, so that wrapping after 49 days is right.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "wraps, as a tick counter does"
        )]
        TimerInstantU32::from_ticks(self.epoch.elapsed().as_millis() as u32)
    }

    fn start(&mut self, duration: TimerDurationU32<HZ>) -> Result<(), NotStarted> {
        self.deadline = Some(Instant::now() + Duration::from_millis(duration.to_millis().into()));
        Ok(())
    }

    fn cancel(&mut self) -> Result<(), NotStarted> {
        self.deadline.take().map(|_| ()).ok_or(NotStarted)
    }

    fn wait(&mut self) -> nb::Result<(), NotStarted> {
        let deadline = self.deadline.ok_or(nb::Error::Other(NotStarted))?;
        pump();
        if Instant::now() < deadline {
            return Err(nb::Error::WouldBlock);
        }
        self.deadline = None;
        Ok(())
    }
}

/// `wait` or `cancel` without `start`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotStarted;

/// Milliseconds.
pub(crate) const HZ: u32 = 1000;
