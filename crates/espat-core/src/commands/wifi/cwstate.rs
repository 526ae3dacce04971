//! `AT+CWSTATE`: the station's state (behaviour.md 4.18; manual of 2.2).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWSTATE")
    .needs_wifi()
    .query(query)
    .needs(Features::CWSTATE)
    .doc("wifi.html#cmd-WSTATE", "Query the station's state")];

/// The SSID is that of the last join, successful or not; empty before the first one (library: a format of its own).
fn query(cx: &mut Cx<'_>) -> Handled {
    let (state, ssid) = cx.wifi.station.shown(cx.env.timers, cx.env.joined_lie());
    cx.env
        .out
        .line("+CWSTATE")
        .int(state as u8)
        .quoted_bytes(ssid);
    Ok(Reply::Done)
}
