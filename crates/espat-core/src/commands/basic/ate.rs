//! `ATE0` and `ATE1`: two commands, as in the firmware's table.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("E0")
        .execute(off)
        .doc("basic.html#cmd-ATE", "Switch echo off"),
    Command::new("E1")
        .execute(on)
        .doc("basic.html#cmd-ATE", "Switch echo on"),
];

fn off(cx: &mut Cx<'_>) -> Handled {
    cx.sys.echo = false;
    Ok(Reply::Done)
}

fn on(cx: &mut Cx<'_>) -> Handled {
    cx.sys.echo = true;
    Ok(Reply::Done)
}
