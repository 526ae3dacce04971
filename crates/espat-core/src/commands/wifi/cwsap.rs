//! `AT+CWSAP`: the softAP (behaviour.md 4.16).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::{Setting, SoftAp};
use crate::syntax::args::Args;
use crate::wifi::addresses::SOFTAP;

const CWSAP: Command = Command::new("+CWSAP")
    .needs_wifi()
    .query(query)
    .set(set)
    .doc("wifi.html#cmd-SAP", "Query or set up the softAP");

pub(super) const COMMANDS: &[Command] = &[
    CWSAP,
    CWSAP.current("+CWSAP_CUR"),
    CWSAP.default("+CWSAP_DEF"),
];

const SSID_BYTES: usize = 32;
/// Manual, `AT+CWSAP`: 8 to 64 bytes where there is one.
const PASSWORD_BYTES: usize = 64;
const PASSWORD_BYTES_MIN: usize = 8;
/// Manual, `AT+CWSAP`: `<ecn>`; WEP is not supported.
const OPEN: u8 = 0;
const WEP: u8 = 1;
/// Stations where `<max conn>` is omitted: the first value (RAK2305 guide), decided without evidence.
const STATIONS: u8 = 4;

fn query(cx: &mut Cx<'_>) -> Handled {
    super::require_mode(cx, SOFTAP)?;
    let softap = &cx.nvs.shown(cx.called.scope).softap;
    cx.env
        .out
        .line(cx.called.name)
        .quoted_bytes(&softap.ssid)
        .quoted_bytes(&softap.password)
        .int(softap.channel)
        .int(softap.encryption)
        .int(softap.stations_max)
        .int(softap.hidden);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(4..=6)?;
    let ssid = args.string(SSID_BYTES)?.to_vec();
    if ssid.is_empty() {
        return Err(args.invalid());
    }
    let password = args.string(PASSWORD_BYTES)?.to_vec();
    let password_index = args.invalid();
    let channel = args.byte(1..=14)?;
    let encryption = args.byte(0..=4)?;
    if encryption == WEP {
        return Err(args.invalid());
    }
    if encryption != OPEN && password.len() < PASSWORD_BYTES_MIN {
        return Err(password_index);
    }
    let stations = i32::from(cx.env.profile().limits.softap_stations);
    let stations_max = args.opt_byte(1..=stations)?.unwrap_or(STATIONS);
    let hidden = args.opt_flag()?.unwrap_or(false);
    super::require_mode(cx, SOFTAP)?;
    let softap = SoftAp {
        ssid,
        password,
        channel,
        encryption,
        stations_max,
        hidden,
    };
    cx.keep_then(vec![Setting::SoftAp(softap)], |cx| {
        cx.wifi.restart_softap(&mut cx.env, cx.nvs);
    })
}
