//! Basic commands (manual: "Basic AT Commands").

mod at;
mod ate;
mod rst;
mod syslog;
mod sysmsg;

use crate::exec::table::Command;

pub(super) const COMMANDS: &[&[Command]] = &[
    at::COMMANDS,
    rst::COMMANDS,
    ate::COMMANDS,
    sysmsg::COMMANDS,
    syslog::COMMANDS,
];

/// Registered last, by the interface layer.
pub(super) const UART: &[&[Command]] = &[];
