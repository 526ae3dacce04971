//! `AT+CMD`: the commands that there are (behaviour.md 4.5).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::{self, Command};
use crate::profile::Features;
use crate::syntax::line::Form;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CMD")
    .query(query)
    .needs(Features::RTOS)
    .doc("basic.html#cmd-CMD", "List the commands and their forms")];

fn query(cx: &mut Cx<'_>) -> Handled {
    let profile = cx.env.profile();
    for (index, command) in (0_u16..).zip(table::of(profile)) {
        // No command has a test form (behaviour.md 1.6).
        cx.env
            .out
            .line("+CMD")
            .int(index)
            .quoted(format_args!("AT{}", command.name))
            .int(0)
            .int(command.has(profile, Form::Query))
            .int(command.has(profile, Form::Set))
            .int(command.has(profile, Form::Execute));
    }
    Ok(Reply::Done)
}
