//! `AT+SYSRAM`: free heap and the least there has been (behaviour.md 4.8).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SYSRAM")
    .query(query)
    .doc("basic.html#cmd-SYSRAM", "Show the free heap")];

fn query(cx: &mut Cx<'_>) -> Handled {
    let texts = &cx.env.profile().texts;
    cx.env
        .out
        .tight_line("+SYSRAM")
        .int(texts.free_heap)
        .int(texts.free_heap_min);
    Ok(Reply::Done)
}
