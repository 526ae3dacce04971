//! A firmware that hangs: what goes on without it. The network stack acknowledges and holds what comes, up to the credit that was
//! given before; the UART takes what it is sent. No timer of the firmware runs, and only a reset from outside ends it.

use super::{Module, Phase};
use crate::input::{Input, PowerEvent};
use crate::output::{Dropped, Event};
use crate::time::Instant;

impl Module {
    #[inline]
    pub(super) fn is_hung(&self) -> bool {
        self.state.faults.hang && self.phase != Phase::Off
    }

    #[cold]
    pub(super) fn handle_input_hung(&mut self, now: Instant, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Serial(bytes) => self.state.out.event(Event::Dropped {
                what: Dropped::NotReady,
                bytes: bytes.len(),
            }),
            Input::SerialSent(n) => self.state.out.on_sent(n),
            Input::Net(event) => {
                let mut cx = self.state.cx(now);
                cx.net.on_event(&mut cx.env, event, &cx.nvs.live, false);
            }
            Input::Stored { tag, result } => {
                self.state.nvs.on_stored(tag, result);
                self.state.ota.on_stored(tag, result);
            }
            Input::Air(event) => self.note_air(event),
            Input::Power(
                event @ (PowerEvent::Off
                | PowerEvent::Reset
                | PowerEvent::BrownOut
                | PowerEvent::Watchdog),
            ) => {
                self.on_power(event);
                self.settle();
            }
            Input::Tick | Input::SerialBreak | Input::Power(PowerEvent::On | PowerEvent::Wake) => {}
        }
    }
}
