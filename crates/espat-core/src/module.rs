//! The module: routes input to its parts and hands out what they queued.

use crate::config::{ConfigError, ModuleConfig};
use crate::input::Input;
use crate::output::{Output, UartConfig, Wake};
use crate::time::Instant;

/// A virtual ESP-AT module.
#[derive(Debug)]
pub struct Module {
    config: ModuleConfig,
}

impl Module {
    /// Powers a module on. Drain [`poll_output`](Self::poll_output) before the first input.
    ///
    /// # Errors
    /// [`ConfigError`] where the configuration cannot be a module's.
    pub fn power_on(config: ModuleConfig, now: Instant) -> Result<Self, ConfigError> {
        let _ = now;
        Ok(Self { config })
    }

    /// How many bytes the next [`Input::Serial`] may carry.
    #[must_use]
    pub fn serial_room(&self) -> usize {
        4096
    }

    /// Takes one input. Every call must be followed by a drain of [`poll_output`](Self::poll_output) to `Idle`.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        let _ = (now, input);
    }

    /// The next output, until `Idle`.
    pub fn poll_output(&mut self) -> Output<'_> {
        Output::Idle {
            wake_at: None,
            why: Wake::Never,
        }
    }

    /// A read-only view for tools.
    #[must_use]
    pub fn inspect(&self) -> Inspect<'_> {
        Inspect { module: self }
    }
}

/// A read-only view of a module, for tools and tests.
#[derive(Debug)]
pub struct Inspect<'a> {
    module: &'a Module,
}

impl Inspect<'_> {
    /// The UART's line settings.
    #[must_use]
    pub fn uart(&self) -> UartConfig {
        self.module.config.profile.factory.uart
    }
}
