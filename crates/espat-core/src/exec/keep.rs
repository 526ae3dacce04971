//! Settings on their way into the flash: they become valid, and their command answers OK, when they are durable.

use alloc::vec::Vec;

use super::cx::Cx;
use super::operation::{OpEvent, Operation, Progress};
use crate::input::StoreError;
use crate::nvs::{Scope, Setting};
use crate::outbox::Keep;
use crate::output::StoreTag;
use crate::time::{Duration, Instant};
use crate::timers::Timer;

/// Settings that are being written.
///
/// A command that writes before it ends (`AT+CWJAP` at association) holds one, lets it hear every event, and makes the
/// settings valid when it has an outcome.
#[derive(Debug)]
pub(crate) struct Write {
    settings: Vec<Setting>,
    scope: Scope,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Waiting(StoreTag),
    Ended(Result<(), StoreError>),
}

impl Write {
    pub(crate) fn hear(&mut self, event: &OpEvent<'_>) {
        if let (State::Waiting(tag), &OpEvent::Stored(stored, result)) = (self.state, event)
            && tag == stored
        {
            self.state = State::Ended(result);
        }
    }

    /// Whether the settings are durable; `None` while that is open.
    pub(crate) fn outcome(&self) -> Option<Result<(), StoreError>> {
        match self.state {
            State::Waiting(_) => None,
            State::Ended(result) => Some(result),
        }
    }

    /// Makes the settings valid.
    pub(crate) fn apply(&self, cx: &mut Cx<'_>) {
        for setting in &self.settings {
            cx.nvs.apply(setting, self.scope);
        }
    }
}

impl Cx<'_> {
    /// Starts to write those of the settings that are to be kept: one write for all of them.
    pub(crate) fn write(&mut self, settings: Vec<Setting>, scope: Scope) -> Write {
        let is_kept = settings
            .iter()
            .any(|setting| self.nvs.keeps(setting, scope));
        let state = if self.env.config.durable && is_kept {
            let (tag, values) = self.nvs.begin_write(&settings, scope);
            self.env.out.store(tag, Keep::Values(values));
            State::Waiting(tag)
        } else {
            State::Ended(Ok(()))
        };
        Write {
            settings,
            scope,
            state,
        }
    }

    /// The flash has lost the kept settings; the boot under way finds the first values. A write that a reset found under way comes to its
    /// end instead.
    pub(crate) fn lose_settings(&mut self) {
        if !self.nvs.is_writing() {
            self.erase();
        }
    }

    /// Starts to erase all settings; they stay valid until the next boot.
    pub(crate) fn erase(&mut self) -> Write {
        let state = if self.env.config.durable {
            let tag = self.nvs.begin_erase(self.env.config);
            self.env.out.store(tag, Keep::Erase);
            State::Waiting(tag)
        } else {
            self.nvs.erase(self.env.config);
            State::Ended(Ok(()))
        };
        Write {
            settings: Vec::new(),
            scope: Scope::default(),
            state,
        }
    }
}

/// A command that does nothing but keep settings.
#[derive(Debug)]
pub(crate) struct Keeping {
    write: Write,
    then: fn(&mut Cx<'_>),
    /// How long a real flash takes.
    flash_until: Instant,
}

impl Keeping {
    pub(crate) fn start(
        cx: &mut Cx<'_>,
        settings: Vec<Setting>,
        scope: Scope,
        then: fn(&mut Cx<'_>),
    ) -> (Self, Progress) {
        let is_kept = settings.iter().any(|setting| cx.nvs.keeps(setting, scope));
        let flash = if is_kept {
            cx.env.delay(cx.env.profile().delays.flash)
        } else {
            Duration::ZERO
        };
        let mut keeping = Self {
            write: cx.write(settings, scope),
            then,
            flash_until: cx.env.now + flash,
        };
        let progress = keeping.progress(cx);
        if progress == Progress::Continue && flash > Duration::ZERO {
            cx.env.set_timer(Timer::Operation, flash);
        }
        (keeping, progress)
    }

    fn progress(&mut self, cx: &mut Cx<'_>) -> Progress {
        match self.write.outcome() {
            _ if cx.env.now < self.flash_until => Progress::Continue,
            None => Progress::Continue,
            Some(Err(_)) => Progress::FAILED,
            Some(Ok(())) => {
                self.write.apply(cx);
                (self.then)(cx);
                Progress::DONE
            }
        }
    }
}

impl Operation for Keeping {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        self.write.hear(event);
        self.progress(cx)
    }
}
