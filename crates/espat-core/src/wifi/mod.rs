//! The Wi-Fi: the station, the softAP and the air around them, played from the configuration.

pub(crate) mod addresses;
pub(crate) mod softap;
pub(crate) mod station;
pub(crate) mod world;

use alloc::vec::Vec;

use crate::exec::cx::Env;
use crate::nvs::{Credentials, Nvs};
use crate::reply::urc::Urc;
use crate::time::Duration;
use crate::timers::Timer;
use addresses::{SOFTAP, STATION};
use softap::{Client, SoftAp};
use station::Station;

/// What happened to the Wi-Fi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WifiEvent {
    /// The station is associated.
    Associated,
    /// The station has its address.
    Up,
    /// The station lost its access point.
    Down,
    /// The join failed; the number is `+CWJAP`'s.
    JoinFailed(u8),
}

/// The Wi-Fi side of the module.
#[derive(Debug, Default)]
pub(crate) struct Wifi {
    pub(crate) station: Station,
    pub(crate) softap: SoftAp,
    /// `AT+CWLAPOPT`, where it was set.
    pub(crate) scan: Option<ScanOptions>,
    /// `AT+CWHOSTNAME`, where it was set.
    pub(crate) host_name: Option<Vec<u8>>,
    /// `AT+CWCONFIG`, where it was set.
    pub(crate) patience: Option<Patience>,
    /// The mode that the radio is in; `AT+CWMODE` makes it follow the setting.
    mode: u8,
    /// `AT+CWINIT=0`.
    driver_is_off: bool,
}

/// `AT+CWCONFIG`: how long the station waits for its access point, and how often it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    pub(crate) inactive_s: u16,
    /// In beacons.
    pub(crate) listen_interval: u8,
}

impl Default for Patience {
    /// ESP-IDF, `esp_wifi_set_inactive_time`; manual, `AT+CWJAP`.
    fn default() -> Self {
        Self {
            inactive_s: 6,
            listen_interval: 3,
        }
    }
}

/// `AT+CWLAPOPT`: what `AT+CWLAP` shows. It is not kept (behaviour.md 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScanOptions {
    pub(crate) fields: u16,
    pub(crate) rssi_min: i32,
    pub(crate) encryptions: u8,
}

impl ScanOptions {
    /// What a module shows that has not been told otherwise (manual, `AT+CWLAPOPT`).
    pub(crate) fn new(fields: u16) -> Self {
        Self {
            fields,
            rssi_min: -100,
            encryptions: 0xff,
        }
    }
}

impl Wifi {
    /// The station has an address.
    pub(crate) fn station_is_up(&self) -> bool {
        self.station.is_up()
    }

    /// The station has joined its access point.
    pub(crate) fn station_is_associated(&self) -> bool {
        self.station.is_associated()
    }

    /// The station has tried to join since boot.
    pub(crate) fn has_tried(&self) -> bool {
        self.station.has_tried()
    }

    /// What `AT+CWLAP` shows.
    pub(crate) fn scan_options(&self, env: &Env<'_>) -> ScanOptions {
        let first = env.profile().factory.scan_fields;
        self.scan.unwrap_or_else(|| ScanOptions::new(first))
    }

    /// Boot is over: starts what the settings ask for.
    pub(crate) fn start(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        self.set_mode(env, nvs, nvs.live.auto_connect);
    }

    /// A reset: everything is off. Returns whether the station was associated.
    pub(crate) fn stop(&mut self, env: &mut Env<'_>) -> bool {
        let was_associated = self.station.leave(env);
        *self = Self::default();
        was_associated
    }

    /// Makes the radio follow `AT+CWMODE`. `auto_connect`: a station that was off joins its access point. Returns
    /// whether the station left one.
    pub(crate) fn set_mode(&mut self, env: &mut Env<'_>, nvs: &Nvs, auto_connect: bool) -> bool {
        let mode = nvs.live.wifi_mode;
        let was = core::mem::replace(&mut self.mode, mode);
        let has_left = mode & STATION == 0 && self.station.leave(env);
        if mode & STATION == 0 {
            self.station = Station::default();
        }
        match (was & SOFTAP != 0, mode & SOFTAP != 0) {
            (false, true) => self.softap.start(env, nvs),
            (true, false) => self.softap.stop(env),
            (false, false) | (true, true) => {}
        }
        if was & STATION == 0 && mode & STATION != 0 && auto_connect {
            self.join_stored(env, nvs);
        }
        has_left
    }

    /// `AT+CWINIT=0`: everything is off. Returns whether the station left an access point.
    pub(crate) fn stop_driver(&mut self, env: &mut Env<'_>) -> bool {
        let has_left = self.station.leave(env);
        self.station = Station::default();
        self.softap.stop(env);
        self.patience = None;
        self.mode = 0;
        self.driver_is_off = true;
        has_left
    }

    /// `AT+CWINIT=1`: goes on as after a boot (decided without evidence).
    pub(crate) fn start_driver(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        self.driver_is_off = false;
        self.start(env, nvs);
    }

    /// The mode that the radio is in.
    pub(crate) fn mode(&self) -> u8 {
        self.mode
    }

    /// `AT+CWINIT`.
    pub(crate) fn has_driver(&self) -> bool {
        !self.driver_is_off
    }

    /// Joins for a command, which hears what happens.
    pub(crate) fn join(
        &mut self,
        env: &mut Env<'_>,
        nvs: &Nvs,
        with: &Credentials,
        timeout: Duration,
    ) {
        self.station.join(env, nvs, with, Some(timeout));
    }

    /// Leaves the access point and forgets about joining again. Returns whether there was one.
    pub(crate) fn leave(&mut self, env: &mut Env<'_>) -> bool {
        self.station.leave(env)
    }

    /// The access point is gone.
    pub(crate) fn lose_access_point(&mut self, env: &mut Env<'_>, nvs: &Nvs) -> Option<WifiEvent> {
        self.station.lose(env, nvs)
    }

    /// DHCP may have another address for the station. Returns whether it has.
    pub(crate) fn take_lease(&mut self, env: &Env<'_>, nvs: &Nvs) -> bool {
        self.station.take_lease(env, nvs)
    }

    /// Reports the address that a lease brought.
    pub(crate) fn say_lease(&self, env: &mut Env<'_>) {
        env.report(Urc::WifiGotIp);
    }

    /// `AT+CWRECONNCFG=0`: an attempt that is due later does not come.
    pub(crate) fn forget_rejoin(&mut self, env: &mut Env<'_>) {
        env.timers.stop(Timer::Rejoin);
    }

    /// Addresses or DHCP changed: the station gets the address that is valid now, waiting stations of the softAP theirs.
    pub(crate) fn renew_addresses(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        self.station.renew_address(env, nvs);
        self.softap.plan(env, nvs);
    }

    /// `AT+CWSAP`: the softAP starts anew with its new settings.
    pub(crate) fn restart_softap(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        self.softap.stop(env);
        self.softap.start(env, nvs);
    }

    /// Sends stations of the softAP away; returns how many.
    pub(crate) fn dismiss(
        &mut self,
        env: &mut Env<'_>,
        nvs: &Nvs,
        whom: impl Fn(&Client) -> bool,
    ) -> usize {
        let gone = self.softap.dismiss(env, whom);
        self.softap.plan(env, nvs);
        gone
    }

    /// One of the Wi-Fi's timers is due.
    pub(crate) fn on_timer(
        &mut self,
        env: &mut Env<'_>,
        nvs: &Nvs,
        timer: Timer,
    ) -> Option<WifiEvent> {
        match timer {
            Timer::Station => self.station.on_timer(env, nvs),
            Timer::Rejoin => {
                self.station.log_attempt(env, nvs);
                self.join_stored(env, nvs);
                None
            }
            Timer::SoftAp => {
                self.softap.on_timer(env, nvs);
                None
            }
            Timer::Boot
            | Timer::Reset
            | Timer::Chunk
            | Timer::Escape
            | Timer::LineHold
            | Timer::ReportGap
            | Timer::Operation
            | Timer::ServerIdle
            | Timer::Group
            | Timer::Stall
            | Timer::Reconnect
            | Timer::Sntp
            | Timer::Upgrade
            | Timer::Wake => None,
        }
    }

    fn join_stored(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        if let Some(with) = &nvs.live.station {
            self.station.join(env, nvs, with, None);
        }
    }
}
