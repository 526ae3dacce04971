//! `AT+CIPDNS`: whom the module asks for names (behaviour.md 3.24; manual, `AT+CIPDNS`).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::net::host::name_servers_shown;
use crate::nvs::{NameServers, Setting};
use crate::reply::error::AtError;
use crate::reply::render::Line;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPDNS")
    .query(query)
    .set(set)
    .doc("tcp-ip.html#cmd-DNS", "Query or set the name servers")];

fn query(cx: &mut Cx<'_>) -> Handled {
    let servers = name_servers_shown(cx);
    let line = cx
        .env
        .out
        .line("+CIPDNS")
        .int(cx.nvs.live.name_servers.manual);
    servers.into_iter().fold(line, Line::quoted);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=4)?;
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
