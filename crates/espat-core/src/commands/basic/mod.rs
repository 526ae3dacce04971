//! Basic commands (manual: "Basic AT Commands").

mod at;
mod ate;
mod cmd;
mod gmr;
mod gslp;
mod restore;
mod rfpower;
mod rst;
mod sleep;
mod sysflash;
mod syslog;
mod sysmfg;
mod sysmsg;
mod sysmsgfilter;
mod sysram;
mod sysrollback;
mod sysstore;
mod systimestamp;
mod transintvl;
mod uart;

use crate::exec::table::Command;

pub(super) const COMMANDS: &[&[Command]] = &[
    at::COMMANDS,
    ate::COMMANDS,
    rst::COMMANDS,
    gmr::COMMANDS,
    cmd::COMMANDS,
    gslp::COMMANDS,
    systimestamp::COMMANDS,
    sleep::COMMANDS,
    restore::COMMANDS,
    sysram::COMMANDS,
    rfpower::COMMANDS,
    sysmsg::COMMANDS,
    sysrollback::COMMANDS,
    sysmsgfilter::COMMANDS,
    sysflash::COMMANDS,
    sysmfg::COMMANDS,
    syslog::COMMANDS,
    sysstore::COMMANDS,
    transintvl::COMMANDS,
];

/// Registered last, by the interface layer.
pub(super) const UART: &[&[Command]] = &[uart::COMMANDS];
