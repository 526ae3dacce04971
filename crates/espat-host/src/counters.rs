//! What a running driver counts, readable from outside at any time.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter, written by the driver's task only.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: usize) {
        // Only one task writes: a load and a store are enough and cheaper than a locked add.
        self.0
            .store(self.value().wrapping_add(n as u64), Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The driver's counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) wakeups: Counter,
    pub(crate) inputs: Counter,
    pub(crate) serial_in: Counter,
    pub(crate) serial_out: Counter,
    pub(crate) net_in: Counter,
    pub(crate) net_out: Counter,
    pub(crate) bytes_dropped: Counter,
    pub(crate) datagrams_dropped: Counter,
    pub(crate) hosts_refused: Counter,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Counts {
        Counts {
            wakeups: self.wakeups.value(),
            inputs: self.inputs.value(),
            serial_in: self.serial_in.value(),
            serial_out: self.serial_out.value(),
            net_in: self.net_in.value(),
            net_out: self.net_out.value(),
            bytes_dropped: self.bytes_dropped.value(),
            datagrams_dropped: self.datagrams_dropped.value(),
            hosts_refused: self.hosts_refused.value(),
        }
    }
}

/// What a driver has counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// How often the runtime woke the driver's task.
    pub wakeups: u64,
    /// Inputs fed to the module.
    pub inputs: u64,
    /// Bytes read from the serial port.
    pub serial_in: u64,
    /// Bytes that left the UART.
    pub serial_out: u64,
    /// Payload bytes read from links.
    pub net_in: u64,
    /// Payload bytes that links' sockets took.
    pub net_out: u64,
    /// Bytes that the module threw away: input that it had no use for, payload for a link that took none, datagrams that
    /// its receive window had no room for.
    pub bytes_dropped: u64,
    /// Datagrams that never reached the module or its socket: no room was left for them, they were too long, or the policy denied their target.
    pub datagrams_dropped: u64,
    /// Hosts turned away because the port was in use.
    pub hosts_refused: u64,
}
