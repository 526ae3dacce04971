//! `AT+CIPRECONNINTV`: how often passthrough tries to open its link again (behaviour.md 3.21).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPRECONNINTV")
    .query(query)
    .set(set)
    .needs(Features::RTOS)
    .doc(
        "tcp-ip.html#cmd-AUTOCONNINT",
        "Query or set passthrough's reconnection interval",
    )];

/// Largest interval, in steps of 100 ms.
const STEPS_MAX: i32 = 36_000;

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env
        .out
        .line("+CIPRECONNINTV")
        .int(cx.nvs.live.reconnect_steps);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let steps = args.word(1..=STEPS_MAX)?;
    cx.keep(vec![Setting::ReconnectSteps(steps)])
}
