//! `AT+RESTORE`: back to the first values, with a boot (behaviour.md 2.3).

use alloc::boxed::Box;

use crate::commands::tcpip;
use crate::exec::cx::Cx;
use crate::exec::keep::Write;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::net::LinkId;
use crate::output::ResetCause;

pub(super) const COMMANDS: &[Command] = &[Command::new("+RESTORE")
    .execute(execute)
    .doc("basic.html#cmd-RESTORE", "Forget all settings and restart")];

fn execute(cx: &mut Cx<'_>) -> Handled {
    let mut erasing = Erasing(cx.erase());
    match erasing.progress(cx) {
        Progress::Reboot(cause) => Ok(Reply::Reboot(cause)),
        Progress::Continue | Progress::Finish(_) | Progress::Silent => {
            Ok(Reply::Started(Box::new(erasing)))
        }
    }
}

#[derive(Debug)]
struct Erasing(Write);

impl Operation for Erasing {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        self.0.hear(event);
        self.progress(cx)
    }
}

impl Erasing {
    fn progress(&mut self, cx: &mut Cx<'_>) -> Progress {
        match self.0.outcome() {
            None => Progress::Continue,
            Some(Err(_)) => Progress::FAILED,
            Some(Ok(())) => {
                close_links(cx);
                Progress::Reboot(ResetCause::Restore)
            }
        }
    }
}

/// The last link first, as esp-at#120 shows it.
fn close_links(cx: &mut Cx<'_>) {
    for id in (0..cx.env.profile().limits.links).rev().map(LinkId) {
        if cx.net.links.get(id).is_some() {
            tcpip::close_and_say(cx, id);
        }
    }
}
