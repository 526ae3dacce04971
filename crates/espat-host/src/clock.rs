//! Maps tokio's time, which tests may pause, to the module's: microseconds since its first power-on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use espat_core::Instant;
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

/// The module's clock, started at its first power-on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: TokioInstant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            origin: TokioInstant::now(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn tokio_instant(&self, at: Instant) -> TokioInstant {
        // A deadline beyond what the system's clock can express is as good as a day away: it is armed again then.
        let far = Duration::from_secs(86_400);
        let since = Duration::from_micros(at.as_micros());
        self.origin
            .checked_add(since)
            .unwrap_or_else(|| TokioInstant::now() + far)
    }
}

/// The driver's only timer: armed for one instant, allocated while armed.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Option<Instant>,
}

impl Alarm {
    /// Arms the alarm for `at` and polls it; ready means that `at` has come.
    pub(crate) fn poll_at(
        &mut self,
        cx: &mut Context<'_>,
        clock: &Clock,
        at: Option<Instant>,
    ) -> Poll<()> {
        let Some(at) = at else {
            *self = Self::default();
            return Poll::Pending;
        };
        let rearm = self.armed != Some(at);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(clock.tokio_instant(at))));
        if rearm {
            sleep.as_mut().reset(clock.tokio_instant(at));
            self.armed = Some(at);
        }
        let due = sleep.as_mut().poll(cx);
        if due.is_ready() {
            self.armed = None;
        }
        due
    }
}
