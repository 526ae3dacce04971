//! `AT+CWMODE`: which of station and softAP are on (behaviour.md 4.12, U11).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::profile::Features;
use crate::syntax::args::Args;

const CWMODE: Command = Command::new("+CWMODE")
    .needs_wifi()
    .query(query)
    .set(set)
    .doc(
        "wifi.html#cmd-MODE",
        "Query or set which of station and softAP are on",
    );

pub(super) const COMMANDS: &[Command] = &[
    CWMODE,
    CWMODE.current("+CWMODE_CUR"),
    CWMODE.default("+CWMODE_DEF"),
];

fn query(cx: &mut Cx<'_>) -> Handled {
    let mode = cx.shown().wifi_mode;
    cx.answer().int(mode);
    Ok(Reply::Done)
}

/// `<auto_connect>`: 1 where it is omitted (manual of 2.2).
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1 + u8::from(cx.env.has(Features::RTOS)))?;
    let mode = args.byte(cx.env.profile().limits.wifi_modes.clone())?;
    let auto_connect = args.opt_flag()?.unwrap_or(true);
    let then: fn(&mut Cx<'_>) = if auto_connect {
        |cx| change(cx, true)
    } else {
        |cx| change(cx, false)
    };
    cx.keep_then(vec![Setting::WifiMode(mode)], then)
}

/// Switching the station off while it is joined shows `WIFI DISCONNECT` before OK: decided without evidence, as is that
/// links end with the last interface.
fn change(cx: &mut Cx<'_>, auto_connect: bool) {
    if cx.wifi.set_mode(&mut cx.env, cx.nvs, auto_connect) {
        super::say_left(cx);
    } else if !cx.wifi.station_is_up() && !cx.wifi.softap_is_on(cx.nvs) {
        super::close_links(cx);
    }
}
