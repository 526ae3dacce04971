//! `AT+CIPFWVER`: the versions that the upgrade server has (behaviour.md 3.18).

use alloc::boxed::Box;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::ota::{Asked, Versions};
use crate::profile::Features;
use crate::reply::error::AtError;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPFWVER")
    .query(query)
    .needs(Features::FIRMWARE_VERSIONS)
    .doc(
        "tcp-ip.html#cmd-FWVER",
        "List the firmware versions that the upgrade server has",
    )];

fn query(cx: &mut Cx<'_>) -> Handled {
    let (versions, asked) = Versions::ask(cx);
    if asked == Asked::Goes {
        Ok(Reply::Started(Box::new(Asking(versions))))
    } else {
        Err(AtError::Failed)
    }
}

/// The server is being asked.
#[derive(Debug)]
struct Asking(Versions);

impl Operation for Asking {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        match self.0.on_event(cx, event) {
            Asked::Goes => Progress::Continue,
            Asked::Failed => Progress::FAILED,
            Asked::Done(versions) => {
                for version in &versions {
                    cx.env.out.line("+CIPFWVER").bytes(version);
                }
                Progress::DONE
            }
        }
    }
}
