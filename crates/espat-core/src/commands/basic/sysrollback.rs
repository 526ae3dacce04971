//! `AT+SYSROLLBACK`: the firmware in the other partition runs from the next boot on, which comes at once (behaviour.md 4.11).

use alloc::boxed::Box;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::output::{ResetCause, StoreTag};
use crate::profile::Features;
use crate::reply::error::AtError;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SYSROLLBACK")
    .execute(execute)
    .needs(Features::RTOS)
    .doc(
        "basic.html#cmd-SYSROLLBACK",
        "Go back to the firmware before the last upgrade",
    )];

/// Without a firmware in the other partition ESP-IDF refuses to boot from it. Beside an upgrade it is refused too (decided).
fn execute(cx: &mut Cx<'_>) -> Handled {
    if cx.ota.in_background {
        return Err(AtError::Failed);
    }
    let tag = cx.ota.roll_back(&mut cx.env, cx.nvs);
    let tag = tag.ok_or(AtError::Failed)?;
    Ok(Reply::Started(Box::new(Switching(tag))))
}

/// The choice is on its way into the flash.
#[derive(Debug)]
struct Switching(StoreTag);

impl Operation for Switching {
    fn on_event(&mut self, _: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        let OpEvent::Stored(tag, result) = *event else {
            return Progress::Continue;
        };
        match result {
            _ if tag != self.0 => Progress::Continue,
            Ok(()) => Progress::Reboot(ResetCause::Upgrade),
            Err(_) => Progress::FAILED,
        }
    }
}
