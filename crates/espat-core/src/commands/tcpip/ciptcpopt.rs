//! `AT+CIPTCPOPT`: socket options (behaviour.md 3.25, U13; manual of 2.4 for keep-alive).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPTCPOPT")
    .query(query)
    .set(set)
    .needs(Features::RTOS)
    .doc(
        "tcp-ip.html#cmd-TCPOPT",
        "Query or set linger, nodelay, the send time-out and keep-alive",
    )];

/// Longest linger time, in seconds (decided without evidence: the manual gives no upper end).
const LINGER_MAX: i32 = 65_535;
/// Longest idle time before keep-alive probes, in seconds.
const KEEP_ALIVE_MAX: i32 = 7200;

fn query(cx: &mut Cx<'_>) -> Handled {
    let keep_alive = has_keep_alive(cx).then_some(cx.nvs.live.tcp_keep_alive_s);
    for (id, tcp) in (0_u8..).zip(&cx.nvs.live.tcp) {
        let line = cx
            .env
            .out
            .line("+CIPTCPOPT")
            .int(id)
            .int(tcp.linger_s)
            .int(tcp.nodelay)
            .int(tcp.send_timeout_ms);
        if let Some(seconds) = &keep_alive {
            line.int(seconds[usize::from(id)]);
        }
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    let values = if has_keep_alive(cx) { 4 } else { 3 };
    args.arity(before + 1..=before + values)?;
    let links = super::links_param(cx, args)?;
    let linger_s = args.opt_int(-1..=LINGER_MAX)?;
    let nodelay = args.opt_flag()?;
    let send_timeout_ms = args
        .opt_int(0..=i32::MAX)?
        .and_then(|ms| u32::try_from(ms).ok());
    let keep_alive_s = args.opt_word(0..=KEEP_ALIVE_MAX)?;
    let mut all = cx.nvs.live.tcp;
    for tcp in &mut all[links.clone()] {
        tcp.linger_s = linger_s.unwrap_or(tcp.linger_s);
        tcp.nodelay = nodelay.unwrap_or(tcp.nodelay);
        tcp.send_timeout_ms = send_timeout_ms.unwrap_or(tcp.send_timeout_ms);
    }
    let mut settings = vec![Setting::Tcp(all)];
    if let Some(keep_alive_s) = keep_alive_s {
        let mut seconds = cx.nvs.live.tcp_keep_alive_s;
        seconds[links].fill(keep_alive_s);
        settings.push(Setting::TcpKeepAlive(seconds));
    }
    cx.keep_then(settings, |cx| {
        cx.net.tell_sockets(&mut cx.env, &cx.nvs.live);
    })
}

fn has_keep_alive(cx: &Cx<'_>) -> bool {
    let features = cx.env.profile().features;
    features.contains(Features::TCP_KEEP_ALIVE)
}
