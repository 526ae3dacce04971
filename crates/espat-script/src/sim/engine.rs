//! What a simulated world stands around.

use espat_core::fault::Faulty;
use espat_core::{Input, Instant, Module, Output};

/// What the simulated target runs: a module, or a layer around one.
pub trait Engine {
    /// How many bytes the next serial input may carry.
    fn serial_room(&self) -> usize;
    /// Takes one input.
    fn handle_input(&mut self, now: Instant, input: Input<'_>);
    /// The next output, until `Idle`.
    fn poll_output(&mut self) -> Output<'_>;
    /// Outputs that have been made and wait for credit, where that is known.
    fn outputs_waiting(&self) -> Option<usize> {
        None
    }
}

impl Engine for Module {
    fn serial_room(&self) -> usize {
        Self::serial_room(self)
    }

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        Self::handle_input(self, now, input);
    }

    fn poll_output(&mut self) -> Output<'_> {
        Self::poll_output(self)
    }

    fn outputs_waiting(&self) -> Option<usize> {
        Some(self.inspect().outputs_waiting())
    }
}

impl Engine for Faulty {
    fn serial_room(&self) -> usize {
        Self::serial_room(self)
    }

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        Self::handle_input(self, now, input);
    }

    fn poll_output(&mut self) -> Output<'_> {
        Self::poll_output(self)
    }

    fn outputs_waiting(&self) -> Option<usize> {
        Some(Self::outputs_waiting(self))
    }
}
