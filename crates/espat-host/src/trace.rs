//! What the module observes, as log lines. Never payload, never a password: events carry neither.

use std::time::Duration;

use espat_core::{Dropped, Event, Instant};

use crate::counters::Counter;

/// A module that goes on dropping says so that often: a flood is not to flood the log.
const DROPS_PAUSE: Duration = Duration::from_secs(1);

/// The log of one module's events.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    drops: Vec<Drops>,
}

/// What is thrown away for one reason.
#[derive(Debug)]
struct Drops {
    what: Dropped,
    /// Bytes of which the log has not told.
    untold: usize,
    told_at: Option<Instant>,
}

impl Trace {
    pub(crate) fn event(&mut self, now: Instant, event: Event, dropped: &Counter) {
        match event {
            Event::Boot(cause) => tracing::info!("boot, {cause:?}"),
            Event::Ready => tracing::info!("ready"),
            Event::StationUp => tracing::info!("the station has its address"),
            Event::StationDown => tracing::info!("the station lost its access point"),
            Event::Dropped { what, bytes } => {
                dropped.add(bytes);
                self.drops_of(what).add(now, bytes);
            }
            Event::Sleeping => tracing::info!("deep sleep"),
        }
    }

    fn drops_of(&mut self, what: Dropped) -> &mut Drops {
        let at = self.drops.iter().position(|drops| drops.what == what);
        let at = at.unwrap_or_else(|| {
            self.drops.push(Drops {
                what,
                untold: 0,
                told_at: None,
            });
            self.drops.len() - 1
        });
        &mut self.drops[at]
    }
}

impl Drops {
    fn add(&mut self, now: Instant, bytes: usize) {
        self.untold += bytes;
        let is_due = |told_at: Instant| now.since(told_at) >= DROPS_PAUSE || now < told_at;
        if self.told_at.is_none_or(is_due) {
            let bytes = std::mem::take(&mut self.untold);
            tracing::warn!("{bytes} bytes dropped, {:?}", self.what);
            self.told_at = Some(now);
        }
    }
}
