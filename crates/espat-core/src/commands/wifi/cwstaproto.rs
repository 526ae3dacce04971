//! `AT+CWSTAPROTO`, `AT+CWAPPROTO`: the 802.11 protocols of station and softAP. The air is one of b, g, n and ax: who speaks LR alone
//! is alone.

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CWSTAPROTO")
        .needs_wifi()
        .query(|cx| {
            let bits = cx.nvs.live.station_protocols;
            show(cx, "+CWSTAPROTO", bits)
        })
        .set(|cx, args| {
            let bits = protocols(cx, args)?;
            cx.keep(vec![Setting::StationProtocols(bits)])
        })
        .needs(Features::RTOS)
        .doc(
            "wifi.html#cmd-STAPROTO",
            "Query or set the station's 802.11 protocols",
        ),
    Command::new("+CWAPPROTO")
        .needs_wifi()
        .query(|cx| {
            let bits = cx.nvs.live.softap_protocols;
            show(cx, "+CWAPPROTO", bits)
        })
        .set(|cx, args| {
            let bits = protocols(cx, args)?;
            cx.keep_then(vec![Setting::SoftApProtocols(bits)], |cx| {
                cx.wifi.renew_addresses(&mut cx.env, cx.nvs);
            })
        })
        .needs(Features::RTOS)
        .doc(
            "wifi.html#cmd-APPROTO",
            "Query or set the softAP's 802.11 protocols",
        ),
];

/// A colon, where the manual of the reference has `=`.
fn show(cx: &mut Cx<'_>, name: &'static str, bits: u8) -> Handled {
    cx.env.out.tight_line(name).int(bits);
    Ok(Reply::Done)
}

/// The sets that the driver knows. What a change does to an access point or a station that is joined was not seen: they stay.
fn protocols(cx: &Cx<'_>, args: &mut Args<'_>) -> Result<u8, AtError> {
    args.arity(1..=1)?;
    let bits = args.byte(0..=0xff)?;
    let is_known = cx.env.profile().limits.wifi_protocols.contains(&bits);
    is_known.then_some(bits).ok_or_else(|| args.invalid())
}
