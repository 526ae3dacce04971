//! What a transcript can run on.

use std::collections::VecDeque;

use crate::event::Event;
use crate::handle::Handle;
use crate::matching::Names;
use crate::request::{NetAsk, Request};
use crate::text::Text;
use crate::time::TimeStep;

/// A module and its world: simulated, behind a PTY, or real.
///
/// Every method's error is a sentence that the runner puts under the line at which it happened.
pub trait Target {
    /// Sends bytes to the module's serial port.
    ///
    /// # Errors
    /// The port is gone, or what the target forbids.
    fn send(&mut self, bytes: &[u8]) -> Result<(), String>;

    /// Lets the world do something. Payload in `event` is plain bytes.
    ///
    /// # Errors
    /// The event names a socket or a query that does not exist, or cannot happen now.
    fn world(&mut self, event: &Event) -> Result<(), String>;

    /// Lets time pass.
    ///
    /// # Errors
    /// The module does something that no module may do.
    fn time(&mut self, step: TimeStep) -> Result<(), String>;

    /// The next thing that came out, or `None` when nothing does (at this instant, or within a real target's patience).
    ///
    /// # Errors
    /// The port is gone, or the module does something that no module may do.
    fn observe(&mut self, want: Want<'_>) -> Result<Option<Observed>, String>;

    /// What is left undone at the end, such as bytes that the module never took.
    fn leftover(&self) -> Option<String> {
        None
    }

    /// Whether what comes out stands in one order. On real sockets and a real port it does not: the serial bytes have an order,
    /// and what is asked of the world has another.
    fn is_ordered(&self) -> bool {
        true
    }

    /// What names in the transcript stand for.
    fn names(&self) -> Names {
        Names::default()
    }
}

/// What the runner waits for; a target on real sockets looks there first.
#[derive(Clone, Copy, Debug)]
pub enum Want<'a> {
    /// Serial bytes.
    Serial,
    /// This request.
    Ask(&'a Request),
    /// Nothing: whatever is there is too much.
    Nothing,
}

/// One thing that came out of the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Bytes on the serial line.
    Serial(Vec<u8>),
    /// Payload for a byte stream; two in a row are the same as one.
    Stream(Handle, Vec<u8>),
    /// Any other request.
    Ask(Request),
}

impl Observed {
    /// Adds this at the end of what came before, whose last run of bytes it may go on.
    pub(crate) fn append_to(self, queue: &mut VecDeque<Self>) {
        match (queue.back_mut(), self) {
            (Some(Self::Serial(bytes)), Self::Serial(more)) => bytes.extend(more),
            (Some(Self::Stream(a, bytes)), Self::Stream(b, more)) if *a == b => bytes.extend(more),
            (_, next) => queue.push_back(next),
        }
    }

    /// The `=>` line that says this; `None` for serial bytes.
    pub(crate) fn as_request(&self) -> Option<Request> {
        match self {
            Self::Serial(_) => None,
            Self::Stream(handle, bytes) => Some(Request::Net(
                *handle,
                NetAsk::Send {
                    bytes: Text::compressed(bytes),
                    to: None,
                },
            )),
            Self::Ask(request) => Some(request.clone()),
        }
    }
}
