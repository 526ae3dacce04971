//! `AT+CIUPDATE`: upgrade the firmware, or a partition, over HTTP (behaviour.md 3.18).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply, Task};
use crate::exec::table::Command;
use crate::ota::{Order, Turn, Upgrade};
use crate::output::ResetCause;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIUPDATE")
    .query(query)
    .query_needs(Features::RTOS)
    .set(set)
    .set_needs(Features::RTOS)
    .execute(execute)
    .doc(
        "tcp-ip.html#cmd-UPDATE",
        "Upgrade the firmware or a partition, or show how far that is",
    )];

/// What is upgraded where nothing is named.
const FIRMWARE: &[u8] = b"ota";

/// The answer has the command's own name, the reports have another one.
fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.line("+CIUPDATE").int(cx.ota.state);
    Ok(Reply::Done)
}

fn execute(cx: &mut Cx<'_>) -> Handled {
    let order = Order {
        https: false,
        version: None,
        partition: FIRMWARE.to_vec(),
        in_background: false,
    };
    start(cx, order)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=4)?;
    let bytes_max = cx.env.profile().upgrade.name_bytes;
    let https = args.flag()?;
    let version = args.opt_string(bytes_max)?.map(text);
    let partition = args.opt_string(bytes_max)?.map(text);
    let in_background = args.count() == 4 && args.flag()?;
    let is_missing = version.as_ref().is_none_or(Vec::is_empty);
    let asks_nothing = cx.env.profile().quirks.background_upgrade_asks_nothing;
    let version = match version {
        _ if in_background && is_missing => asks_nothing.then(Vec::new),
        version => version,
    };
    let order = Order {
        https,
        version,
        partition: partition
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| FIRMWARE.to_vec()),
        in_background,
    };
    start(cx, order)
}

/// A string of the firmware ends at the first NUL.
fn text(bytes: &[u8]) -> Vec<u8> {
    bytes.split(|&b| b == 0).next().unwrap_or_default().to_vec()
}

fn start(cx: &mut Cx<'_>, order: Order) -> Handled {
    if cx.ota.in_background {
        cx.env.log("ALREADY IN OTA");
        return Err(AtError::Failed);
    }
    let in_background = order.in_background;
    let (upgrade, turn) = Upgrade::start(cx, order);
    match turn {
        Turn::Goes if in_background => {
            cx.ota.in_background = true;
            Ok(Reply::Background(Box::new(Beside(upgrade))))
        }
        Turn::Goes => Ok(Reply::Started(Box::new(Blocking(upgrade)))),
        // It says of its end by itself.
        Turn::Done | Turn::Failed if in_background => Ok(Reply::Done),
        Turn::Done | Turn::Failed => Err(AtError::Failed),
    }
}

/// An upgrade that other commands wait for.
#[derive(Debug)]
struct Blocking(Upgrade);

impl Operation for Blocking {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        match self.0.on_event(cx, event) {
            Turn::Goes => Progress::Continue,
            Turn::Done if self.0.is_firmware() => Progress::Reboot(ResetCause::Upgrade),
            Turn::Done => Progress::DONE,
            Turn::Failed => Progress::FAILED,
        }
    }
}

/// An upgrade beside other commands. The new firmware waits for a reset that the host MCU asks for.
#[derive(Debug)]
struct Beside(Upgrade);

impl Task for Beside {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> bool {
        let goes = self.0.on_event(cx, event) == Turn::Goes;
        cx.ota.in_background = goes;
        goes
    }
}
