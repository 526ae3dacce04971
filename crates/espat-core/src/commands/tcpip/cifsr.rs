//! `AT+CIFSR`: the module's addresses (behaviour.md 3.9).

use core::net::Ipv4Addr;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::outbox::Outbox;
use crate::reply::render::Line;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIFSR").execute(execute).doc(
    "tcp-ip.html#cmd-IFSR",
    "Show the module's IP and MAC addresses",
)];

fn execute(cx: &mut Cx<'_>) -> Handled {
    let settings = &cx.nvs.live;
    let (ipv6, mode) = (settings.ipv6, cx.wifi.mode());
    if mode & 0b10 != 0 {
        line(cx.env.out, "APIP").quoted(cx.nvs.live.softap_ip.ip);
        if ipv6 {
            line(cx.env.out, "APIP6LL").quoted(cx.nvs.live.softap_mac.link_local());
        }
        line(cx.env.out, "APMAC").quoted(cx.nvs.live.softap_mac);
    }
    if mode & 0b01 != 0 {
        let up = cx.wifi.station_is_up();
        let ip = cx.wifi.station_ip().unwrap_or(Ipv4Addr::UNSPECIFIED);
        line(cx.env.out, "STAIP").quoted(ip);
        if ipv6 && up {
            line(cx.env.out, "STAIP6LL").quoted(cx.nvs.live.station_mac.link_local());
            line(cx.env.out, "STAIP6GL").quoted(cx.env.config.addresses.station_ip6);
        }
        line(cx.env.out, "STAMAC").quoted(cx.nvs.live.station_mac);
    }
    Ok(Reply::Done)
}

fn line<'a>(out: &'a mut Outbox, what: &'static str) -> Line<'a> {
    out.line("+CIFSR").show(what)
}
