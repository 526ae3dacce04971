//! Everything that may come out of the module.

mod ids;
mod net;

pub use ids::{QueryId, SocketId, StoreTag};
pub use net::{
    CloseHow, Connect, Family, Listen, NetRequest, Peer, Service, SocketOptions, Transport,
};

use crate::time::Instant;

/// One thing that the world outside has to do.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// Bytes for the host MCU: exact, in order with everything else.
    Serial {
        /// What this run of bytes is; runs of different marks are never merged.
        mark: Mark,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// Something to do on the network.
    Net(NetRequest<'a>),
    /// New line settings, valid after the bytes before it.
    Uart(UartConfig),
    /// Something to keep; answered by [`Input::Stored`](crate::Input::Stored).
    Store {
        /// Comes back with the answer.
        tag: StoreTag,
        /// What to keep.
        request: StoreRequest<'a>,
    },
    /// An observation for logs and tools; never needed to function.
    Event(Event),
    /// Nothing more until the next input.
    Idle {
        /// When to send a [`Tick`](crate::Input::Tick) at the latest.
        wake_at: Option<Instant>,
        /// What that wake-up is for.
        why: Wake,
    },
}

/// What a run of serial bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// The received line, sent back.
    Echo,
    /// A line of a command's answer.
    Line,
    /// A result code such as `OK`, with its frame, or `busy p...`.
    Result,
    /// The `>` that asks for payload.
    Prompt,
    /// `Recv n bytes`.
    Recv,
    /// An unsolicited line, or the header of a `+IPD`.
    Report,
    /// Payload of a link.
    Payload,
    /// What the module says at boot.
    Boot,
    /// The log UART. On a shared UART it is part of the stream and counts as credit; otherwise it goes elsewhere and does not.
    Log,
}

/// Something to keep over power-off.
#[derive(Clone, Copy, Debug)]
pub enum StoreRequest<'a> {
    /// Set these keys, all or none.
    Set(&'a [(&'static str, StoreValue)]),
    /// Forget all settings.
    Erase,
    /// Write a partition of the flash. It holds what it held until `Commit` is done. One is written at a time.
    Partition {
        /// Its name in the firmware's table.
        name: &'static str,
        /// The next step.
        step: PartitionStep<'a>,
    },
    /// The next boot runs the firmware that was written to the partition `ota`.
    Boot {
        /// What it calls itself.
        version: &'a str,
    },
}

/// One step of writing a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionStep<'a> {
    /// Begin; what an earlier write left unfinished is forgotten.
    Begin,
    /// The next bytes.
    Chunk(&'a [u8]),
    /// That was all: it takes the place of what the partition held.
    Commit,
    /// Forget what was written. Nothing answers.
    Abort,
}

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreValue {
    /// A number.
    Int(i64),
    /// A text: bytes that need not be UTF-8.
    Text(alloc::vec::Vec<u8>),
    /// No value: the key is removed and its default is valid.
    Default,
}

/// The UART's line settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UartConfig {
    /// Bits a second.
    pub baud: u32,
    /// 5 to 8.
    pub data_bits: u8,
    /// 1, 2 (1.5 bits) or 3 (2 bits), as in `AT+UART_CUR`.
    pub stop_bits: u8,
    /// 0 none, 1 odd, 2 even.
    pub parity: u8,
    /// 0 none, 1 RTS, 2 CTS, 3 both.
    pub flow: u8,
}

impl UartConfig {
    /// Microseconds that one byte takes on the wire, times 1000.
    #[must_use]
    pub fn byte_nanos(&self) -> u64 {
        let half_stop_bits = match self.stop_bits {
            1 => 2,
            2 => 3,
            _ => 4,
        };
        let half_bits = 2
            + 2 * u64::from(self.data_bits)
            + half_stop_bits
            + if self.parity == 0 { 0 } else { 2 };
        half_bits * 500_000_000 / u64::from(self.baud.max(1))
    }
}

/// An observation for logs and tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The module starts, or starts again.
    Boot(ResetCause),
    /// The module says `ready` and takes commands.
    Ready,
    /// The station has its address.
    StationUp,
    /// The station lost or left its access point.
    StationDown,
    /// Bytes were thrown away.
    Dropped {
        /// Why.
        what: Dropped,
        /// How many.
        bytes: usize,
    },
    /// A deep sleep began.
    Sleeping,
}

/// Why bytes were thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Serial input while a command was running.
    Busy,
    /// The head of a line over the length limit.
    LongLine,
    /// Serial input before `ready` or during sleep.
    NotReady,
    /// A datagram that the receive window had no room for.
    UdpOverflow,
    /// Payload for a link that was gone when it was complete.
    DeadLink,
    /// Passthrough input for a link that takes nothing.
    Stalled,
    /// Unread data of a link that the host MCU closed.
    Unread,
    /// A datagram for a host that no interface leads to.
    Unreachable,
    /// Payload thrown away by `+++`.
    Cancelled,
    /// Reports that a host which does not read had no room for.
    Reports,
}

/// Why the module started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetCause {
    /// Power came on.
    PowerOn,
    /// The EN pin.
    Pin,
    /// The supply sagged.
    BrownOut,
    /// A watchdog bit, after a crash or a hang of the firmware.
    Watchdog,
    /// `AT+RST`.
    Command,
    /// `AT+RST=1`: the ROM waits for a firmware on its own port, and no firmware runs.
    Download,
    /// `AT+RST` while a command was running.
    Forced,
    /// `AT+RESTORE`.
    Restore,
    /// `AT+CIUPDATE` installed another firmware, or `AT+SYSROLLBACK` went back to one.
    Upgrade,
    /// The end of a deep sleep.
    Wake,
}

/// What the next wake-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Nothing is waiting for time to pass.
    Never,
    /// The timer of that name is due.
    Timer(crate::timers::Timer),
    /// Serial output waits for credit.
    Credit,
    /// A fault is due.
    Fault,
}
