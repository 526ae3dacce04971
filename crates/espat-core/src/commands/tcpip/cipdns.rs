//! `AT+CIPDNS`: whom the module asks for names (behaviour.md 3.24; manual, `AT+CIPDNS`).

use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::net::host::name_servers_shown;
use crate::nvs::{NameServers, Scope, Setting};
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::reply::render::Line;
use crate::syntax::args::Args;

const CIPDNS: Command = Command::new("+CIPDNS")
    .query(query)
    .set(set)
    .needs(Features::RTOS)
    .doc("tcp-ip.html#cmd-DNS", "Query or set the name servers");

pub(super) const COMMANDS: &[Command] = &[
    CIPDNS,
    CIPDNS.current("+CIPDNS_CUR"),
    CIPDNS.default("+CIPDNS_DEF"),
];

fn query(cx: &mut Cx<'_>) -> Handled {
    if cx.env.profile().quirks.name_servers_a_line {
        return query_by_line(cx);
    }
    let servers = name_servers_shown(cx);
    let line = cx
        .env
        .out
        .line("+CIPDNS")
        .int(cx.nvs.live.name_servers.manual);
    servers.into_iter().fold(line, Line::quoted);
    Ok(Reply::Done)
}

/// `_DEF?` shows the servers that are kept, and where none are the firmware's own (decided without a log).
fn query_by_line(cx: &mut Cx<'_>) -> Handled {
    let servers = if cx.called.scope == Scope::Default {
        let kept = cx.shown().name_servers;
        let own = cx.env.profile().factory.name_server;
        let kept: Vec<IpAddr> = kept.servers.into_iter().flatten().collect();
        if kept.is_empty() {
            vec![own.into()]
        } else {
            kept
        }
    } else {
        name_servers_shown(cx)
    };
    for server in servers {
        cx.answer().show(server);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=if cx.env.has(Features::RTOS) { 4 } else { 3 })?;
    let mut set = NameServers {
        manual: args.flag()?,
        ..NameServers::default()
    };
    if !set.manual {
        // The manual: servers work with 1 only; the lease's come back when DHCP is done again, the firmware's own until then.
        return cx.keep_then(vec![Setting::NameServers(set)], |cx| {
            cx.wifi.station.forget_name_server();
        });
    }
    for at in 0..set.servers.len() {
        let Some(ip) = args.opt_ip()? else {
            continue;
        };
        if ip.is_unspecified() || set.servers.contains(&Some(ip)) {
            return Err(args.invalid());
        }
        if ip.is_ipv6() && !cx.nvs.live.ipv6 {
            return Err(AtError::Failed);
        }
        set.servers[at] = Some(ip);
    }
    cx.keep(vec![Setting::NameServers(set)])
}
