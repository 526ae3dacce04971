//! The station: joining, leaving, losing and finding its access point again.
//!
//! A join is decided when it begins; what follows is `Timer::Station` playing it. Who asked for the join prints what
//! happens: the command that runs, or, for joins of the module's own, the queue of reports.

use core::net::Ipv4Addr;

use super::WifiEvent;
use super::addresses::STATION;
use super::world::{self, Answer};
use crate::config::{AccessPoint, Answers};
use crate::exec::cx::Env;
use crate::nvs::{Credentials, Nvs, StaticIp};
use crate::reply::urc::Urc;
use crate::time::{Duration, Instant};
use crate::timers::{Timer, Timers};

/// `AT+CWJAP`'s error codes (manual, `AT+CWJAP`).
const TIMED_OUT: u8 = 1;
const WRONG_PASSWORD: u8 = 2;
const NO_AP: u8 = 3;

/// How long a join may take where the host MCU says nothing (manual, `AT+CWJAP`: `<jap_timeout>`).
pub(crate) const JOIN_TIMEOUT: Duration = Duration::from_secs(15);

/// The station's side of the Wi-Fi.
#[derive(Debug, Default)]
pub(crate) struct Station {
    phase: Phase,
    /// What `Timer::Station` will do.
    next: Option<Step>,
    /// When the join fails, whatever happens.
    deadline: Option<Instant>,
    /// A command waits for the join, and prints what happens to it.
    asked: bool,
    /// A join was tried since the station was switched on.
    tried: bool,
    /// The access point that is being joined, or is joined.
    ap: Option<AccessPoint>,
    /// The access point that it was associated with last.
    last_ap: Option<AccessPoint>,
    /// The address that it has.
    address: Option<StaticIp>,
    /// The address that it had last.
    last_address: Option<StaticIp>,
    /// The name server that DHCP told it.
    name_server: Option<Ipv4Addr>,
    /// The SSID that was tried last.
    target: alloc::vec::Vec<u8>,
    /// Attempts to join again since the station was last up.
    attempts: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    Joining,
    /// Associated, without an address.
    Associated,
    Up,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Associate,
    GetAddress,
    Fail(u8),
}

/// What `AT+CWSTATE?` shows (manual of 2.2, `AT+CWSTATE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    NeverTried = 0,
    Associated = 1,
    Up = 2,
    Joining = 3,
    Disconnected = 4,
}

impl Station {
    /// Begins a join. `asked`: the time that a command gives it.
    pub(super) fn join(
        &mut self,
        env: &mut Env<'_>,
        nvs: &Nvs,
        with: &Credentials,
        asked: Option<Duration>,
    ) {
        self.leave(env);
        let delays = &env.profile().delays;
        let (country, protocols) = (&nvs.live.country, nvs.live.station_protocols);
        let step = match world::answer(&env.config.air, country, protocols, with) {
            Answer::Accepts(ap) => {
                self.ap = Some(ap);
                Some((Step::Associate, delays.associate))
            }
            Answer::WrongPassword => Some((Step::Fail(WRONG_PASSWORD), delays.wrong_password)),
            Answer::NotFound => Some((Step::Fail(NO_AP), delays.no_ap)),
            Answer::Silence => None,
        };
        self.phase = Phase::Joining;
        self.asked = asked.is_some();
        self.tried = true;
        self.target.clone_from(&with.ssid);
        let timeout = env.delay(asked.unwrap_or(JOIN_TIMEOUT));
        self.deadline = Some(env.now + timeout);
        self.plan(env, step);
    }

    /// Leaves the access point, or gives up joining one, for good. Returns whether it was associated.
    pub(super) fn leave(&mut self, env: &mut Env<'_>) -> bool {
        let was_associated = self.is_associated();
        self.phase = Phase::Idle;
        self.next = None;
        self.asked = false;
        self.ap = None;
        self.last_address = self.address.take().or(self.last_address);
        self.name_server = None;
        env.timers.stop(Timer::Station);
        env.timers.stop(Timer::Rejoin);
        was_associated
    }

    /// Whether it has the address again that it had before.
    pub(crate) fn is_back(&self) -> bool {
        self.address == self.last_address
    }

    /// The access point is gone: reports it and tries to join again as `AT+CWRECONNCFG` says. A join that is under way scans
    /// for it until it gives up.
    pub(super) fn lose(&mut self, env: &mut Env<'_>, nvs: &Nvs) -> Option<WifiEvent> {
        if self.phase == Phase::Joining {
            self.ap = None;
            if self.next == Some(Step::Associate) {
                let delay = env.profile().delays.no_ap;
                self.plan(env, Some((Step::Fail(NO_AP), delay)));
            }
            return None;
        }
        let asked = self.asked;
        if !self.leave(env) {
            return None;
        }
        if !asked {
            env.report(Urc::WifiDisconnect);
            self.plan_rejoin(env, nvs);
        }
        Some(WifiEvent::Down)
    }

    /// The addresses were set anew: gets the one that is valid now, unless it is the one that it has. Links stay, for
    /// they are not bound to what is shown.
    pub(super) fn renew_address(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        if self.is_associated() && self.address != valid_address(env, nvs) {
            self.phase = Phase::Associated;
            self.address = None;
            self.ask_for_address(env, nvs);
        }
    }

    /// DHCP may have another address: the station has it at once, and its name server with it. Returns whether it has.
    pub(super) fn take_lease(&mut self, env: &Env<'_>, nvs: &Nvs) -> bool {
        let valid = valid_address(env, nvs);
        if self.phase != Phase::Up || self.address == valid {
            return false;
        }
        self.address = valid;
        if self.name_server.is_some() {
            self.name_server = valid.map(|address| address.gateway);
        }
        true
    }

    pub(super) fn on_timer(&mut self, env: &mut Env<'_>, nvs: &Nvs) -> Option<WifiEvent> {
        match self.next.take()? {
            Step::Associate => {
                self.phase = Phase::Associated;
                self.last_ap.clone_from(&self.ap);
                if !self.asked {
                    self.deadline = None;
                    env.report(Urc::WifiConnected);
                }
                self.ask_for_address(env, nvs);
                Some(WifiEvent::Associated)
            }
            Step::GetAddress => {
                self.phase = Phase::Up;
                self.address = valid_address(env, nvs);
                self.name_server = self.leased_name_server(env, nvs);
                self.attempts = 0;
                self.deadline = None;
                if !core::mem::take(&mut self.asked) {
                    env.report(Urc::WifiGotIp);
                }
                if nvs.live.ipv6 {
                    env.report(Urc::WifiGotIp6Local);
                    env.report(Urc::WifiGotIp6Global);
                }
                Some(WifiEvent::Up)
            }
            Step::Fail(code) => {
                let asked = self.asked;
                self.leave(env);
                if !asked {
                    self.plan_rejoin(env, nvs);
                }
                Some(WifiEvent::JoinFailed(code))
            }
        }
    }

    pub(super) fn log_attempt(&self, env: &mut Env<'_>, nvs: &Nvs) {
        let (_, attempts_max) = nvs.live.reconnect;
        env.log(format_args!(
            "wifi reconnect..({}/{attempts_max})",
            self.attempts
        ));
    }

    pub(super) fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    pub(super) fn has_tried(&self) -> bool {
        self.tried
    }

    pub(crate) fn is_joining(&self) -> bool {
        self.phase == Phase::Joining
    }

    pub(super) fn is_associated(&self) -> bool {
        matches!(self.phase, Phase::Associated | Phase::Up)
    }

    /// The address that the station has.
    pub(crate) fn address(&self) -> Option<StaticIp> {
        self.address
    }

    /// The name server that DHCP told, until `AT+CIPDNS` sets another.
    pub(crate) fn name_server(&self) -> Option<Ipv4Addr> {
        self.name_server
    }

    /// `AT+CIPDNS`: what DHCP told counts again from the next lease on.
    pub(crate) fn forget_name_server(&mut self) {
        self.name_server = None;
    }

    /// The access point that the station is associated with.
    pub(crate) fn access_point(&self) -> Option<&AccessPoint> {
        self.ap.as_ref().filter(|_| self.is_associated())
    }

    /// The access point that the station speaks of; `lie`: whether one that was lost is still there, or the one that is there is
    /// not.
    pub(crate) fn shown_access_point(&self, lie: Option<bool>) -> Option<&AccessPoint> {
        match lie {
            None => self.access_point(),
            Some(true) => self.access_point().or(self.last_ap.as_ref()),
            Some(false) => None,
        }
    }

    /// What `AT+CWSTATE?` shows, with the SSID; `lie` as for the access point.
    pub(crate) fn shown(&self, timers: &Timers, lie: Option<bool>) -> (Shown, &[u8]) {
        let shown = match self.phase {
            Phase::Up | Phase::Associated if lie == Some(false) => Shown::Disconnected,
            Phase::Up => Shown::Up,
            Phase::Associated => Shown::Associated,
            Phase::Joining => Shown::Joining,
            Phase::Idle if lie == Some(true) && self.last_ap.is_some() => Shown::Up,
            Phase::Idle if timers.due(Timer::Rejoin).is_some() => Shown::Joining,
            Phase::Idle if self.tried => Shown::Disconnected,
            Phase::Idle => Shown::NeverTried,
        };
        (shown, &self.target)
    }

    /// The name server of a lease: a router mostly answers for names itself, as the one of esp-at#574 does.
    fn leased_name_server(&self, env: &Env<'_>, nvs: &Nvs) -> Option<Ipv4Addr> {
        let by_dhcp = nvs.live.dhcp & STATION != 0;
        let is_heard = self.asked || !env.profile().quirks.own_join_ignores_leased_servers;
        self.address
            .filter(|_| by_dhcp && is_heard)
            .map(|address| address.gateway)
    }

    fn ask_for_address(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        let by_dhcp = nvs.live.dhcp & STATION != 0;
        let is_deaf = |ap: &AccessPoint| ap.answers == Answers::NoDhcp;
        let delay = if !by_dhcp {
            valid_address(env, nvs).map(|_| Duration::ZERO)
        } else if self.ap.as_ref().is_some_and(is_deaf) {
            None
        } else {
            Some(env.profile().delays.dhcp)
        };
        self.plan(env, delay.map(|delay| (Step::GetAddress, delay)));
    }

    /// Sets the timer for the next step, or for the deadline where that comes first.
    fn plan(&mut self, env: &mut Env<'_>, step: Option<(Step, Duration)>) {
        let step = step.map(|(step, delay)| (step, env.now + env.delay(delay)));
        let late = self.deadline.map(|at| (Step::Fail(TIMED_OUT), at));
        let planned = match (step, late) {
            (Some(step), Some(late)) if late.1 < step.1 => Some(late),
            (Some(step), _) => Some(step),
            (None, late) => late,
        };
        self.next = planned.map(|(step, _)| step);
        match planned {
            Some((_, at)) => env.timers.set(Timer::Station, at),
            None => env.timers.stop(Timer::Station),
        }
    }

    /// The interval counts in either timing: the host MCU asked for it.
    fn plan_rejoin(&mut self, env: &mut Env<'_>, nvs: &Nvs) {
        let (interval_s, attempts_max) = nvs.live.reconnect;
        if interval_s == 0 || (attempts_max != 0 && self.attempts >= attempts_max) {
            return;
        }
        self.attempts = self.attempts.saturating_add(1);
        env.set_timer(Timer::Rejoin, Duration::from_secs(u64::from(interval_s)));
    }
}

/// The address that is valid for the station: `AT+CIPSTA`'s while its DHCP is off, else the one that the air has for it.
/// A lease's network is not configured, so it is taken to be a /24 with its gateway at .1.
fn valid_address(env: &Env<'_>, nvs: &Nvs) -> Option<StaticIp> {
    if nvs.live.dhcp & STATION == 0 {
        nvs.live.station_ip
    } else {
        Some(StaticIp::with_defaults(env.config.addresses.station_ip))
    }
}
