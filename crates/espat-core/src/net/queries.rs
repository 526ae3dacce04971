//! Questions to the world (names, pings, the time): their numbers, and which of them are open.

use alloc::vec::Vec;

use crate::outbox::Outbox;
use crate::output::QueryId;

/// The module's questions. Numbers are never used twice.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    next: u32,
    open: Vec<QueryId>,
}

impl Queries {
    pub(crate) fn begin(&mut self) -> QueryId {
        let query = QueryId(self.next);
        self.next += 1;
        self.open.push(query);
        query
    }

    /// A question was answered; false where it was taken back before.
    pub(crate) fn end(&mut self, query: QueryId) -> bool {
        let was_open = self.open.len();
        self.open.retain(|open| *open != query);
        self.open.len() < was_open
    }

    /// Takes a question back.
    pub(crate) fn cancel(&mut self, out: &mut Outbox, query: QueryId) {
        if self.end(query) {
            out.cancel(query);
        }
    }

    /// A reset: nobody waits for an answer any more.
    pub(crate) fn cancel_all(&mut self, out: &mut Outbox) {
        for query in self.open.drain(..) {
            out.cancel(query);
        }
    }
}
