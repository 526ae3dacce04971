//! The module's supply: the module, and when it is powered on.

use espat_core::PowerEvent;

/// When the module powers on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PowerPolicy {
    /// When the first host opens the port; later opens find it running.
    #[default]
    OnOpen,
    /// At every first open after the last close, like a board that its USB adapter resets.
    EachOpen,
    /// At start, like a module on a board.
    Now,
}

/// The module before and after its first power-on. It is made for that instant, so until then it is not touched.
#[derive(Debug)]
pub(crate) struct Supply<E> {
    policy: PowerPolicy,
    engine: E,
    is_powered: bool,
    /// The supply is cut.
    is_cut: bool,
    reset: Reset,
}

/// What the port's host did with EN and IO0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reset {
    Runs,
    /// EN is low.
    Held,
    /// IO0 was low when EN rose.
    AwaitsDownload,
}

impl<E> Supply<E> {
    pub(crate) fn new(policy: PowerPolicy, engine: E) -> Self {
        Self {
            policy,
            engine,
            is_powered: false,
            is_cut: false,
            reset: Reset::Runs,
        }
    }

    /// What the module is told where its supply or a pin moves: one that EN holds in reset is without power, as far as its host
    /// and its links can see.
    pub(crate) fn on_event(&mut self, event: PowerEvent) -> Option<PowerEvent> {
        match event {
            PowerEvent::Off => {
                self.is_cut = true;
                // What waits for a download does not wait after a power cycle, where IO0 is let go.
                if self.reset == Reset::AwaitsDownload {
                    self.reset = Reset::Runs;
                }
            }
            PowerEvent::On => self.is_cut = false,
            PowerEvent::Reset | PowerEvent::BrownOut | PowerEvent::Watchdog
                if self.reset == Reset::AwaitsDownload =>
            {
                return self.release(true);
            }
            PowerEvent::Reset | PowerEvent::BrownOut | PowerEvent::Watchdog | PowerEvent::Wake => {}
        }
        (self.reset == Reset::Runs).then_some(event)
    }

    /// EN is low.
    pub(crate) fn hold(&mut self) -> Option<PowerEvent> {
        let before = std::mem::replace(&mut self.reset, Reset::Held);
        (before == Reset::Runs && !self.is_cut).then_some(PowerEvent::Off)
    }

    /// EN is high again, and the firmware `runs`.
    pub(crate) fn release(&mut self, runs: bool) -> Option<PowerEvent> {
        self.reset = if runs {
            Reset::Runs
        } else {
            Reset::AwaitsDownload
        };
        (runs && !self.is_cut).then_some(PowerEvent::On)
    }

    pub(crate) fn power_on(&mut self) {
        self.is_powered = true;
    }

    pub(crate) fn engine_mut(&mut self) -> Option<&mut E> {
        self.is_powered.then_some(&mut self.engine)
    }

    pub(crate) fn engine(&self) -> Option<&E> {
        self.is_powered.then_some(&self.engine)
    }

    /// The engine for what is no input of it, and so may come before it is powered on.
    pub(crate) fn unpowered_too(&mut self) -> &mut E {
        &mut self.engine
    }

    pub(crate) fn is_powered(&self) -> bool {
        self.is_powered
    }

    pub(crate) fn policy(&self) -> PowerPolicy {
        self.policy
    }
}
