//! The module's timers: one slot a kind, no allocation.

use crate::time::Instant;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Boot is over: `ready`.
    Boot,
    /// A reset that a command asked for.
    Reset,
    /// The end of a chunk whose first bytes may be `AT+RST` while busy.
    Chunk,
    /// Silence that decides about `+++`.
    Escape,
    /// A partial command line stops holding reports back.
    LineHold,
    /// The gap between a result and the next report.
    ReportGap,
    /// The running command's deadline or next step.
    Operation,
    /// The station's join: its next step.
    Station,
    /// The station's next attempt to join again.
    Rejoin,
    /// The softAP: the next station or its address.
    SoftAp,
    /// The idle server client that is due next.
    ServerIdle,
    /// Passthrough bytes that came together become a packet.
    Group,
    /// The link has taken nothing for too long.
    Stall,
    /// Passthrough's next attempt to open its link.
    Reconnect,
    /// Deep sleep ends.
    Wake,
}

const COUNT: usize = Timer::Wake as usize + 1;

const ALL: [Timer; COUNT] = [
    Timer::Boot,
    Timer::Reset,
    Timer::Chunk,
    Timer::Escape,
    Timer::LineHold,
    Timer::ReportGap,
    Timer::Operation,
    Timer::Station,
    Timer::Rejoin,
    Timer::SoftAp,
    Timer::ServerIdle,
    Timer::Group,
    Timer::Stall,
    Timer::Reconnect,
    Timer::Wake,
];

/// When each timer is due.
#[derive(Debug, Default)]
pub(crate) struct Timers([Option<Instant>; COUNT]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn due(&self, timer: Timer) -> Option<Instant> {
        self.0[timer as usize]
    }

    /// The next timer, the first of `ALL` where several are due together.
    pub(crate) fn next(&self) -> Option<(Instant, Timer)> {
        ALL.iter().filter_map(|&t| Some((self.due(t)?, t))).min()
    }

    /// Takes the next timer that is due at `now`.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let (_, timer) = self.next().filter(|&(at, _)| at <= now)?;
        self.stop(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expired_timers_come_in_order_and_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Wake, Instant::from_millis(1));
        timers.set(Timer::Boot, Instant::from_millis(2));
        assert_eq!(timers.next(), Some((Instant::from_millis(1), Timer::Wake)));
        assert_eq!(timers.take_expired(Instant::ZERO), None);
        let now = Instant::from_millis(2);
        assert_eq!(timers.take_expired(now), Some(Timer::Wake));
        assert_eq!(timers.take_expired(now), Some(Timer::Boot));
        assert_eq!(timers.take_expired(now), None);
    }

    #[test]
    fn the_table_names_every_timer_at_its_place() {
        assert!(ALL.iter().enumerate().all(|(i, &t)| t as usize == i));
    }
}
