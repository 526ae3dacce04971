//! `AT+CWRECONNCFG`: how the station joins again by itself (behaviour.md 2.4, 4.16).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWRECONNCFG")
    .query(query)
    .set(set)
    .needs(Features::RTOS)
    .doc(
        "wifi.html#cmd-RECONNCFG",
        "Query or set how the station joins again by itself",
    )];

/// Manual, `AT+CWRECONNCFG`: seconds between attempts, 0 for none.
const INTERVAL_S_MAX: i32 = 7200;
/// Manual, `AT+CWRECONNCFG`: 0 for as many as it takes.
const ATTEMPTS_MAX: i32 = 1000;

fn query(cx: &mut Cx<'_>) -> Handled {
    let (interval_s, attempts) = cx.nvs.live.reconnect;
    cx.env
        .out
        .line("+CWRECONNCFG")
        .int(interval_s)
        .int(attempts);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(2..=2)?;
    let interval_s = args.word(0..=INTERVAL_S_MAX)?;
    let attempts = args.word(0..=ATTEMPTS_MAX)?;
    cx.keep_then(vec![Setting::Reconnect(interval_s, attempts)], |cx| {
        if cx.nvs.live.reconnect.0 == 0 {
            cx.wifi.forget_rejoin(&mut cx.env);
        }
    })
}
