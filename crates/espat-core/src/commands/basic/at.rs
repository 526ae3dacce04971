//! `AT`: is anybody there?

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;

pub(super) const COMMANDS: &[Command] = &[Command::new("")
    .execute(execute)
    .doc("basic.html#cmd-AT", "Test that the module answers")];

fn execute(_: &mut Cx<'_>) -> Handled {
    Ok(Reply::Done)
}
