//! `AT+CIPSTATUS`: the station's status and the links; `AT+CIPSTATE`: the links (behaviour.md 3.1, 5, U17).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPSTATUS").execute(execute).doc(
        "tcp-ip.html#cmd-STATUS",
        "List the links and the station's status",
    ),
    Command::new("+CIPSTATE")
        .query(query)
        .needs(Features::CIPSTATE)
        .doc("tcp-ip.html#cmd-IPSTATE", "List the links"),
];

fn execute(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.text_line(format_args!("STATUS:{}", status(cx)));
    list(cx, "+CIPSTATUS");
    Ok(Reply::Done)
}

fn query(cx: &mut Cx<'_>) -> Handled {
    list(cx, "+CIPSTATE");
    Ok(Reply::Done)
}

fn list(cx: &mut Cx<'_>, name: &'static str) {
    for link in cx.net.links.listed(cx.env.faults.lie.links) {
        cx.env
            .out
            .line(name)
            .show(link.link)
            .quoted(link.kind)
            .quoted(link.remote.ip())
            .int(link.remote.port())
            .int(link.local_port)
            .int(link.accepted);
    }
}

/// 0 before the first join, 2 with an address, 3 with a TCP link, 4 after the last one, 5 without access point. UDP
/// links do not count as 3.
fn status(cx: &Cx<'_>) -> u8 {
    if let Some(status) = cx.env.faults.lie.status {
        return status;
    }
    if cx.env.profile().quirks.status_is_the_stations && !cx.wifi.station_is_up() {
        return 5;
    }
    let joined = cx.wifi.station_is_up();
    if cx.net.links.has_tcp() {
        3
    } else if cx.net.had_links && (joined || !cx.wifi.has_tried()) {
        4
    } else if joined {
        2
    } else if cx.wifi.has_tried() {
        5
    } else {
        0
    }
}
