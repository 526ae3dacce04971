//! `AT+RST`: restart the module.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::output::ResetCause;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+RST")
    .set(set)
    .set_needs(Features::DOWNLOAD_MODE)
    .execute(execute)
    .doc("basic.html#cmd-RST", "Restart the module")];

/// `<mode>` 1 is the ROM's download mode, which nothing but a reset from outside ends: the ROM speaks on its own port, not on
/// this one.
fn set(_: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    Ok(Reply::Reboot(if args.flag()? {
        ResetCause::Download
    } else {
        ResetCause::Command
    }))
}

fn execute(_: &mut Cx<'_>) -> Handled {
    Ok(Reply::Reboot(ResetCause::Command))
}
