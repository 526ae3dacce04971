//! `AT+CWDHCPS`: the addresses that the softAP hands out (behaviour.md 4.16).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::{DhcpPool, Setting};
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::wifi::addresses::SOFTAP;
use crate::wifi::softap::default_pool;

const CWDHCPS: Command = Command::new("+CWDHCPS")
    .needs_wifi()
    .query(query)
    .set(set)
    .needs(Features::RTOS)
    .doc(
        "wifi.html#cmd-DHCPS",
        "Query or set the addresses that the softAP hands out",
    );

pub(super) const COMMANDS: &[Command] = &[
    CWDHCPS,
    CWDHCPS.current("+CWDHCPS_CUR"),
    CWDHCPS.default("+CWDHCPS_DEF"),
];

/// Manual, `AT+CWDHCPS`: minutes.
const LEASE_MIN_MAX: i32 = 2880;

/// A colon, where the manual of the reference has `=`.
fn query(cx: &mut Cx<'_>) -> Handled {
    let settings = cx.shown();
    let pool = settings.dhcp_pool.unwrap_or_else(|| {
        if super::shows_nothing_kept(cx) {
            DhcpPool::ZERO
        } else {
            default_pool(settings.softap_ip)
        }
    });
    cx.env
        .out
        .tight_line(cx.called.name)
        .int(pool.lease_min)
        .show(pool.start)
        .show(pool.end);
    Ok(Reply::Done)
}

/// The manual wants softAP and DHCP on, and the range in the softAP's network.
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=4)?;
    let pool = if args.flag()? {
        args.arity(4..=4)?;
        Some(pool(cx, args)?)
    } else {
        args.arity(1..=1)?;
        None
    };
    if cx.nvs.live.dhcp & cx.nvs.live.wifi_mode & SOFTAP == 0 {
        return Err(AtError::Failed);
    }
    cx.keep(vec![Setting::DhcpPool(pool)])
}

fn pool(cx: &Cx<'_>, args: &mut Args<'_>) -> Result<DhcpPool, AtError> {
    let net = cx.nvs.live.softap_ip;
    let lease_min = args.word(1..=LEASE_MIN_MAX)?;
    let start = args.ipv4()?;
    if !net.contains(start) {
        return Err(args.invalid());
    }
    let end = args.ipv4()?;
    if !net.contains(end) || end < start {
        return Err(args.invalid());
    }
    Ok(DhcpPool {
        lease_min,
        start,
        end,
    })
}
