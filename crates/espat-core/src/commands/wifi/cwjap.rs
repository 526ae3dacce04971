//! `AT+CWJAP`: join an access point (behaviour.md 4.13).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::exec::cx::Cx;
use crate::exec::keep::Write;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::nvs::{Credentials, Nvs, Scope, Setting};
use crate::profile::Features;
use crate::reply::code::ResultCode;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::reply::urc::Urc;
use crate::syntax::args::Args;
use crate::time::Duration;
use crate::wifi::WifiEvent;
use crate::wifi::addresses::STATION;
use crate::wifi::station::JOIN_TIMEOUT;

const CWJAP: Command = Command::new("+CWJAP")
    .needs_wifi()
    .query(query)
    .set(set)
    .execute(execute)
    .execute_needs(Features::RTOS)
    .doc("wifi.html#cmd-JAP", "Query or join an access point");

pub(super) const COMMANDS: &[Command] = &[
    CWJAP,
    CWJAP.current("+CWJAP_CUR"),
    CWJAP.default("+CWJAP_DEF"),
];

const SSID_BYTES: usize = 32;
const PASSWORD_BYTES: usize = 64;
/// Manual, `AT+CWJAP` and `AT+CWRECONNCFG`: seconds.
const RECONNECT_S: RangeInclusive<i32> = 0..=7200;
const LISTEN_INTERVAL: RangeInclusive<i32> = 1..=100;
const TIMEOUT_S: RangeInclusive<i32> = 3..=600;
/// Bit 0 capable, bit 1 required.
const PMF: RangeInclusive<i32> = 0..=3;

/// Nine values since the reference; those that were omitted show 0 (2.1 in esp-at#479, with eight of them).
/// Without an access point only OK.
fn query(cx: &mut Cx<'_>) -> Handled {
    let settings = &cx.nvs.live;
    let ap = cx.wifi.station.shown_access_point(cx.env.joined_lie());
    match (ap, &settings.station) {
        (Some(ap), Some(with)) => {
            let line = cx.env.out.line(cx.called.name);
            let line = line
                .quoted_bytes(&ap.ssid)
                .quoted(ap.bssid)
                .int(ap.channel)
                .int(ap.rssi)
                .int(with.pci);
            if cx.env.config.profile.quirks.join_shows_little {
                return Ok(Reply::Done);
            }
            line.int(settings.reconnect.0)
                .int(with.listen_interval)
                .int(with.scan_mode)
                .int(with.pmf);
        }
        (None, _) | (_, None) => cx.env.explain(Reason::NoAccessPoint),
    }
    Ok(Reply::Done)
}

/// SSID and password may be omitted, their comma not (manual of 2.2; zephyr#39088).
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let count_max = if cx.env.has(Features::RTOS) { 9 } else { 4 };
    args.arity(2..=count_max)?;
    let ssid = args.opt_string(SSID_BYTES)?;
    if ssid.is_some_and(<[u8]>::is_empty) {
        return Err(args.invalid());
    }
    let password = args.opt_string(PASSWORD_BYTES)?;
    let mut with = match ssid {
        Some(ssid) => Credentials {
            ssid: ssid.to_vec(),
            ..Credentials::default()
        },
        None => stored(cx)?,
    };
    if let Some(password) = password {
        with.password = password.to_vec();
    }
    with.bssid = args.opt_mac()?.or(with.bssid);
    with.pci = args.opt_byte(0..=1)?.unwrap_or(with.pci);
    let reconnect_s = args.opt_word(RECONNECT_S)?;
    with.listen_interval = args
        .opt_byte(LISTEN_INTERVAL)?
        .unwrap_or(with.listen_interval);
    with.scan_mode = args.opt_byte(0..=1)?.unwrap_or(with.scan_mode);
    let timeout = args
        .opt_word(TIMEOUT_S)?
        .map_or(JOIN_TIMEOUT, |s| Duration::from_secs(u64::from(s)));
    with.pmf = args.opt_byte(PMF)?.unwrap_or(with.pmf);
    join(cx, with, reconnect_s, timeout)
}

fn execute(cx: &mut Cx<'_>) -> Handled {
    let with = stored(cx)?;
    join(cx, with, None, JOIN_TIMEOUT)
}

fn stored(cx: &Cx<'_>) -> Result<Credentials, AtError> {
    cx.nvs.live.station.clone().ok_or(AtError::Failed)
}

/// A station that is joined leaves first, be it the same access point (WiFiEspAT#116).
fn join(
    cx: &mut Cx<'_>,
    with: Credentials,
    reconnect_s: Option<u16>,
    timeout: Duration,
) -> Handled {
    super::require_mode(cx, STATION)?;
    super::leave(cx);
    cx.wifi.join(&mut cx.env, cx.nvs, &with, timeout);
    Ok(Reply::Started(Box::new(Joining {
        with,
        scope: cx.called.scope,
        reconnect_s,
        is_associated: false,
        write: None,
        end: None,
    })))
}

#[derive(Debug)]
struct Joining {
    with: Credentials,
    scope: Scope,
    reconnect_s: Option<u16>,
    is_associated: bool,
    /// What is kept from association on.
    write: Option<Write>,
    /// How the join ended; the code where it failed.
    end: Option<Result<(), u8>>,
}

impl Operation for Joining {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        if let Some(write) = &mut self.write {
            write.hear(event);
        }
        if let &OpEvent::Wifi(event) = event {
            self.on_wifi(cx, event);
        }
        let is_kept = match self.write.as_ref().map(Write::outcome) {
            None => true,
            Some(None) => return Progress::Continue,
            Some(Some(outcome)) => outcome.is_ok(),
        };
        if let Some(write) = self.write.take_if(|_| is_kept) {
            write.apply(cx);
        }
        match self.end {
            None => Progress::Continue,
            Some(Ok(())) if is_kept => Progress::DONE,
            Some(Ok(())) => {
                cx.wifi.leave(&mut cx.env);
                self.fail(cx, FAILED)
            }
            Some(Err(code)) => self.fail(cx, code),
        }
    }
}

/// Manual, `AT+CWJAP`: the join failed for another reason than time, password or a missing access point.
const FAILED: u8 = 4;

impl Joining {
    fn on_wifi(&mut self, cx: &mut Cx<'_>, event: WifiEvent) {
        if self.end.is_some() {
            // The join is over; what comes while the flash is still written is the station's own.
            return;
        }
        match event {
            WifiEvent::Associated => {
                self.is_associated = true;
                say(cx, Urc::WifiConnected);
                let settings = self.settings(cx.nvs);
                self.write = Some(cx.write(settings, self.scope));
            }
            WifiEvent::Up => {
                say(cx, Urc::WifiGotIp);
                self.end = Some(Ok(()));
            }
            WifiEvent::Down => self.end = Some(Err(FAILED)),
            WifiEvent::JoinFailed(code) => self.end = Some(Err(code)),
        }
    }

    /// `<reconn_interval>` is `AT+CWRECONNCFG`'s, which it overwrites where it is given (manual of the reference).
    fn settings(&mut self, nvs: &Nvs) -> Vec<Setting> {
        let mut settings = Vec::from([Setting::Station(core::mem::take(&mut self.with))]);
        if let Some(interval_s) = self.reconnect_s {
            let (_, attempts) = nvs.live.reconnect;
            settings.push(Setting::Reconnect(interval_s, attempts));
        }
        settings
    }

    /// A station that was associated leaves again (behaviour.md 4.13: `WIFI DISCONNECT` may precede the code).
    fn fail(&self, cx: &mut Cx<'_>, code: u8) -> Progress {
        if self.is_associated {
            super::say_left(cx);
        }
        cx.env.out.line("+CWJAP").int(code);
        if cx.env.profile().quirks.join_fails_with_fail {
            return Progress::Finish(Ok(ResultCode::Fail));
        }
        Progress::FAILED
    }
}

fn say(cx: &mut Cx<'_>, urc: Urc) {
    cx.env.out.report(urc, cx.net.multi, false);
}
