//! Wi-Fi commands (manual: "Wi-Fi AT Commands").

mod cipsta;
mod cipstamac;
mod cwautoconn;
mod cwconfig;
mod cwcountry;
mod cwdhcp;
mod cwdhcps;
mod cwhostname;
mod cwinit;
mod cwjap;
mod cwlap;
mod cwlapopt;
mod cwlif;
mod cwmode;
mod cwqap;
mod cwqif;
mod cwreconncfg;
mod cwsap;
mod cwstaproto;
mod cwstate;

use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::operation::Handled;
use crate::exec::table::Command;
use crate::net::Link;
use crate::nvs::{Scope, Setting};
use crate::output::CloseHow;
use crate::reply::error::AtError;
use crate::reply::urc::Urc;

/// In the order of `AT+CMD?` of an ESP8266 with 2.2, as a public driver quotes it.
pub(super) const COMMANDS: &[&[Command]] = &[
    cwinit::COMMANDS,
    cwmode::COMMANDS,
    cwstate::COMMANDS,
    cwconfig::COMMANDS,
    cwjap::COMMANDS,
    cwreconncfg::COMMANDS,
    cwlap::COMMANDS,
    cwlapopt::COMMANDS,
    cwqap::COMMANDS,
    cwsap::COMMANDS,
    cwlif::COMMANDS,
    cwqif::COMMANDS,
    cwdhcp::COMMANDS,
    cwdhcps::COMMANDS,
    cwstaproto::COMMANDS,
    cwautoconn::COMMANDS,
    cwhostname::COMMANDS,
    cwcountry::COMMANDS,
    cipstamac::COMMANDS,
    cipsta::COMMANDS,
];

/// Whether a setting that nobody has kept is shown as nothing: `_DEF?` on NonOS.
fn shows_nothing_kept(cx: &Cx<'_>) -> bool {
    cx.called.scope == Scope::Default && cx.env.profile().quirks.suffix_default_is_bare
}

/// Refuses a command whose interface the mode switches off (manual: "requires"; ESP_ATMod#27 for those without a word).
fn require_mode(cx: &Cx<'_>, bit: u8) -> Result<(), AtError> {
    if cx.nvs.live.wifi_mode & bit == 0 {
        return Err(AtError::Failed);
    }
    Ok(())
}

/// Leaves the access point for a command, which shows it and what it does to the links.
fn leave(cx: &mut Cx<'_>) {
    if cx.wifi.leave(&mut cx.env) {
        say_left(cx);
    }
}

/// Leaves the access point for a command; what that does is reported after its result.
fn leave_after_result(cx: &mut Cx<'_>) {
    if cx.wifi.leave(&mut cx.env) {
        cx.env.report(Urc::WifiDisconnect);
        cx.net.on_interface_down(&mut cx.env);
    }
}

/// `WIFI DISCONNECT` first, then the links (behaviour.md 2.4: either order is plausible).
fn say_left(cx: &mut Cx<'_>) {
    cx.env.out.report(Urc::WifiDisconnect, false, false);
    close_links(cx);
}

fn close_links(cx: &mut Cx<'_>) {
    cx.net.cut_apart(&mut cx.env);
    cx.net.begin_waiting();
    for id in cx.net.links.ids() {
        if cx
            .net
            .links
            .get(id)
            .is_some_and(|link| cx.net.persists(link))
        {
            continue;
        }
        // An attempt that no command made is not spoken of: it is for the saved link.
        let is_known = cx.net.links.get(id).is_some_and(Link::is_known);
        cx.net.drop_link(&mut cx.env, id, CloseHow::Reset);
        if is_known {
            cx.env.out.report(Urc::Closed(id), cx.net.multi, false);
        }
    }
}

/// Changes addresses or DHCP: a joined station gets the address that is valid now and reports it, waiting stations of
/// the softAP get theirs.
fn keep_dhcp(cx: &mut Cx<'_>, mut settings: Vec<Setting>, dhcp: u8) -> Handled {
    settings.push(Setting::Dhcp(dhcp));
    cx.keep_then(settings, |cx| {
        cx.wifi.renew_addresses(&mut cx.env, cx.nvs);
    })
}
