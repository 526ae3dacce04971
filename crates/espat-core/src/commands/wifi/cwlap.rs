//! `AT+CWLAP`: list access points (behaviour.md 4.14).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::{AccessPoint, Mac};
use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::reply::error::AtError;
use crate::reply::render::Line;
use crate::syntax::args::Args;
use crate::time::Duration;
use crate::timers::Timer;
use crate::wifi::addresses::STATION;
use crate::wifi::{ScanOptions, world};

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWLAP")
    .needs_wifi()
    .set(set)
    .execute(execute)
    .doc("wifi.html#cmd-LAP", "List access points")];

const SSID_BYTES: usize = 32;
/// Manual, `AT+CWLAP`: milliseconds on a channel.
const TIME_MS_MAX: i32 = 1500;
const ACTIVE_MS: u16 = 120;
const PASSIVE_MS: u16 = 360;

fn execute(cx: &mut Cx<'_>) -> Handled {
    start(cx, Filter::default(), ACTIVE_MS)
}

/// Every parameter may be omitted, those at the end with their commas. `<scan_time_min>` changes nothing: the least that a scan stays on a
/// channel where nobody answers is not played. An empty SSID is any, as it is in a probe request: mbed-os
/// asks so for what has a BSSID.
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=6)?;
    let ssid = args.opt_string(SSID_BYTES)?;
    let filter = Filter {
        ssid: ssid.filter(|ssid| !ssid.is_empty()).map(Vec::from),
        bssid: args.opt_mac()?,
        channel: args.opt_byte(1..=14)?,
    };
    let is_passive = args.opt_flag()?.unwrap_or(false);
    args.opt_int(0..=TIME_MS_MAX)?;
    let default_ms = if is_passive { PASSIVE_MS } else { ACTIVE_MS };
    let channel_ms = args
        .opt_word(0..=TIME_MS_MAX)?
        .filter(|&ms| ms > 0)
        .unwrap_or(default_ms);
    start(cx, filter, channel_ms)
}

/// Without the station, and while it is joining, the driver refuses (esp-at#163; ESP-IDF, `esp_wifi_scan_start`).
fn start(cx: &mut Cx<'_>, filter: Filter, channel_ms: u16) -> Handled {
    super::require_mode(cx, STATION)?;
    if cx.wifi.station.is_joining() {
        return Err(AtError::Failed);
    }
    let channels = if filter.channel.is_some() {
        1
    } else {
        cx.nvs.live.country.channels
    };
    let all = Duration::from_millis(u64::from(ACTIVE_MS) * 13);
    let asked = Duration::from_millis(u64::from(channel_ms) * u64::from(channels));
    let overhead = cx.env.profile().delays.scan.saturating_sub(all);
    let delay = cx.env.delay(asked + overhead);
    cx.env.set_timer(Timer::Operation, delay);
    Ok(Reply::Started(Box::new(Scanning { filter })))
}

#[derive(Debug, Default)]
struct Filter {
    ssid: Option<Vec<u8>>,
    bssid: Option<Mac>,
    channel: Option<u8>,
}

impl Filter {
    fn wants(&self, ap: &AccessPoint, options: ScanOptions) -> bool {
        self.ssid.as_ref().is_none_or(|ssid| *ssid == ap.ssid)
            && self.bssid.is_none_or(|bssid| bssid == ap.bssid)
            && self.channel.is_none_or(|channel| channel == ap.channel)
            && i32::from(ap.rssi) >= options.rssi_min
            && options.encryptions & (1 << encryption(ap)) != 0
    }
}

#[derive(Debug)]
struct Scanning {
    filter: Filter,
}

impl Operation for Scanning {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        let OpEvent::Deadline = event else {
            return Progress::Continue;
        };
        let options = cx.wifi.scan_options(&cx.env);
        let (country, protocols) = (&cx.nvs.live.country, cx.nvs.live.station_protocols);
        let air: Vec<Cow<'_, AccessPoint>> = world::heard(&cx.env.config.air, country, protocols);
        for ap in air.iter().filter(|ap| self.filter.wants(ap, options)) {
            show(cx.env.out.line("+CWLAP").literal("("), ap, options.fields);
        }
        Progress::DONE
    }
}

/// `<ecn>`: the air has open access points, and WPA2 with CCMP.
fn encryption(ap: &AccessPoint) -> u8 {
    if ap.password.is_empty() { 0 } else { 3 }
}

/// The two reserved values are -1 (behaviour.md 4.14); b, g and n without WPS: decided without evidence.
fn show(mut line: Line<'_>, ap: &AccessPoint, fields: u16) {
    let cipher = if ap.password.is_empty() { 0 } else { 4 };
    for bit in (0..11).filter(|bit| fields & (1 << bit) != 0) {
        line = match bit {
            0 => line.int(encryption(ap)),
            1 => line.quoted_bytes(&ap.ssid),
            2 => line.int(ap.rssi),
            3 => line.quoted(ap.bssid),
            4 => line.int(ap.channel),
            5 | 6 => line.int(-1),
            7 | 8 => line.int(cipher),
            9 => line.int(7),
            _ => line.int(0),
        };
    }
    line.close(")");
}
