//! How much later a module did something because its line took time.
//!
//! After a result a report keeps its distance, which begins when the UART is empty. In a replay the line takes no time, and so a report stands
//! there, and in a record, earlier by what the line took.

use espat_core::{Duration, Input, Instant, Timer, Wake};

/// From when to when something waited for the line.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// When the last output was made.
    made: Instant,
    /// What the line took since.
    taken: Duration,
    /// The end of the distance, as it is and as it would be.
    due: Option<(Instant, Instant)>,
    /// The present input is that end.
    is_over: bool,
}

impl Lag {
    pub(super) fn on_input(&mut self, now: Instant, input: &Input<'_>) {
        self.is_over = false;
        match input {
            Input::SerialSent(_) => self.taken = now.since(self.made),
            Input::Tick => self.is_over = self.due.is_some_and(|(due, _)| now >= due),
            Input::Serial(_)
            | Input::SerialBreak
            | Input::Net(_)
            | Input::Stored { .. }
            | Input::Air(_)
            | Input::Power(_) => {}
        }
    }

    pub(super) const fn on_said(&mut self, made: Instant) {
        self.made = made;
    }

    pub(super) fn on_idle(&mut self, wake_at: Option<Instant>, why: Wake) {
        self.due = match (wake_at, why, self.due) {
            (Some(due), Wake::Timer(Timer::ReportGap), Some((before, _))) if due == before => {
                return;
            }
            (Some(due), Wake::Timer(Timer::ReportGap), _) => {
                let early = due.as_micros().saturating_sub(micros(self.taken));
                Some((due, Instant::from_micros(early)))
            }
            (_, _, Some((due, early))) if wake_at.is_some_and(|at| at < due) => Some((due, early)),
            (_, _, _) => None,
        };
    }

    /// When what comes out now would have come.
    pub(super) fn made(&self, now: Instant) -> Instant {
        match self.due {
            Some((_, early)) if self.is_over => early,
            Some(_) | None => now,
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
