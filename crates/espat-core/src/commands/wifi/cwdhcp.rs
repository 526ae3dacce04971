//! `AT+CWDHCP`: DHCP of station and softAP (behaviour.md 4.16).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::wifi::addresses::STATION;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWDHCP")
    .needs_wifi()
    .query(query)
    .set(set)
    .doc(
        "wifi.html#cmd-DHCP",
        "Query or set DHCP of station and softAP",
    )];

/// Bit 0 station, bit 1 softAP, whatever is switched on (a 2.0 transcript shows 3).
fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.tight_line("+CWDHCP").int(cx.nvs.live.dhcp);
    Ok(Reply::Done)
}

/// `<mode>` 0 is refused: decided without evidence (esp-at#864: not supported).
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(2..=2)?;
    let enable = args.flag()?;
    let bits = args.byte(1..=3)?;
    let was = cx.nvs.live.dhcp;
    if enable {
        return super::keep_dhcp(cx, vec![], was | bits);
    }
    if bits & STATION != 0 && cx.nvs.live.station_ip.is_none() {
        cx.env.log("dhcp disable and no static ip!");
        return Err(AtError::Failed);
    }
    super::keep_dhcp(cx, vec![], was & !bits)
}
