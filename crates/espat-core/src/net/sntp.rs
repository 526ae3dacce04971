//! The clock kept in step with time servers: `AT+CIPSNTPCFG` says which, lwIP's `sntp.c` when.
//!
//! It works beside everything else and never makes the module busy: `Timer::Sntp` and answers drive it. Where nothing is
//! asked for, nothing runs.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::host::{Host, Lookup};
use super::queries::Queries;
use crate::exec::cx::{Cx, Env};
use crate::exec::operation::OpEvent;
use crate::input::NetError;
use crate::output::{Family, QueryId};
use crate::reply::urc::Urc;
use crate::time::Duration;
use crate::timers::Timer;

/// Time servers listen here.
const PORT: u16 = 123;

/// The time zone and the servers, and how far asking them is.
#[derive(Debug, Default)]
pub(crate) struct Sntp {
    /// What local time is ahead of UTC, in minutes.
    pub(crate) zone_min: i32,
    /// Asked in turn; none: nobody is asked.
    pub(crate) servers: Vec<Vec<u8>>,
    /// From an answer to the next question, where `AT+CIPSNTPINTV` set it.
    pub(crate) interval: Option<Duration>,
    /// `+TIME_UPDATED` has been said of these servers.
    pub(crate) is_announced: bool,
    phase: Phase,
    /// The server that is asked now or next.
    current: usize,
    /// Failures in a row that took no time.
    quick_failures: usize,
    /// The next wait for servers that do not answer.
    retry: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Off,
    /// `Timer::Sntp` begins the next attempt.
    Waiting,
    Resolving(Lookup),
    Asking(QueryId),
}

impl Sntp {
    /// Somebody is to be asked.
    pub(crate) fn is_enabled(&self) -> bool {
        !self.servers.is_empty()
    }

    /// From an answer to the next question.
    pub(crate) fn interval(&self, env: &Env<'_>) -> Duration {
        let usual = env.profile().limits.sntp.update;
        self.interval.unwrap_or(usual)
    }

    /// Stops asking, until [`follow`] begins anew.
    pub(crate) fn stop(&mut self, env: &mut Env<'_>, queries: &mut Queries) {
        if let Phase::Resolving(Lookup::Asked(query)) | Phase::Asking(query) = self.phase {
            queries.cancel(env.out, query);
        }
        env.timers.stop(Timer::Sntp);
        self.phase = Phase::Off;
    }

    /// The current server; `None` where its text can be no host.
    fn host(&self) -> Option<Host> {
        Host::parse(self.servers.get(self.current)?)
    }

    /// An attempt failed. Whether the next server is to be asked at once: as long as that cannot go round in circles, which lwIP
    /// does not keep itself from.
    fn on_failed(&mut self, env: &mut Env<'_>, error: NetError) -> bool {
        let rules = &env.profile().limits.sntp;
        self.quick_failures = if error == NetError::TimedOut {
            0
        } else {
            self.quick_failures + 1
        };
        self.current = (self.current + 1) % self.servers.len().max(1);
        if self.servers.len() > 1 && self.quick_failures < self.servers.len() {
            return true;
        }
        self.quick_failures = 0;
        self.wait(env, self.retry);
        let next = self.retry * 2;
        if next <= rules.retry_max {
            self.retry = next;
        }
        false
    }

    fn wait(&mut self, env: &mut Env<'_>, time: Duration) {
        env.set_timer(Timer::Sntp, time);
        self.phase = Phase::Waiting;
    }
}

/// Begins when there are servers and the station has its address, and stops when it has none.
pub(crate) fn follow(cx: &mut Cx<'_>) {
    let sntp = &mut cx.net.sntp;
    let is_wanted = sntp.is_enabled() && cx.wifi.station_is_up();
    match (is_wanted, sntp.phase != Phase::Off) {
        (true, false) => begin(cx),
        (false, true) => sntp.stop(&mut cx.env, &mut cx.net.queries),
        (true, true) | (false, false) => {}
    }
}

/// `Timer::Sntp`: asks.
pub(crate) fn on_timer(cx: &mut Cx<'_>) {
    if cx.net.sntp.phase == Phase::Waiting {
        attempt(cx);
    }
}

/// Hears of answers.
pub(crate) fn on_event(cx: &mut Cx<'_>, event: &OpEvent<'_>) {
    match (cx.net.sntp.phase, *event) {
        (Phase::Resolving(asked), OpEvent::Resolved(query, result)) => {
            match asked.answered(query, result) {
                None => {}
                Some(Ok(ip)) => ask(cx, ip),
                Some(Err(error)) => fail(cx, error),
            }
        }
        (Phase::Asking(asked), OpEvent::TimeSynced(query, result)) if asked == query => {
            match result {
                Ok(unix_us) => synced(cx, unix_us),
                Err(error) => fail(cx, error),
            }
        }
        _ => {}
    }
}

/// lwIP begins after a random time, so that not all modules of a room ask at once.
fn begin(cx: &mut Cx<'_>) {
    let limits = &cx.env.profile().limits;
    let sntp = &mut cx.net.sntp;
    sntp.current = 0;
    sntp.quick_failures = 0;
    sntp.retry = limits.sntp.retry;
    let delay_max = cx.env.delay(cx.env.profile().delays.sntp_start);
    if delay_max.is_zero() {
        attempt(cx);
    } else {
        let bound_us = u64::try_from(delay_max.as_micros()).unwrap_or(u64::MAX);
        let delay_us = 1 + cx.env.rng.below(bound_us);
        sntp.wait(&mut cx.env, Duration::from_micros(delay_us));
    }
}

/// Asks the current server, or the next ones where it is clear at once that it cannot be asked.
fn attempt(cx: &mut Cx<'_>) {
    while let Some(error) = try_current(cx) {
        if !cx.net.sntp.on_failed(&mut cx.env, error) {
            return;
        }
    }
}

/// Asks the current server, or for its address; why it cannot be asked, where that is known at once.
fn try_current(cx: &mut Cx<'_>) -> Option<NetError> {
    let Some(host) = cx.net.sntp.host() else {
        return Some(NetError::NotFound);
    };
    let family = if cx.nvs.live.ipv6 {
        Family::PreferV4
    } else {
        Family::V4
    };
    match host.resolve(cx, family) {
        Lookup::Known(IpAddr::V6(_)) if !cx.nvs.live.ipv6 => return Some(NetError::Unreachable),
        Lookup::Known(ip) => ask(cx, ip),
        asked @ Lookup::Asked(_) => cx.net.sntp.phase = Phase::Resolving(asked),
    }
    None
}

fn ask(cx: &mut Cx<'_>, ip: IpAddr) {
    let query = cx.net.queries.begin();
    let sntp = &mut cx.net.sntp;
    let name = sntp.host().and_then(|host| host.name().cloned());
    let deadline = cx.env.now + cx.env.profile().limits.sntp.answer;
    sntp.phase = Phase::Asking(query);
    let server = (SocketAddr::new(ip, PORT), name);
    cx.env.out.time_sync(query, server, deadline);
}

fn fail(cx: &mut Cx<'_>, error: NetError) {
    if cx.net.sntp.on_failed(&mut cx.env, error) {
        attempt(cx);
    }
}

fn synced(cx: &mut Cx<'_>, unix_us: u64) {
    let unix_us = i64::try_from(unix_us).unwrap_or(i64::MAX);
    cx.set_clock(unix_us);
    let rules = &cx.env.profile().limits.sntp;
    let sntp = &mut cx.net.sntp;
    sntp.quick_failures = 0;
    sntp.retry = rules.retry;
    let interval = sntp.interval(&cx.env);
    sntp.wait(&mut cx.env, interval);
    let has_report = cx.env.profile().quirks.time_updated;
    if has_report && !core::mem::replace(&mut cx.net.sntp.is_announced, true) {
        cx.env.report(Urc::TimeUpdated);
    }
}
