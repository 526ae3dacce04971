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
    /// The next question to a time server.
    Sntp,
    /// An upgrade has taken too long.
    Upgrade,
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
    Timer::Sntp,
    Timer::Upgrade,
    Timer::Wake,
];

/// When each timer is due.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: [Option<Instant>; COUNT],
    /// The next of them, the first of `ALL` where several are due together: it is asked for far more often than it changes.
    next: Option<(Instant, Timer)>,
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.due[timer as usize] = Some(at);
        match self.next {
            Some((_, first)) if first == timer => self.look_for_next(),
            Some(next) if next < (at, timer) => {}
            Some(_) | None => self.next = Some((at, timer)),
        }
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.due[timer as usize] = None;
        if self.next.is_some_and(|(_, first)| first == timer) {
            self.look_for_next();
        }
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn due(&self, timer: Timer) -> Option<Instant> {
        self.due[timer as usize]
    }

    /// The next timer.
    pub(crate) fn next(&self) -> Option<(Instant, Timer)> {
        self.next
    }

    /// Takes the next timer that is due at `now`.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let (_, timer) = self.next.filter(|&(at, _)| at <= now)?;
        self.stop(timer);
        Some(timer)
    }

    fn look_for_next(&mut self) {
        let running = ALL.iter().filter_map(|&t| Some((self.due(t)?, t)));
        self.next = running.min();
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
    fn a_timer_that_is_moved_or_stopped_gives_way() {
        let mut timers = Timers::default();
        let [soon, later, last] = [1, 2, 3].map(Instant::from_millis);
        timers.set(Timer::Boot, soon);
        timers.set(Timer::Wake, later);
        timers.set(Timer::Boot, last);
        assert_eq!(timers.next(), Some((later, Timer::Wake)));
        timers.set(Timer::Chunk, later);
        assert_eq!(timers.next(), Some((later, Timer::Chunk)));
        timers.stop(Timer::Chunk);
        timers.stop(Timer::Wake);
        assert_eq!(timers.next(), Some((last, Timer::Boot)));
    }

    #[test]
    fn the_table_names_every_timer_at_its_place() {
        assert!(ALL.iter().enumerate().all(|(i, &t)| t as usize == i));
    }
}
