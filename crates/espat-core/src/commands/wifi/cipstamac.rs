//! `AT+CIPSTAMAC`, `AT+CIPAPMAC`: the MAC addresses of station and softAP (behaviour.md 4.17).

use alloc::vec;

use crate::config::Mac;
use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::wifi::WifiEvent;

const CIPSTAMAC: Command = Command::new("+CIPSTAMAC")
    .needs_wifi()
    .query(|cx| {
        let mac = cx.shown().station_mac;
        show(cx, mac, cx.env.config.addresses.station_mac)
    })
    .set(set_station)
    .doc(
        "wifi.html#cmd-STAMAC",
        "Query or set the station's MAC address",
    );
const CIPAPMAC: Command = Command::new("+CIPAPMAC")
    .needs_wifi()
    .query(|cx| {
        let mac = cx.shown().softap_mac;
        show(cx, mac, cx.env.config.addresses.softap_mac)
    })
    .set(set_softap)
    .doc(
        "wifi.html#cmd-APMAC",
        "Query or set the softAP's MAC address",
    );

pub(super) const COMMANDS: &[Command] = &[
    CIPSTAMAC,
    CIPAPMAC,
    CIPSTAMAC.current("+CIPSTAMAC_CUR"),
    CIPSTAMAC.default("+CIPSTAMAC_DEF"),
    CIPAPMAC.current("+CIPAPMAC_CUR"),
    CIPAPMAC.default("+CIPAPMAC_DEF"),
];

/// In every mode: a Zephyr host asks in mode 0 (drivers that work on 2.x).
fn show(cx: &mut Cx<'_>, mac: Mac, factory: Mac) -> Handled {
    let is_bare = mac == factory && super::shows_nothing_kept(cx);
    cx.answer()
        .quoted(if is_bare { Mac([0xff; 6]) } else { mac });
    Ok(Reply::Done)
}

/// An association does not outlive the address that it was made with, so the station loses its access point: decided
/// without evidence.
fn set_station(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let mac = mac(args, cx.nvs.live.softap_mac)?;
    if mac == cx.nvs.live.station_mac {
        return Ok(Reply::Done);
    }
    cx.keep_then(vec![Setting::StationMac(mac)], |cx| {
        if cx.wifi.lose_access_point(&mut cx.env, cx.nvs) == Some(WifiEvent::Down) {
            cx.net.on_interface_down(&mut cx.env);
        }
    })
}

fn set_softap(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let mac = mac(args, cx.nvs.live.station_mac)?;
    cx.keep(vec![Setting::SoftApMac(mac)])
}

/// No multicast address, no zeros, not the other interface's (manual).
fn mac(args: &mut Args<'_>, other: Mac) -> Result<Mac, AtError> {
    args.arity(1..=1)?;
    let mac = args.mac()?;
    let is_multicast = mac.0[0] & 1 != 0;
    if is_multicast || mac == Mac([0; 6]) || mac == other {
        return Err(args.invalid());
    }
    Ok(mac)
}
