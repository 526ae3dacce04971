//! `AT+CIPDOMAIN`: resolve a name (behaviour.md 3.2; manual of 4.1 for the time-out).

use alloc::boxed::Box;
use core::net::IpAddr;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::net::host::{Host, Lookup};
use crate::output::Family;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::time::Duration;
use crate::timers::Timer;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPDOMAIN")
    .set(set)
    .doc("tcp-ip.html#cmd-DOMAIN", "Resolve a name")];

/// Longest time-out, in milliseconds; 0 leaves it to the name servers.
const TIMEOUT_MAX: i32 = 60_000;

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let features = cx.env.profile().features;
    let has_family = features.contains(Features::DOMAIN_FAMILY);
    let has_timeout = features.contains(Features::DOMAIN_TIMEOUT);
    args.arity(1..=1 + u8::from(has_family) + u8::from(has_timeout))?;
    let text = args.string(cx.env.profile().limits.host_bytes)?;
    let host = Host::parse(text).ok_or_else(|| args.invalid())?;
    let family = match args.opt_int(1..=3)? {
        None | Some(1) => Family::PreferV4,
        Some(2) => Family::V4,
        Some(_) => Family::V6,
    };
    let timeout_ms = args.opt_word(0..=TIMEOUT_MAX)?.unwrap_or(0);
    if family == Family::V6 && !cx.nvs.live.ipv6 {
        return Err(AtError::Failed);
    }
    let family = if cx.nvs.live.ipv6 { family } else { Family::V4 };
    if !cx.wifi.station_is_up() && (host.name().is_some() || !cx.wifi.softap_is_on(cx.nvs)) {
        log_unknown(cx, &host);
        return Err(AtError::Failed);
    }
    match host.resolve(cx, family) {
        Lookup::Known(ip) => {
            answer(cx, ip);
            Ok(Reply::Done)
        }
        asked @ Lookup::Asked(_) => {
            if timeout_ms > 0 {
                let timeout = Duration::from_millis(u64::from(timeout_ms));
                cx.env.set_timer(Timer::Operation, timeout);
            }
            Ok(Reply::Started(Box::new(Resolving { host, asked })))
        }
    }
}

fn answer(cx: &mut Cx<'_>, ip: IpAddr) {
    let unquoted = cx.env.profile().quirks.addresses_unquoted;
    let line = cx.env.out.line("+CIPDOMAIN");
    if unquoted {
        line.show(ip);
    } else {
        line.quoted(ip);
    }
}

fn log_unknown(cx: &mut Cx<'_>, host: &Host) {
    if let Some(name) = host.name() {
        cx.env.explain_unknown_host(name);
    }
}

#[derive(Debug)]
struct Resolving {
    host: Host,
    asked: Lookup,
}

impl Operation for Resolving {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        let (query, result) = match (*event, self.asked) {
            (OpEvent::Resolved(query, result), _) => (query, result),
            (OpEvent::Deadline, Lookup::Asked(query)) => {
                cx.net.queries.cancel(cx.env.out, query);
                log_unknown(cx, &self.host);
                return Progress::FAILED;
            }
            _ => return Progress::Continue,
        };
        match self.asked.answered(query, result) {
            None => Progress::Continue,
            Some(Ok(ip)) => {
                answer(cx, ip);
                Progress::DONE
            }
            Some(Err(_)) => {
                log_unknown(cx, &self.host);
                Progress::FAILED
            }
        }
    }
}
