//! `AT+CIPTCPOPT`: socket options (behaviour.md 3.25; decisions.md U13).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPTCPOPT").query(query).set(set).doc(
    "tcp-ip.html#cmd-TCPOPT",
    "Query or set linger, nodelay and the send time-out",
)];

/// Longest linger time, in seconds (decided without evidence: the manual gives no upper end).
const LINGER_MAX: i32 = 65_535;

fn query(cx: &mut Cx<'_>) -> Handled {
    for (id, tcp) in (0_u8..).zip(&cx.nvs.live.tcp) {
        cx.env
            .out
            .line("+CIPTCPOPT")
            .int(id)
            .int(tcp.linger_s)
            .int(tcp.nodelay)
            .int(tcp.send_timeout_ms);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 1..=before + 3)?;
    let links = super::links_param(cx, args)?;
    let linger_s = args.opt_int(-1..=LINGER_MAX)?;
    let nodelay = args.opt_flag()?;
    let send_timeout_ms = args
        .opt_int(0..=i32::MAX)?
        .and_then(|ms| u32::try_from(ms).ok());
    let mut all = cx.nvs.live.tcp;
    for tcp in &mut all[links] {
        tcp.linger_s = linger_s.unwrap_or(tcp.linger_s);
        tcp.nodelay = nodelay.unwrap_or(tcp.nodelay);
        tcp.send_timeout_ms = send_timeout_ms.unwrap_or(tcp.send_timeout_ms);
    }
    cx.keep_then(vec![Setting::Tcp(all)], |cx| {
        cx.net.tell_sockets(&mut cx.env, &cx.nvs.live);
    })
}
