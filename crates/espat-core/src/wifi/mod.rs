//! The Wi-Fi: the station, the softAP and the air around them, played from the configuration.

pub(crate) mod addresses;

use crate::exec::cx::Env;
use crate::nvs::Nvs;
use crate::timers::Timer;

/// What happened to the Wi-Fi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WifiEvent {
    /// The station is associated.
    Associated,
    /// The station has its address.
    Up,
    /// The station lost its access point, or left it.
    Down,
    /// The join failed; the number is `+CWJAP`'s.
    JoinFailed(u8),
}

/// The Wi-Fi side of the module.
#[derive(Debug, Default)]
pub(crate) struct Wifi {
    up: bool,
    tried: bool,
}

impl Wifi {
    /// The station has an address.
    pub(crate) fn station_is_up(&self) -> bool {
        self.up
    }

    /// The station has tried to join since boot.
    pub(crate) fn has_tried(&self) -> bool {
        self.tried
    }

    /// Boot is over: starts what the settings ask for.
    pub(crate) fn start(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        let _ = (env, nvs);
    }

    /// A reset: everything is off. Returns whether the station was up.
    pub(crate) fn stop(&mut self, env: &mut Env<'_>) -> bool {
        let _ = env;
        let was_up = self.up;
        *self = Self::default();
        was_up
    }

    /// `Timer::Station` or `Timer::Rejoin` is due.
    pub(crate) fn on_timer(
        &mut self,
        env: &mut Env<'_>,
        nvs: &Nvs,
        timer: Timer,
    ) -> Option<WifiEvent> {
        let _ = (env, nvs, timer);
        None
    }
}
