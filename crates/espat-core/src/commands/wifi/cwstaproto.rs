//! `AT+CWSTAPROTO`, `AT+CWAPPROTO`: the 802.11 protocols of station and softAP.

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
            let bits = protocols(args)?;
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
            let bits = protocols(args)?;
            cx.keep(vec![Setting::SoftApProtocols(bits)])
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

/// b, bg or bgn (manual of the reference).
fn protocols(args: &mut Args<'_>) -> Result<u8, AtError> {
    args.arity(1..=1)?;
    match args.byte(0..=7)? {
        bits @ (1 | 3 | 7) => Ok(bits),
        _ => Err(args.invalid()),
    }
}
