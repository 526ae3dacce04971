//! `AT+CIPSTA`, `AT+CIPAP`: the addresses of station and softAP (behaviour.md 4.17). They are shown, never bound.

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::{Setting, StaticIp};
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::wifi::addresses::{SOFTAP, STATION};

const CIPSTA: Command = Command::new("+CIPSTA")
    .needs_wifi()
    .query(query_station)
    .set(set_station)
    .doc("wifi.html#cmd-IPSTA", "Query or set the station's address");
const CIPAP: Command = Command::new("+CIPAP")
    .needs_wifi()
    .query(query_softap)
    .set(set_softap)
    .doc("wifi.html#cmd-IPAP", "Query or set the softAP's address");

pub(super) const COMMANDS: &[Command] = &[
    CIPSTA,
    CIPAP,
    CIPSTA.current("+CIPSTA_CUR"),
    CIPSTA.default("+CIPSTA_DEF"),
    CIPAP.current("+CIPAP_CUR"),
    CIPAP.default("+CIPAP_DEF"),
];

/// Zeros without an access point; the IPv6 lines with a colon as from 2.2 on.
fn query_station(cx: &mut Cx<'_>) -> Handled {
    super::require_mode(cx, STATION)?;
    let net = if super::shows_nothing_kept(cx) {
        cx.shown().station_ip
    } else {
        cx.wifi.station.address()
    };
    show(cx, net.unwrap_or(StaticIp::ZERO));
    if cx.nvs.live.ipv6 && cx.wifi.station_is_up() {
        let local = cx.nvs.live.station_mac.link_local();
        let global = cx.env.config.addresses.station_ip6;
        cx.env
            .out
            .line("+CIPSTA")
            .show(format_args!("ip6ll:\"{local}\""));
        cx.env
            .out
            .line("+CIPSTA")
            .show(format_args!("ip6gl:\"{global}\""));
    }
    Ok(Reply::Done)
}

fn query_softap(cx: &mut Cx<'_>) -> Handled {
    super::require_mode(cx, SOFTAP)?;
    let net = cx.shown().softap_ip;
    let is_bare = net == StaticIp::SOFTAP && super::shows_nothing_kept(cx);
    show(cx, if is_bare { StaticIp::ZERO } else { net });
    if cx.nvs.live.ipv6 {
        let local = cx.nvs.live.softap_mac.link_local();
        cx.env
            .out
            .line("+CIPAP")
            .show(format_args!("ip6ll:\"{local}\""));
    }
    Ok(Reply::Done)
}

fn show(cx: &mut Cx<'_>, net: StaticIp) {
    let StaticIp {
        ip,
        gateway,
        netmask,
    } = net;
    cx.answer().show(format_args!("ip:\"{ip}\""));
    cx.answer().show(format_args!("gateway:\"{gateway}\""));
    cx.answer().show(format_args!("netmask:\"{netmask}\""));
}

/// A static address switches the station's DHCP off (manual).
fn set_station(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let net = net(args)?;
    super::require_mode(cx, STATION)?;
    let dhcp = cx.nvs.live.dhcp & !STATION;
    super::keep_dhcp(cx, vec![Setting::StationIp(Some(net))], dhcp)
}

/// A static address switches the softAP's DHCP off (manual; a 3.3 on an ESP32-C3 switches it on, esp-at#950).
fn set_softap(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let net = net(args)?;
    super::require_mode(cx, SOFTAP)?;
    let dhcp = cx.nvs.live.dhcp & !SOFTAP;
    super::keep_dhcp(cx, vec![Setting::SoftApIp(net)], dhcp)
}

/// Gateway and netmask come together (manual). Without them the network is a /24 with its gateway at .1, and an address
/// that no interface can have is refused: decided without evidence.
fn net(args: &mut Args<'_>) -> Result<StaticIp, AtError> {
    args.arity(1..=3)?;
    let ip = args.ipv4()?;
    if ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() {
        return Err(args.invalid());
    }
    if args.count() > 1 {
        args.arity(3..=3)?;
        let gateway = args.ipv4()?;
        let netmask = args.ipv4()?;
        return Ok(StaticIp {
            ip,
            gateway,
            netmask,
        });
    }
    Ok(StaticIp::with_defaults(ip))
}
