//! What a rule does: every way in which a fault plan can break a module.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::plan::{MomentKind, RequestKind, Way};
use super::state::{Lie, ReportPlace};
use crate::input::{CloseCause, NetError, PowerEvent, StoreError};
use crate::output::Mark;
use crate::time::Duration;

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Something with a run of serial bytes.
    Bytes(Way, ByteAction),
    /// Something with the result of a send, or its prompt.
    Send(SendAction),
    /// Commands are answered `busy p...` for so long, whether one is running or not.
    HoldBusy(Duration),
    /// Reports come at that moment of the command; they wait for it at most so long.
    PutReport {
        /// The moment.
        place: ReportPlace,
        /// How long reports wait for it.
        hold: Duration,
    },
    /// Something with a link.
    Link(LinkAction),
    /// So many bytes of the payload that arrives are lost, although its sender was told that they came.
    Overrun {
        /// How many.
        bytes: usize,
        /// From which byte of that piece on; `None`: chance decides.
        at: Option<usize>,
    },
    /// A datagram that arrives seems to come from elsewhere.
    ChangeSender {
        /// From this address; `None`: its own.
        ip: Option<Ipv4Addr>,
        /// From this port; `None`: its own.
        port: Option<u16>,
    },
    /// A question or an attempt fails, so long after it was made.
    Fail {
        /// Which.
        what: RequestKind,
        /// Why.
        error: NetError,
        /// When.
        after: Duration,
    },
    /// The answer comes so much later.
    Slow {
        /// To which question or attempt.
        what: RequestKind,
        /// How much.
        by: Duration,
    },
    /// Of what comes next from the upgrade's server so many bytes have a wrong bit.
    CorruptUpgrade {
        /// How many.
        bytes: usize,
    },
    /// The next write into the flash fails.
    FailWrite(StoreError),
    /// Time servers say this, in seconds since 1970.
    WrongTime(u64),
    /// Something with the air.
    Wifi(WifiAction),
    /// Queries lie.
    Lie {
        /// What they say.
        lie: Lie,
        /// For how long; `None`: until the next reset.
        lasts: Option<Duration>,
    },
    /// An unannounced reset.
    Reset {
        /// The texts of ROM and boot loader come on the AT port.
        noise: bool,
        /// Settings that were kept are lost.
        defaults: bool,
        /// What the ROM says of it.
        cause: ResetBy,
        /// So many bytes of what the module says at that moment come out; `None`: chance decides.
        keeps: Option<usize>,
    },
    /// The firmware does nothing any more, until a reset from outside.
    Hang,
    /// The module's UART runs at another rate, which the host MCU does not know of.
    Baud(u32),
    /// Only so many links get a socket.
    LinksMax {
        /// How many.
        links: u8,
        /// For how long; `None`: until the plan is stopped.
        lasts: Option<Duration>,
    },
    /// The heap is used up.
    OutOfMemory {
        /// For how long; `None`: until the next reset.
        lasts: Option<Duration>,
    },
}

/// What resets a module without notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResetBy {
    /// The supply sagged.
    #[default]
    BrownOut,
    /// The firmware crashed, or hung until its watchdog bit.
    Watchdog,
    /// Something pulled the EN pin low and released it.
    Pin,
}

impl ResetBy {
    pub(super) fn event(self) -> PowerEvent {
        match self {
            Self::BrownOut => PowerEvent::BrownOut,
            Self::Watchdog => PowerEvent::Watchdog,
            Self::Pin => PowerEvent::Reset,
        }
    }
}

/// What may happen to a run of serial bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByteAction {
    /// It comes so much later, and all that follows it waits.
    Delay {
        /// How much.
        by: Duration,
        /// Up to so much more, by chance.
        jitter: Duration,
    },
    /// It comes in pieces.
    Split {
        /// Bytes of a piece.
        piece: usize,
        /// The time between two of them.
        gap: Duration,
    },
    /// It waits for so many runs and goes with them in one piece, after that time at the latest.
    Merge {
        /// How many runs, itself included.
        runs: usize,
        /// How long it waits at most.
        within: Duration,
    },
    /// Bytes of it are lost.
    Drop(Span),
    /// Bits of it are turned over.
    Flip {
        /// In which bytes.
        span: Span,
        /// How many bits of each.
        bits: u8,
    },
    /// Bytes of it come again, right after themselves.
    Duplicate {
        /// Which.
        span: Span,
        /// How often.
        copies: usize,
    },
    /// Other bytes come with it.
    Insert {
        /// Which.
        bytes: Inserted,
        /// Where.
        place: InsertPlace,
    },
}

/// Bytes of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first of them; `None`: chance decides, or the run's first where all are meant.
    pub at: Option<usize>,
    /// How many; `None`: all.
    pub bytes: Option<usize>,
}

/// Bytes that nobody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// These.
    Bytes(Vec<u8>),
    /// So many, by chance.
    Noise(usize),
}

/// Where in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InsertPlace {
    /// Before it.
    #[default]
    Before,
    /// After it.
    After,
    /// After so many bytes of it.
    At(usize),
}

/// What may happen to a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendAction {
    /// `SEND OK` comes so much later, the command running on; `None`: it never comes out, although the command has ended.
    WithholdOk(Option<Duration>),
    /// `SEND OK` comes twice.
    DoubleOk,
    /// The network says that the payload was lost: `SEND FAIL`. Whether it really was.
    Fail {
        /// It reached the peer all the same.
        delivered: bool,
    },
    /// The `>` never comes out.
    LosePrompt,
}

/// What may happen to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAction {
    /// The peer closes it, or it breaks.
    Close(CloseCause),
    /// The peer takes no more, while what it sends still comes.
    HalfClose,
    /// Nothing comes from the peer any more and what is sent to it is lost, without a word; `None`: for good.
    Silence(Option<Duration>),
    /// The network takes nothing for it; `None`: for good.
    Stall(Option<Duration>),
}

/// What may happen in the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WifiAction {
    /// The access points are gone for so long; `None`: for good.
    Lose(Option<Duration>),
    /// They are back.
    Return,
    /// The station gets this address.
    Address(Ipv4Addr),
}

impl Action {
    /// The moment that the action itself asks for.
    #[must_use]
    pub fn moment(&self) -> Option<MomentKind> {
        match self {
            Self::Bytes(way, _) => Some(MomentKind::Run(*way)),
            Self::Send(SendAction::WithholdOk(None) | SendAction::DoubleOk)
            | Self::Send(SendAction::LosePrompt) => Some(MomentKind::Run(Way::Out)),
            Self::Send(SendAction::WithholdOk(Some(_)) | SendAction::Fail { .. }) => {
                Some(MomentKind::Request(RequestKind::Send))
            }
            Self::Overrun { .. } | Self::ChangeSender { .. } => {
                Some(MomentKind::Request(RequestKind::Data))
            }
            Self::Fail { what, .. } | Self::Slow { what, .. } => Some(MomentKind::Request(*what)),
            Self::WrongTime(_) => Some(MomentKind::Request(RequestKind::TimeSync)),
            Self::PutReport { .. } => Some(MomentKind::Command),
            Self::HoldBusy(_)
            | Self::Link(_)
            | Self::Wifi(_)
            | Self::Lie { .. }
            | Self::CorruptUpgrade { .. }
            | Self::FailWrite(_)
            | Self::Reset { .. }
            | Self::Hang
            | Self::Baud(_)
            | Self::LinksMax { .. }
            | Self::OutOfMemory { .. } => None,
        }
    }

    /// What comes out that the action works on, where that is a send's.
    pub(super) fn send_mark(&self) -> Option<Mark> {
        let Self::Send(action) = self else {
            return None;
        };
        match action {
            SendAction::WithholdOk(None) | SendAction::DoubleOk => Some(Mark::Result),
            SendAction::LosePrompt => Some(Mark::Prompt),
            SendAction::WithholdOk(Some(_)) | SendAction::Fail { .. } => None,
        }
    }
}
