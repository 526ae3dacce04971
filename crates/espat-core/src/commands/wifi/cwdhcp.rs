//! `AT+CWDHCP`: DHCP of station and softAP (behaviour.md 4.16).

use alloc::vec;
use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::syntax::args::Args;
use crate::wifi::addresses::{SOFTAP, STATION};

const CWDHCP: Command = Command::new("+CWDHCP")
    .needs_wifi()
    .query(query)
    .set(set)
    .doc(
        "wifi.html#cmd-DHCP",
        "Query or set DHCP of station and softAP",
    );

pub(super) const COMMANDS: &[Command] = &[
    CWDHCP,
    CWDHCP.current("+CWDHCP_CUR"),
    CWDHCP.default("+CWDHCP_DEF"),
];

/// Bit 0 station, bit 1 softAP, whatever is switched on (a 2.0 transcript shows 3); on NonOS the other way round.
fn query(cx: &mut Cx<'_>) -> Handled {
    let bits = cx.shown().dhcp;
    if cx.env.profile().quirks.dhcp_mode_first {
        let (station, softap) = (bits & STATION != 0, bits & SOFTAP != 0);
        cx.answer().int(u8::from(softap) | u8::from(station) << 1);
    } else {
        cx.env.out.tight_line("+CWDHCP").int(bits);
    }
    Ok(Reply::Done)
}

/// `<mode>` 0 is refused: decided without evidence (esp-at#864: not supported).
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(2..=2)?;
    if cx.env.profile().quirks.dhcp_mode_first {
        return set_by_mode(cx, args);
    }
    let enable = args.flag()?;
    let bits = args.byte(1..=3)?;
    let was = cx.nvs.live.dhcp;
    if enable {
        return super::keep_dhcp(cx, vec![], was | bits);
    }
    if bits & STATION != 0 && cx.nvs.live.station_ip.is_none() {
        cx.env.explain(Reason::NoStaticAddress);
        return Err(AtError::Failed);
    }
    super::keep_dhcp(cx, vec![], was & !bits)
}

/// The interface has to be on (zephyr#31737). A station whose DHCP ends keeps the address that it has: the client stops, and no
/// more (decided without a log).
fn set_by_mode(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let bits = match args.byte(0..=2)? {
        0 => SOFTAP,
        1 => STATION,
        _ => SOFTAP | STATION,
    };
    let enable = args.flag()?;
    if cx.nvs.live.wifi_mode & bits != bits {
        return Err(AtError::Failed);
    }
    let was = cx.nvs.live.dhcp;
    if enable {
        return super::keep_dhcp(cx, vec![], was | bits);
    }
    let settings = match cx.wifi.station.address() {
        Some(address) if was & bits & STATION != 0 && cx.nvs.live.station_ip.is_none() => {
            vec![Setting::StationIp(Some(address))]
        }
        Some(_) | None => Vec::new(),
    };
    super::keep_dhcp(cx, settings, was & !bits)
}
