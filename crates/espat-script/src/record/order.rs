//! The order in which a module made what it says, where that is not the order in which it goes out.
//!
//! A host MCU that does not read leaves the module without credit: what it answers waits, while more comes in. A replay gives credit back at
//! once, and so each output has to stand where it was made, before the inputs that came after that.

use std::collections::VecDeque;

use espat_core::Instant;

use super::Recorder;

/// What waits, and what happened meanwhile.
#[derive(Debug, Default)]
pub(super) struct Order {
    slots: VecDeque<Slot>,
    /// Outputs that had not been handed out when that was asked last.
    waiting: usize,
    /// An input has come since.
    is_fresh: bool,
    /// What comes out now was made some time ago.
    is_within: bool,
}

/// The outputs that one input made.
#[derive(Debug)]
struct Slot {
    /// So many are not written yet.
    waiting: usize,
    made: Instant,
    /// Those that are.
    said: String,
    /// What came in after they were made.
    then: String,
}

/// What became of the first slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    On,
    /// So many more were made.
    More(usize),
    /// All of it is out.
    Over,
    /// Nobody knows what has gone: the module lost its power.
    Lost,
}

impl Order {
    pub(super) const fn on_input(&mut self) {
        self.is_fresh = true;
    }

    pub(super) fn is_late(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Whether an output is being written that was made some time ago.
    pub(super) const fn is_within(&self) -> bool {
        self.is_within
    }

    /// When what comes next was made, where it has waited.
    pub(super) fn first(&self) -> Option<Instant> {
        self.slots.front().map(|slot| slot.made)
    }

    /// So many outputs wait. What is made as credit comes back would have been made at once with it.
    pub(super) fn on_waiting(&mut self, outputs: usize, by_credit: bool) -> Waited {
        let before = std::mem::replace(&mut self.waiting, outputs);
        if std::mem::take(&mut self.is_fresh) {
            if outputs < before && self.is_late() {
                return Waited::Lost;
            }
            let made = outputs.saturating_sub(before);
            match self.slots.back_mut() {
                Some(last) if by_credit => last.waiting += made,
                Some(_) if made > 0 => return Waited::More(made),
                Some(_) | None => {}
            }
            return Waited::On;
        }
        let Some(first) = self.slots.front_mut() else {
            return Waited::On;
        };
        first.waiting = first.waiting.saturating_sub(before.saturating_sub(outputs));
        if first.waiting == 0 {
            Waited::Over
        } else {
            Waited::On
        }
    }

    /// More was made while something waits.
    fn add(&mut self, waiting: usize, made: Instant) {
        self.slots.push_back(Slot::new(waiting, made));
    }

    /// How many outputs wait that have not waited before.
    fn begins(&self) -> usize {
        if self.slots.is_empty() {
            self.waiting
        } else {
            0
        }
    }
}

impl Slot {
    const fn new(waiting: usize, made: Instant) -> Self {
        Self {
            waiting,
            made,
            said: String::new(),
            then: String::new(),
        }
    }
}

impl Recorder {
    /// Writes, from here to the next call, into the place of what was made first.
    pub(super) fn swap_first(&mut self) {
        if let Some(slot) = self.order.slots.front_mut() {
            std::mem::swap(&mut self.out, &mut slot.said);
            self.order.is_within = !self.order.is_within;
        }
    }

    /// The same for what comes in now.
    pub(super) fn swap_last(&mut self) {
        if let Some(slot) = self.order.slots.back_mut() {
            std::mem::swap(&mut self.out, &mut slot.then);
        }
    }

    /// More was made by the present input.
    pub(super) fn add_slot(&mut self, outputs: usize) {
        self.swap_last();
        self.flush_host(false);
        self.pass_to(self.now);
        self.swap_last();
        self.order.add(outputs, self.now);
    }

    /// What has not gone out waits from here on.
    pub(super) fn begin_slot(&mut self) {
        let outputs = self.order.begins();
        if outputs > 0 {
            self.flush_host(false);
            self.pass_to(self.now);
            self.order.add(outputs, self.now);
        }
    }

    /// All that was made first is out.
    pub(super) fn close_slot(&mut self) {
        self.swap_first();
        self.flush_module(true);
        self.swap_first();
        if let Some(slot) = self.order.slots.pop_front() {
            self.out.push_str(&slot.said);
            self.out.push_str(&slot.then);
        }
    }

    /// Nothing waits any more.
    pub(super) fn close_slots(&mut self) {
        while self.order.is_late() {
            self.close_slot();
        }
    }
}
