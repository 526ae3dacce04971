//! The serial line where a plan has the module's UART run at another rate than its own.

use crate::output::UartConfig;

/// What both ends run at.
#[derive(Debug)]
pub(super) struct Line {
    /// What the module's UART should run at.
    pub(super) own: UartConfig,
    /// The rate that it runs at instead.
    pub(super) other: Option<u32>,
    /// The rate that the host MCU has set meanwhile, where the port can tell.
    pub(super) host: Option<u32>,
}

impl Line {
    pub(super) fn of(own: UartConfig) -> Self {
        Self {
            own,
            other: None,
            host: None,
        }
    }

    /// The UART runs at another rate, or at its own again; whether that is new.
    pub(super) fn set(&mut self, other: Option<u32>) -> bool {
        let is_new = self.other != other;
        if is_new {
            (self.other, self.host) = (other, None);
        }
        is_new
    }

    /// The rate of the host MCU's UART: where nobody says otherwise it stays at what the module's should be.
    pub(super) fn host_baud(&self) -> u32 {
        self.host.unwrap_or(self.own.baud)
    }

    /// What the port is told.
    pub(super) fn shown(&self, config: UartConfig) -> UartConfig {
        let baud = self.other.unwrap_or(config.baud);
        UartConfig { baud, ..config }
    }
}
