//! `AT+CIPSENDBUF`: what a link's sends were, by number, and what became of them.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// How many the firmware remembers (instruction set, `AT+CIPCHECKSEQ`).
const REMEMBERED: usize = 32;

/// The segments of a link. Most links have none, and no memory for them.
#[derive(Debug, Default)]
pub(crate) struct Segments(Option<Box<Counted>>);

#[derive(Debug)]
struct Counted {
    /// The number of the next one.
    next: u32,
    /// The last one that the network stack took.
    sent: u32,
    /// Those that it has not taken, and how many bytes of each.
    waiting: VecDeque<(u32, usize)>,
    /// What became of the others, the latest last.
    ended: VecDeque<(u32, bool)>,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            next: 1,
            sent: 0,
            waiting: VecDeque::new(),
            ended: VecDeque::new(),
        }
    }
}

impl Counted {
    fn end(&mut self, number: u32, is_sent: bool) {
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back((number, is_sent));
    }
}

impl Segments {
    /// Whether there was one since the link was opened or its count began anew.
    pub(crate) fn is_used(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn next(&self) -> u32 {
        self.0.as_ref().map_or(1, |counted| counted.next)
    }

    pub(crate) fn sent(&self) -> u32 {
        self.0.as_ref().map_or(0, |counted| counted.sent)
    }

    /// Bytes that the network stack has not taken.
    pub(crate) fn unsent(&self) -> usize {
        let waiting = self.0.iter().flat_map(|counted| &counted.waiting);
        waiting.map(|&(_, left)| left).sum()
    }

    /// Segments that it has not taken.
    pub(crate) fn waiting(&self) -> usize {
        self.0.as_ref().map_or(0, |counted| counted.waiting.len())
    }

    /// Whether a segment was sent; none where nothing is known of it.
    pub(crate) fn outcome(&self, number: u32) -> Option<bool> {
        let counted = self.0.as_ref()?;
        let ended = counted.ended.iter().find(|(of, _)| *of == number);
        let waits = counted.waiting.iter().any(|(of, _)| *of == number);
        ended
            .map(|&(_, is_sent)| is_sent)
            .or_else(|| waits.then_some(false))
    }

    /// Another one is on its way.
    pub(crate) fn push(&mut self, bytes: usize) {
        let counted = self.0.get_or_insert_default();
        counted.waiting.push_back((counted.next, bytes));
        counted.next = counted.next.wrapping_add(1);
    }

    /// The count begins anew.
    pub(crate) fn reset(&mut self) {
        self.0 = Some(Box::default());
    }

    /// The network stack took `n` bytes. Returns those of them that are no segment's, and gives the segments that are complete to
    /// `complete`.
    pub(super) fn on_sent(&mut self, mut n: usize, mut complete: impl FnMut(u32)) -> usize {
        let Some(counted) = &mut self.0 else {
            return n;
        };
        while let Some((number, left)) = counted.waiting.front_mut() {
            let taken = n.min(*left);
            *left -= taken;
            n -= taken;
            if *left > 0 {
                break;
            }
            let number = *number;
            counted.waiting.pop_front();
            counted.sent = number;
            counted.end(number, true);
            complete(number);
        }
        n
    }

    /// The peer takes no more. Returns how many bytes are lost.
    pub(super) fn fail(&mut self) -> usize {
        let Some(counted) = &mut self.0 else {
            return 0;
        };
        let mut lost = 0;
        while let Some((number, left)) = counted.waiting.pop_front() {
            lost += left;
            counted.end(number, false);
        }
        lost
    }
}
