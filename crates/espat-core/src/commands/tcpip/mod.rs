//! TCP/IP commands (manual: "TCP/IP AT Commands").

use crate::exec::table::Command;

pub(super) const COMMANDS: &[&[Command]] = &[];
