//! `AT+SYSRAM`: free heap and the least there has been (behaviour.md 4.8).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SYSRAM")
    .query(query)
    .doc("basic.html#cmd-SYSRAM", "Show the free heap")];

/// A heap that has nothing left for a socket or a buffer, in bytes: decided without evidence.
const USED_UP: (u32, u32) = (1348, 628);

fn query(cx: &mut Cx<'_>) -> Handled {
    let texts = &cx.env.profile().texts;
    let (free, min) = if cx.env.faults.out_of_memory {
        USED_UP
    } else {
        (texts.free_heap, texts.free_heap_min)
    };
    let line = cx.env.out.tight_line("+SYSRAM").int(free);
    if cx.env.config.profile.quirks.ram_shows_least {
        line.int(min);
    }
    Ok(Reply::Done)
}
