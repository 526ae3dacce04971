//! `AT+CIPSNTPCFG`, `AT+CIPSNTPTIME` and `AT+CIPSNTPINTV`: time servers, local time, and how often the servers are asked (behaviour.md
//! 3.16, 3.17, 5; behaviour.md U14).
//!
//! What the clock shows is `sys.rs`'s; who sets it, `net/sntp.rs`'s.

use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::reply::asctime::Asctime;
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::time::Duration;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPSNTPCFG").query(query).set(set).doc(
        "tcp-ip.html#cmd-SNTPCFG",
        "Query or set the time zone and the time servers",
    ),
    Command::new("+CIPSNTPTIME")
        .query(query_time)
        .doc("tcp-ip.html#cmd-SNTPT", "Show the local time"),
    Command::new("+CIPSNTPINTV")
        .query(query_interval)
        .set(set_interval)
        .needs(Features::SNTP_INTERVAL)
        .doc(
            "tcp-ip.html#cmd-SNTPINTV",
            "Query or set how often the time servers are asked",
        ),
];

/// Time servers that can be set.
const SERVERS: u8 = 3;
/// Seconds between questions.
const INTERVAL: core::ops::RangeInclusive<i32> = 15..=4_294_967;
const SECONDS_A_MINUTE: i64 = 60;
const US_PER_S: i64 = 1_000_000;

fn query(cx: &mut Cx<'_>) -> Handled {
    let sntp = &cx.net.sntp;
    // Hours, whichever form was set: 015 reads back as 0 (manual of later releases).
    let hours = sntp.zone_min / 60;
    let line = cx.env.out.line("+CIPSNTPCFG").int(sntp.is_enabled());
    if sntp.is_enabled() {
        let mut line = line.int(hours);
        for server in &sntp.servers {
            line = line.quoted_bytes(server);
        }
    } else if cx.env.config.profile.quirks.sntp_off_shows_zone {
        line.int(hours);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let needs_zone = cx.env.profile().quirks.sntp_off_needs_zone;
    args.arity(1 + u8::from(needs_zone)..=2 + SERVERS)?;
    let enable = args.flag()?;
    let zone_min = zone(cx, args, enable || needs_zone)?;
    let servers = servers(cx, args)?;
    let sntp = &mut cx.net.sntp;
    sntp.stop(&mut cx.env, &mut cx.net.queries);
    sntp.zone_min = zone_min.unwrap_or(sntp.zone_min);
    sntp.servers.clear();
    sntp.is_announced = false;
    if enable {
        let defaults = cx.env.profile().factory.sntp_servers;
        sntp.servers = if servers.is_empty() {
            defaults
                .iter()
                .map(|name| name.as_bytes().to_vec())
                .collect()
        } else {
            servers
        };
    }
    Ok(Reply::Done)
}

/// The time zone, in minutes: whole hours, or else hours and minutes, `hhmm`, which NonOS does not know.
fn zone(cx: &Cx<'_>, args: &mut Args<'_>, is_needed: bool) -> Result<Option<i32>, AtError> {
    let given = if is_needed {
        Some(args.int(i32::MIN..=i32::MAX)?)
    } else {
        args.opt_int(i32::MIN..=i32::MAX)?
    };
    let Some(given) = given else {
        return Ok(None);
    };
    let hours = cx.env.profile().limits.time_zones.clone();
    let (hour, minute) = if hours.contains(&given) || !cx.env.has(Features::RTOS) {
        (given, 0)
    } else {
        (given / 100, given % 100)
    };
    if hours.contains(&hour) && (-59..=59).contains(&minute) {
        Ok(Some(hour * 60 + minute))
    } else {
        Err(args.invalid())
    }
}

/// The servers that were given; one that is left out is none.
fn servers(cx: &Cx<'_>, args: &mut Args<'_>) -> Result<Vec<Vec<u8>>, AtError> {
    let mut servers = Vec::new();
    for _ in 0..SERVERS {
        let Some(server) = args.opt_string(cx.env.profile().limits.host_bytes)? else {
            continue;
        };
        // NUL ends a string in the firmware.
        if server.is_empty() || server.contains(&0) {
            return Err(args.invalid());
        }
        servers.push(server.to_vec());
    }
    Ok(servers)
}

fn query_time(cx: &mut Cx<'_>) -> Handled {
    let clock = &cx.sys.clock;
    let quirks = &cx.env.profile().quirks;
    let utc = if quirks.time_waits_for_sync && !clock.is_set() {
        0
    } else {
        clock.unix_us(cx.env.now).div_euclid(US_PER_S)
    };
    let has_zone = clock.is_set() || quirks.zone_before_sync;
    let zone_min = if has_zone { cx.net.sntp.zone_min } else { 0 };
    let local = utc + i64::from(zone_min) * SECONDS_A_MINUTE;
    let line = cx.env.out.tight_line("+CIPSNTPTIME");
    if quirks.time_has_day_with_zero {
        line.show(format_args!("{:#}", Asctime(local)));
    } else {
        line.show(Asctime(local));
    }
    Ok(Reply::Done)
}

fn query_interval(cx: &mut Cx<'_>) -> Handled {
    let interval = cx.net.sntp.interval(&cx.env);
    let seconds = i64::try_from(interval.as_secs()).unwrap_or(i64::MAX);
    cx.env.out.line("+CIPSNTPINTV").int(seconds);
    Ok(Reply::Done)
}

/// The time to the next question is set when one has been answered, as ESP-IDF says of `sntp_set_sync_interval`; that the
/// firmware asks anew at once was not seen.
fn set_interval(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let seconds = args.int(INTERVAL)?;
    cx.net.sntp.interval = Some(Duration::from_secs(u64::from(seconds.unsigned_abs())));
    Ok(Reply::Done)
}
