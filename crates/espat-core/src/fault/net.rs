//! The network side: which sockets are as they seem, and what of them is held back.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::FaultId;
use super::run::is_let_go;
use crate::heard::Heard;
use crate::output::{QueryId, SocketId};
use crate::time::{Duration, Instant};

/// Sockets and questions that the layer knows of.
#[derive(Debug, Default)]
pub(super) struct NetSide {
    pub(super) sockets: Vec<Socket>,
    pub(super) queries: Vec<Query>,
}

/// A socket as the module has it.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) id: SocketId,
    /// The network does not have it, or no longer.
    pub(super) is_ghost: bool,
    /// Read credit that the module gave last.
    pub(super) credit: usize,
    /// The peer has become silent.
    pub(super) is_silent: bool,
    /// The network takes nothing.
    pub(super) is_stalled: bool,
    /// The peer takes no more.
    pub(super) is_half_closed: bool,
    /// What is taken from here on is told at that time.
    pub(super) sent_at: Option<Instant>,
    /// The answer to the attempt to open it comes so much later.
    pub(super) late_by: Option<Duration>,
    /// Nothing of it is told before.
    pub(super) late_until: Option<Instant>,
    /// The plans that make its answer late, and the one that makes what is sent wait.
    pub(super) late_of: Vec<FaultId>,
    pub(super) sent_of: Vec<FaultId>,
    /// Bytes whose end was told already.
    pub(super) told: usize,
    /// Bytes that were taken and not told of.
    pub(super) untold: usize,
    held: VecDeque<Heard>,
}

/// A question as the module has it.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) id: QueryId,
    /// The network was not asked.
    pub(super) is_ghost: bool,
    pub(super) late_by: Duration,
    /// The plans that make it late.
    pub(super) late_of: Vec<FaultId>,
    /// What time servers say instead, in seconds since 1970, and to which plan.
    pub(super) wrong_time: Option<(u64, FaultId)>,
}

impl Socket {
    pub(super) fn new(id: SocketId) -> Self {
        Self {
            id,
            is_ghost: false,
            credit: 0,
            is_silent: false,
            is_stalled: false,
            is_half_closed: false,
            sent_at: None,
            late_by: None,
            late_until: None,
            late_of: Vec::new(),
            sent_of: Vec::new(),
            told: 0,
            untold: 0,
            held: VecDeque::new(),
        }
    }

    /// Whether an event has to wait.
    fn holds(&self, heard: &Heard, now: Instant) -> bool {
        if matches!(heard, Heard::Sent { .. }) {
            self.holds_sent(now)
        } else {
            self.holds_rest(now) || !self.held.is_empty()
        }
    }

    fn holds_sent(&self, now: Instant) -> bool {
        self.is_stalled
            || self.sent_at.is_some_and(|at| now < at)
            || self.late_until.is_some_and(|at| now < at)
    }

    fn holds_rest(&self, now: Instant) -> bool {
        self.is_silent || self.late_until.is_some_and(|at| now < at)
    }

    /// Takes what the network says; what of it goes on now.
    pub(super) fn hear(&mut self, mut heard: Heard, now: Instant) -> Option<Heard> {
        if self.is_ghost {
            return None;
        }
        if let Heard::Sent { n, .. } = &mut heard {
            let told = (*n).min(self.told);
            self.told -= told;
            *n -= told;
            if *n == 0 {
                return None;
            }
        }
        if let Heard::Connected { .. } | Heard::Failed { .. } = heard
            && let Some(by) = self.late_by.take()
        {
            self.late_until = Some(now + by);
        }
        if !self.holds(&heard, now) {
            return Some(heard);
        }
        if let Heard::Sent { n, .. } = heard {
            self.untold += n;
        } else {
            self.held.push_back(heard);
        }
        None
    }

    /// What no longer has to wait.
    pub(super) fn next_free(&mut self, now: Instant) -> Option<Heard> {
        if self.untold > 0 && !self.holds_sent(now) {
            let n = core::mem::take(&mut self.untold);
            return Some(Heard::Sent { socket: self.id, n });
        }
        if self.holds_rest(now) {
            return None;
        }
        self.held.pop_front()
    }

    /// When something of it is due.
    fn next_due(&self) -> Option<Instant> {
        let sent = (self.untold > 0 && !self.is_stalled)
            .then(|| self.sent_at.max(self.late_until))
            .flatten();
        let rest = (!self.held.is_empty() && !self.is_silent)
            .then_some(self.late_until)
            .flatten();
        match (sent, rest) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Nothing waits any longer for that plan.
    fn let_go(&mut self, now: Instant, id: FaultId) {
        if is_let_go(&mut self.late_of, id) {
            self.late_by = None;
            self.late_until = self.late_until.map(|at| at.min(now));
        }
        if is_let_go(&mut self.sent_of, id) {
            self.sent_at = self.sent_at.map(|at| at.min(now));
        }
    }

    /// Whether it is as it seems.
    fn is_plain(&self) -> bool {
        !self.is_ghost
            && !self.is_silent
            && !self.is_stalled
            && !self.is_half_closed
            && self.late_by.is_none()
            && (self.told, self.untold) == (0, 0)
            && self.held.is_empty()
    }

    fn bytes_held(&self) -> usize {
        self.held.iter().map(Heard::bytes).sum()
    }
}

impl NetSide {
    pub(super) fn socket(&mut self, id: SocketId) -> Option<&mut Socket> {
        self.sockets.iter_mut().find(|socket| socket.id == id)
    }

    /// A socket, which is known from here on.
    pub(super) fn known(&mut self, id: SocketId) -> &mut Socket {
        let at = self.sockets.iter().position(|socket| socket.id == id);
        let at = at.unwrap_or_else(|| {
            self.sockets.push(Socket::new(id));
            self.sockets.len() - 1
        });
        &mut self.sockets[at]
    }

    pub(super) fn forget(&mut self, id: SocketId) -> Option<Socket> {
        let at = self.sockets.iter().position(|socket| socket.id == id)?;
        Some(self.sockets.remove(at))
    }

    pub(super) fn take_query(&mut self, id: QueryId) -> Option<Query> {
        let at = self.queries.iter().position(|query| query.id == id)?;
        Some(self.queries.remove(at))
    }

    /// What no longer has to wait.
    pub(super) fn next_free(&mut self, now: Instant) -> Option<Heard> {
        let mut sockets = self.sockets.iter_mut();
        sockets.find_map(|socket| socket.next_free(now))
    }

    /// Nothing waits any longer for that plan.
    pub(super) fn let_go(&mut self, now: Instant, id: FaultId) {
        for socket in &mut self.sockets {
            socket.let_go(now, id);
        }
        for query in &mut self.queries {
            if is_let_go(&mut query.late_of, id) {
                query.late_by = Duration::ZERO;
            }
            query.wrong_time = query.wrong_time.filter(|(_, of)| *of != id);
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.sockets.iter().filter_map(Socket::next_due).min()
    }

    pub(super) fn is_plain(&self) -> bool {
        self.queries.is_empty() && self.sockets.iter().all(Socket::is_plain)
    }

    pub(super) fn bytes_held(&self) -> usize {
        self.sockets.iter().map(Socket::bytes_held).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_hours_comes_once_it_is_let_go() {
        let now = Instant::ZERO + Duration::from_secs(1);
        let later = Some(now + Duration::from_secs(18_000));
        let socket = SocketId::requested(0);
        for (sent_at, late_until) in [(later, None), (None, later)] {
            let mut net = NetSide::default();
            let known = net.known(socket);
            (known.sent_at, known.late_until) = (sent_at, late_until);
            let plan = FaultId::new(0);
            known.sent_of = [plan].into();
            known.late_of = [plan].into();
            assert!(known.hear(Heard::Sent { socket, n: 4 }, now).is_none());
            assert!(net.next_free(now).is_none());
            net.let_go(now, plan);
            assert_eq!(net.next_due(), Some(now));
            let told = net.next_free(now);
            assert!(matches!(told, Some(Heard::Sent { n: 4, .. })), "{told:?}");
        }
    }
}
