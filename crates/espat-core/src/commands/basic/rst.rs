//! `AT+RST`: restart the module.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::output::ResetCause;

pub(super) const COMMANDS: &[Command] = &[Command::new("+RST")
    .execute(execute)
    .doc("basic.html#cmd-RST", "Restart the module")];

fn execute(_: &mut Cx<'_>) -> Handled {
    Ok(Reply::Reboot(ResetCause::Command))
}
