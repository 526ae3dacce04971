//! The commands, family by family. Each file is named after its mnemonic.

mod basic;
mod tcpip;
mod wifi;

use crate::exec::table::Command;

/// The families in the order in which the firmware registers them; the UART commands come last.
pub(crate) const FAMILIES: &[(&str, &[&[Command]])] = &[
    ("basic", basic::COMMANDS),
    ("wifi", wifi::COMMANDS),
    ("tcpip", tcpip::COMMANDS),
    ("basic", basic::UART),
];
