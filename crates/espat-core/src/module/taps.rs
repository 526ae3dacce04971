//! What the fault layer asks of the module around which it lies.

use alloc::vec::Vec;

use super::{Module, Phase};
use crate::config::LogPort;
use crate::outbox::Outbox;
use crate::time::Instant;

/// More credit than a module can use up.
const UNLIMITED: usize = usize::MAX / 2;

impl Module {
    /// The time of the last input.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Whether serial bytes would be worked on at once rather than wait.
    pub(crate) fn takes_serial(&self) -> bool {
        if self.phase != Phase::Ready {
            true
        } else if self.is_in_passthrough() {
            self.passthrough_room() > 0
        } else {
            self.intake.payload.is_some()
                || self.running.is_some()
                || (self.intake.backlog.is_empty() && !self.must_wait())
        }
    }

    /// Whether the next byte would be answered `busy p...`: at a chunk's first, whatever comes with it.
    pub(crate) fn answers_busy(&self, now: Instant) -> bool {
        let until = self.state.faults.busy_until;
        self.phase == Phase::Ready
            && !self.is_in_passthrough()
            && self.intake.payload.is_none()
            && (self.running.is_some() || until.is_some_and(|until| now < until))
    }

    /// The command line, without its end, that the module would run if `tail` came next.
    pub(crate) fn next_line(&self, now: Instant, tail: &[u8]) -> Option<Vec<u8>> {
        let is_free = self.phase == Phase::Ready
            && !self.is_in_passthrough()
            && self.intake.payload.is_none()
            && self.running.is_none();
        let faults = &self.state.faults;
        let is_deaf = faults.hang || faults.busy_until.is_some_and(|until| now < until);
        let line = self.intake.framer.line_with(tail)?;
        let len = self.intake.framer.content_len(&line);
        (is_free && !is_deaf).then(|| line[..len].to_vec())
    }

    /// Whether the station has joined its access point, and whether it has its address.
    pub(crate) fn station(&self) -> (bool, bool) {
        let wifi = &self.state.wifi;
        (wifi.station_is_associated(), wifi.station_is_up())
    }

    /// Whether `AT+CIPDNS` has set name servers.
    pub(crate) fn has_name_servers_set(&self) -> bool {
        self.state.nvs.live.name_servers.manual
    }

    /// Lends the serial credit: from here on whole runs come out, whatever the UART does. Returns a queue that has what there was of
    /// it, and the bytes that are on their way.
    pub(crate) fn lend_credit(&mut self) -> (Outbox, usize, LogPort) {
        let (out, config) = (&mut self.state.out, &self.state.config);
        let credit = out.replace_credit(UNLIMITED);
        let lent = Outbox::new(credit, config.log_port, &config.profile.quirks);
        (lent, out.handed_out(), config.log_port)
    }

    /// Ends that.
    pub(crate) fn end_loan(&mut self, credit: usize) {
        self.state.out.replace_credit(credit);
    }
}
