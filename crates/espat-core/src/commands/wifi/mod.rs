//! Wi-Fi commands (manual: "Wi-Fi AT Commands").

use crate::exec::table::Command;

pub(super) const COMMANDS: &[&[Command]] = &[];
