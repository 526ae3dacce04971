//! `AT+PING`: one echo request (behaviour.md 3.23).
//!
//! Whatever keeps the answer away is a time-out to the host MCU: an unknown name too (manual of later releases).

use alloc::boxed::Box;
use core::net::{IpAddr, SocketAddr};

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::net::host::{Host, Lookup};
use crate::output::{Family, QueryId};
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::time::Duration;

pub(super) const COMMANDS: &[Command] = &[Command::new("+PING")
    .set(set)
    .doc("tcp-ip.html#cmd-CIPPING", "Ping a host")];

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let text = args.string(cx.env.profile().limits.host_bytes)?;
    if text.is_empty() {
        return Err(args.invalid());
    }
    let Some(host) = Host::parse(text).filter(|host| can_ask(cx, host)) else {
        return Err(timed_out(cx));
    };
    let family = if cx.nvs.live.ipv6 {
        Family::PreferV4
    } else {
        Family::V4
    };
    let wait = match host.resolve(cx, family) {
        Lookup::Known(ip) => Wait::Echo(send(cx, &host, ip).ok_or_else(|| timed_out(cx))?),
        asked @ Lookup::Asked(_) => Wait::Name(asked),
    };
    Ok(Reply::Started(Box::new(Pinging { host, wait })))
}

/// Names need the station's name servers.
fn can_ask(cx: &Cx<'_>, host: &Host) -> bool {
    host.name().is_none() || cx.wifi.station_is_up()
}

/// Sends the echo request; `None` where no network of the module leads there.
fn send(cx: &mut Cx<'_>, host: &Host, ip: IpAddr) -> Option<QueryId> {
    let has_family = ip.is_ipv4() || cx.nvs.live.ipv6;
    if !has_family || !cx.wifi.reaches(cx.nvs, ip) {
        return None;
    }
    let limits = &cx.env.profile().limits;
    let deadline = cx.env.now + limits.ping_timeout;
    let query = cx.net.queries.begin();
    let peer = (SocketAddr::new(ip, 0), host.name().cloned());
    cx.env.out.ping(query, peer, limits.ping_bytes, deadline);
    Some(query)
}

fn timed_out(cx: &mut Cx<'_>) -> AtError {
    if cx.env.profile().quirks.ping_is_bare {
        cx.env.out.text_line("+timeout");
    } else {
        cx.env.out.line("+PING").show("TIMEOUT");
    }
    AtError::Failed
}

fn answered(cx: &mut Cx<'_>, time: Duration) -> Progress {
    let ms = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    if cx.env.profile().quirks.ping_is_bare {
        cx.env.out.text_line(format_args!("+{ms}"));
    } else {
        cx.env.out.line("+PING").int(ms);
    }
    Progress::DONE
}

/// A host is being looked up, then asked.
#[derive(Debug)]
struct Pinging {
    host: Host,
    wait: Wait,
}

#[derive(Debug)]
enum Wait {
    Name(Lookup),
    Echo(QueryId),
}

impl Operation for Pinging {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        let failed = match (&self.wait, *event) {
            (Wait::Name(asked), OpEvent::Resolved(query, result)) => {
                match asked.answered(query, result) {
                    None => false,
                    Some(Err(_)) => true,
                    Some(Ok(ip)) => match send(cx, &self.host, ip) {
                        None => true,
                        Some(query) => {
                            self.wait = Wait::Echo(query);
                            false
                        }
                    },
                }
            }
            (Wait::Echo(asked), OpEvent::Pinged(query, result)) if *asked == query => {
                match result {
                    Ok(time) => return answered(cx, time),
                    Err(_) => true,
                }
            }
            _ => false,
        };
        if failed {
            Progress::Finish(Err(timed_out(cx)))
        } else {
            Progress::Continue
        }
    }
}
