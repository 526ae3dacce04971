//! What the Basic commands govern and no reset keeps.

use crate::output::UartConfig;
use crate::profile::Factory;
use crate::time::{Duration, Instant};

/// `AT+SYSMSG` bit 0: `+QUITT` on leaving passthrough.
pub(crate) const SYSMSG_QUIT: u8 = 1;
/// `AT+SYSMSG` bit 1: `+LINK_CONN` instead of `CONNECT`.
pub(crate) const SYSMSG_LINK_CONN: u8 = 1 << 1;
/// `AT+SYSMSG` bit 2: status reports within passthrough.
pub(crate) const SYSMSG_STATUS: u8 = 1 << 2;

/// The module's own state.
#[derive(Debug)]
pub(crate) struct System {
    /// Lines are sent back (`ATE1`).
    pub(crate) echo: bool,
    /// `ERR CODE` is shown (`AT+SYSLOG=1`).
    pub(crate) error_codes: bool,
    /// `AT+SLEEP`.
    pub(crate) sleep_mode: u8,
    /// `AT+RFPOWER`, in quarters of a dBm.
    pub(crate) rf_power: u8,
    /// The UART's line settings. The UART itself changes after the result of the command that changes them.
    pub(crate) uart: UartConfig,
    pub(crate) clock: Clock,
    /// `AT+TRANSINTVL`, where the host MCU set it.
    pub(crate) trans_interval: Option<Duration>,
}

impl System {
    pub(crate) fn new(factory: &Factory, uart: UartConfig) -> Self {
        Self {
            echo: true,
            error_codes: false,
            sleep_mode: factory.sleep_mode,
            rf_power: factory.rf_power,
            uart,
            clock: Clock::default(),
            trans_interval: None,
        }
    }
}

/// The wall clock: 1970 at boot, until somebody sets it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    /// Unix time at the module's instant 0, in microseconds.
    offset_us: i64,
    is_set: bool,
}

impl Clock {
    /// A clock that shows 1970-01-01 at `now`.
    pub(crate) fn at_boot(now: Instant) -> Self {
        Self {
            offset_us: 0_i64.saturating_sub_unsigned(now.as_micros()),
            is_set: false,
        }
    }

    pub(crate) fn set(&mut self, now: Instant, unix_us: i64) {
        self.offset_us = unix_us.saturating_sub_unsigned(now.as_micros());
        self.is_set = true;
    }

    /// Whether somebody has set it since the boot.
    pub(crate) fn is_set(self) -> bool {
        self.is_set
    }

    pub(crate) fn unix_s(&self, now: Instant) -> i64 {
        self.unix_us(now).div_euclid(1_000_000)
    }

    pub(crate) fn unix_us(&self, now: Instant) -> i64 {
        self.offset_us.saturating_add_unsigned(now.as_micros())
    }
}
