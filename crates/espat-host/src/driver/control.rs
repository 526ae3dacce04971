//! What the handle asks of a driver, and the module's supply.

use std::task::{Context, Poll};

use espat_core::{Input, Instant, PowerEvent};

use super::{Step, Work};
use crate::clock::Clock;
use crate::engine::Engine;
use crate::handle::{Change, Control, HandleError};
use crate::inject::{INJECTED_MAX, Injection, Way};

impl<E: Engine> Work<E> {
    pub(super) fn step_control(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(control) = &mut self.control else {
            return Step::Nothing;
        };
        let Poll::Ready(message) = control.poll_recv(cx) else {
            return Step::Nothing;
        };
        match message {
            Some(Control::Stop) => return Step::Ended,
            Some(Control::Power(event)) => self.power(event),
            Some(Control::Inspect(look)) => {
                if let Some(engine) = self.supply.engine() {
                    look(engine);
                }
            }
            Some(Control::Change(change)) => self.change(change),
            Some(Control::Inject(injection)) => self.inject(injection),
            None => {
                self.control = None;
            }
        }
        Step::Fed
    }

    fn inject(&mut self, injection: Injection) {
        let is_powered = self.supply.is_powered();
        let fits = is_powered
            && match injection.way {
                Way::ToModule => self.port.injected.push(&injection.bytes),
                Way::ToHost => {
                    let now = self.clock.now();
                    let line = &mut self.port.transmitter;
                    line.push_foreign(now, &injection.bytes, INJECTED_MAX)
                }
            };
        let done = match (is_powered, fits) {
            (false, _) => Err(HandleError::NeverPowered),
            (true, true) => Ok(()),
            (true, false) => Err(HandleError::Full),
        };
        // Nobody waits for the answer any more: nothing to do.
        let _ = injection.answer.send(done);
    }

    fn change(&mut self, change: Change<E>) {
        if self.supply.is_powered() {
            let now = self.clock.now();
            change(self.supply.unpowered_too(), now);
            self.drain(now);
        } else {
            change(self.supply.unpowered_too(), Instant::ZERO);
        }
    }

    pub(super) fn power(&mut self, event: PowerEvent) {
        if self.supply.is_powered() {
            let event = self.supply.on_event(event);
            self.feed_power(event);
        } else if event == PowerEvent::On {
            self.clock = Clock::start();
            self.supply.power_on();
            self.drain(Instant::ZERO);
        }
    }

    pub(super) fn feed_power(&mut self, event: Option<PowerEvent>) {
        let Some(event) = event else {
            return;
        };
        // What stands in the UART is lost with the module's memory; at a reset what comes after it is not.
        let is_reset = matches!(
            event,
            PowerEvent::Reset | PowerEvent::BrownOut | PowerEvent::Watchdog
        );
        if is_reset {
            self.port.transmitter.discard();
        }
        self.feed(self.clock.now(), Input::Power(event));
        if event == PowerEvent::Off {
            self.port.transmitter.discard();
        }
    }
}
