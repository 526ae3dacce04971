//! Commands that finish later, and what happens to them meanwhile.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use super::cx::Cx;
use crate::input::{CloseCause, NetError, StoreError};
use crate::net::LinkId;
use crate::nvs::{Scope, Setting};
use crate::output::{QueryId, ResetCause, SocketId, StoreTag};
use crate::reply::code::ResultCode;
use crate::reply::error::AtError;
use crate::serial::payload::DataSpec;
use crate::time::Duration;
use crate::wifi::WifiEvent;

/// What a handler answers.
pub(crate) type Handled = Result<Reply, AtError>;

/// How a command goes on.
pub(crate) enum Reply {
    /// OK.
    Done,
    /// The result comes later; meanwhile input is busy.
    Started(Box<dyn Operation>),
    /// OK and `>`; the payload goes to the operation.
    Prompt {
        data: DataSpec,
        then: Box<dyn Operation>,
    },
    /// `>` alone; the payload goes to the operation.
    BarePrompt {
        data: DataSpec,
        then: Box<dyn Operation>,
    },
    /// OK and `>`, then raw bytes over the only link.
    Passthrough,
    /// OK once the settings are kept and valid.
    Keep {
        settings: Vec<Setting>,
        scope: Scope,
        then: fn(&mut Cx<'_>),
    },
    /// OK; the task goes on beside other commands.
    Background(Box<dyn Task>),
    /// OK, then a reset.
    Reboot(ResetCause),
    /// OK, then deep sleep for so many milliseconds, or until somebody wakes the module, which ends with a boot.
    Sleep { ms: Option<u32> },
}

/// A command that finishes later. Its deadline is `Timer::Operation`.
pub(crate) trait Operation: fmt::Debug + Send {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress;

    /// Whether its payload is complete and on its way.
    fn is_sending(&self) -> bool {
        false
    }
}

/// What goes on beside commands when the one that began it has its result. It reports by itself.
pub(crate) trait Task: fmt::Debug + Send {
    /// Returns whether it goes on.
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> bool;
}

/// Whether an operation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Continue,
    Finish(Result<ResultCode, AtError>),
    /// The command ended without a result code of its own.
    Silent,
    /// OK, then a reset.
    Reboot(ResetCause),
}

impl Progress {
    pub(crate) const DONE: Self = Self::Finish(Ok(ResultCode::Ok));
    pub(crate) const FAILED: Self = Self::Finish(Err(AtError::Failed));
}

/// What an operation hears of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OpEvent<'a> {
    /// The payload that it asked for.
    Payload(&'a [u8]),
    /// A piece of a long payload.
    Piece { bytes: &'a [u8], is_last: bool },
    /// `Timer::Group` is due.
    GroupDue,
    /// `+++` instead of the rest of the payload.
    Cancelled,
    /// Something happened to a link.
    Link(LinkId, LinkEvent),
    /// Something happened to a socket that is no link.
    Socket(SocketId, SocketEvent<'a>),
    /// A name was resolved, or not.
    Resolved(QueryId, Result<&'a [IpAddr], NetError>),
    /// An echo request was answered after that time, or not.
    Pinged(QueryId, Result<Duration, NetError>),
    /// A time server answered with microseconds since 1970, or not.
    TimeSynced(QueryId, Result<u64, NetError>),
    /// The server listens, or cannot.
    Listening(Result<(), NetError>),
    /// Something happened to the Wi-Fi.
    Wifi(WifiEvent),
    /// The settings of this write are durable, or cannot be kept.
    Stored(StoreTag, Result<(), StoreError>),
    /// `Timer::Operation` is due.
    Deadline,
    /// `Timer::Upgrade` is due.
    UpgradeTimeout,
}

/// What may happen to a socket that is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketEvent<'a> {
    Opened,
    Failed,
    Sent,
    Data(&'a [u8]),
    Closed(CloseCause),
}

/// What may happen to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkEvent {
    Opened,
    Failed(NetError),
    Sent(usize),
    /// The network takes no more payload; the link ends when what came over it has been read.
    SendFailed,
    Closed,
}
