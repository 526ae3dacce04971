//! `AT+GMR`: what firmware this is.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;

pub(super) const COMMANDS: &[Command] = &[Command::new("+GMR").execute(execute).doc(
    "basic.html#cmd-GMR",
    "Show the versions of firmware and SDK",
)];

fn execute(cx: &mut Cx<'_>) -> Handled {
    for line in cx.env.profile().texts.gmr {
        cx.env.out.text_line(line);
    }
    Ok(Reply::Done)
}
