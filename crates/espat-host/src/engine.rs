//! What the driver drives: the surface of [`espat_core::Module`], so that a layer around it or a scripted stand-in fits too.

use espat_core::fault::Faulty;
use espat_core::{Input, Instant, Output};

/// A sans-IO module. See [`espat_core::Module`] for the contract: one input, then a drain to [`Output::Idle`].
pub trait Engine: Send + 'static {
    /// How many bytes the next [`Input::Serial`] may carry.
    fn serial_room(&self) -> usize;
    /// Takes one input.
    fn handle_input(&mut self, now: Instant, input: Input<'_>);
    /// The next output, until [`Output::Idle`].
    fn poll_output(&mut self) -> Output<'_>;
    /// The rate that a fault has the module's UART run at; none where that is its own.
    fn other_baud(&self) -> Option<u32> {
        None
    }
    /// The rate that the host's UART runs at while that is so.
    fn set_host_baud(&mut self, _baud: u32) {}
    /// Payload bytes that the running command still waits for.
    fn payload_missing(&self) -> Option<usize> {
        None
    }
    /// Outputs that have been made and wait for credit, where that is known.
    fn outputs_waiting(&self) -> Option<usize> {
        None
    }
}

impl Engine for Faulty {
    #[inline]
    fn serial_room(&self) -> usize {
        self.serial_room()
    }

    #[inline]
    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.handle_input(now, input);
    }

    #[inline]
    fn poll_output(&mut self) -> Output<'_> {
        self.poll_output()
    }

    #[inline]
    fn other_baud(&self) -> Option<u32> {
        self.other_baud()
    }

    fn set_host_baud(&mut self, baud: u32) {
        self.set_host_baud(baud);
    }

    fn payload_missing(&self) -> Option<usize> {
        self.payload_missing()
    }

    fn outputs_waiting(&self) -> Option<usize> {
        Some(self.outputs_waiting())
    }
}

impl Engine for espat_core::Module {
    fn serial_room(&self) -> usize {
        self.serial_room()
    }

    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.handle_input(now, input);
    }

    fn poll_output(&mut self) -> Output<'_> {
        self.poll_output()
    }

    fn payload_missing(&self) -> Option<usize> {
        self.inspect().payload_missing()
    }

    fn outputs_waiting(&self) -> Option<usize> {
        Some(self.inspect().outputs_waiting())
    }
}
