//! `AT+CWLIF`: the stations of the softAP (behaviour.md 4.16).

use core::net::Ipv4Addr;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::wifi::addresses::SOFTAP;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWLIF")
    .needs_wifi()
    .execute(execute)
    .doc("wifi.html#cmd-LIF", "List the softAP's stations")];

/// A station without a lease shows 0.0.0.0: decided without evidence (the manual: static addresses cannot be had).
fn execute(cx: &mut Cx<'_>) -> Handled {
    super::require_mode(cx, SOFTAP)?;
    for client in cx.wifi.softap.clients() {
        let ip = client.lease.unwrap_or(Ipv4Addr::UNSPECIFIED);
        if cx.env.profile().quirks.stations_are_bare {
            cx.env.out.text_line(format_args!("{ip},{}", client.mac));
        } else {
            cx.env.out.line("+CWLIF").show(ip).show(client.mac);
        }
    }
    Ok(Reply::Done)
}
