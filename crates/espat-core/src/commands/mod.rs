//! The commands, family by family. Each file is named after its mnemonic.

mod basic;
mod tcpip;
mod wifi;

use crate::exec::table::Command;

/// The families in the order in which the firmware registers them; the UART commands come last. The order in all of them is
/// that of an `AT+CMD?` list from an ATK-MW8266D module (ESP8266, 2.x), the only whole one of 2.x that was found.
pub(crate) const FAMILIES: &[(&str, &[&[Command]])] = &[
    ("basic", basic::COMMANDS),
    ("wifi", wifi::COMMANDS),
    ("tcpip", tcpip::COMMANDS),
    ("basic", basic::UART),
];
