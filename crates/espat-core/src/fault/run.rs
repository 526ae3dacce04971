//! A run of serial bytes while rules change it: its pieces, when each may go on, and what of it nobody sent.

use alloc::vec;
use alloc::vec::Vec;

use super::FaultId;
use super::action::{ByteAction, InsertPlace, Inserted, Span};
use crate::rng::Rng;
use crate::time::{Duration, Instant};

/// Bytes that nobody sent, of one run, at most.
const FOREIGN_MAX: usize = 16 * 1024;

/// A run of serial bytes.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) pieces: Vec<Piece>,
    /// It waits for others.
    pub(super) merge: Option<Merge>,
    /// The plans that make it wait.
    pub(super) held_by: Vec<FaultId>,
    /// Bytes of the sender's that are lost.
    pub(super) lost: usize,
}

/// Bytes that go on together.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) due: Instant,
    pub(super) bytes: Vec<u8>,
    /// Nobody sent them.
    pub(super) is_foreign: bool,
}

/// How long a run waits for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merge {
    pub(super) runs: usize,
    pub(super) deadline: Instant,
}

impl Run {
    pub(super) fn new(now: Instant, bytes: Vec<u8>) -> Self {
        Self {
            pieces: vec![Piece {
                due: now,
                bytes,
                is_foreign: false,
            }],
            merge: None,
            held_by: Vec::new(),
            lost: 0,
        }
    }

    /// What a plan does to it.
    pub(super) fn apply_of(
        &mut self,
        id: FaultId,
        action: &ByteAction,
        now: Instant,
        rng: &mut Rng,
    ) {
        let holds = matches!(
            action,
            ByteAction::Delay { .. } | ByteAction::Split { .. } | ByteAction::Merge { .. }
        );
        if holds && !self.held_by.contains(&id) {
            self.held_by.push(id);
        }
        self.apply(action, now, rng);
    }

    fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.bytes.len()).sum()
    }

    fn foreign(&self) -> usize {
        let foreign = self.pieces.iter().filter(|piece| piece.is_foreign);
        foreign.map(|piece| piece.bytes.len()).sum()
    }

    fn apply(&mut self, action: &ByteAction, now: Instant, rng: &mut Rng) {
        match action {
            ByteAction::Delay { by, jitter } => self.delay(*by, *jitter, rng),
            ByteAction::Split { piece, gap } => self.split(*piece, *gap),
            ByteAction::Merge { runs, within } => {
                let deadline = now + *within;
                self.merge = Some(Merge {
                    runs: *runs,
                    deadline,
                });
            }
            ByteAction::Drop(span) => self.drop_span(*span, rng),
            ByteAction::Flip { span, bits } => self.flip(*span, *bits, rng),
            ByteAction::Duplicate { span, copies } => self.duplicate(*span, *copies, rng),
            ByteAction::Insert { bytes, place } => self.insert(bytes, *place, rng),
        }
    }

    /// None of it goes on.
    pub(super) fn drop_all(&mut self) {
        for piece in self.pieces.drain(..).filter(|piece| !piece.is_foreign) {
            self.lost += piece.bytes.len();
        }
    }

    /// All of it comes twice.
    pub(super) fn double(&mut self) {
        let copies: Vec<Piece> = self.pieces.iter().map(Piece::copy).collect();
        self.pieces.extend(copies);
    }

    /// Every byte becomes what `change` makes of it.
    pub(super) fn change_bytes(&mut self, mut change: impl FnMut(u8, &mut Vec<u8>)) {
        let mut grown = Vec::new();
        for (index, piece) in self.pieces.iter_mut().enumerate() {
            let mut changed = Vec::with_capacity(piece.bytes.len());
            for byte in &piece.bytes {
                change(*byte, &mut changed);
            }
            let own = piece.bytes.len();
            if !piece.is_foreign {
                self.lost += own.saturating_sub(changed.len());
            }
            let more = changed.split_off(own.min(changed.len()));
            piece.bytes = changed;
            if !more.is_empty() {
                grown.push((index, more));
            }
        }
        // What came of bytes beyond their number nobody sent.
        for (index, bytes) in grown.into_iter().rev() {
            let due = self.pieces[index].due;
            let piece = Piece {
                due,
                bytes,
                is_foreign: true,
            };
            self.pieces.insert(index + 1, piece);
        }
    }

    fn delay(&mut self, by: Duration, jitter: Duration, rng: &mut Rng) {
        let jitter_us = u64::try_from(jitter.as_micros()).unwrap_or(u64::MAX);
        let extra = match jitter_us {
            0 => 0,
            us => rng.below(us.saturating_add(1).max(1)),
        };
        for piece in &mut self.pieces {
            piece.due = piece.due + by + Duration::from_micros(extra);
        }
    }

    fn split(&mut self, len: usize, gap: Duration) {
        let mut pieces = Vec::new();
        let mut later = Duration::ZERO;
        for piece in self.pieces.drain(..) {
            for bytes in piece.bytes.chunks(len.max(1)) {
                pieces.push(Piece {
                    due: piece.due + later,
                    bytes: bytes.to_vec(),
                    is_foreign: piece.is_foreign,
                });
                later += gap;
            }
        }
        self.pieces = pieces;
    }

    fn drop_span(&mut self, span: Span, rng: &mut Rng) {
        let (from, to) = self.span(span, rng);
        for piece in self.pieces.drain(from..to) {
            if !piece.is_foreign {
                self.lost += piece.bytes.len();
            }
        }
    }

    fn flip(&mut self, span: Span, bits: u8, rng: &mut Rng) {
        let (from, to) = self.span(span, rng);
        let bytes = self.pieces[from..to].iter_mut();
        for byte in bytes.flat_map(|piece| piece.bytes.iter_mut()) {
            let mut left = [0, 1, 2, 3, 4, 5, 6, 7_u8].to_vec();
            for _ in 0..bits.min(8) {
                let at = below(rng, left.len());
                *byte ^= 1 << left.swap_remove(at);
            }
        }
    }

    fn duplicate(&mut self, span: Span, copies: usize, rng: &mut Rng) {
        let mut all = self.foreign() + self.len();
        if all > FOREIGN_MAX {
            return;
        }
        let (from, to) = self.span(span, rng);
        let again: Vec<Piece> = self.pieces[from..to].iter().map(Piece::copy).collect();
        let more: usize = again.iter().map(|piece| piece.bytes.len()).sum();
        for _ in 0..copies {
            if all > FOREIGN_MAX {
                return;
            }
            self.pieces.splice(to..to, again.iter().cloned());
            all += 2 * more;
        }
    }

    fn insert(&mut self, bytes: &Inserted, place: InsertPlace, rng: &mut Rng) {
        if self.foreign() > FOREIGN_MAX {
            return;
        }
        let bytes = match bytes {
            Inserted::Bytes(bytes) => bytes.clone(),
            Inserted::Noise(n) => (0..*n).map(|_| rng.next().to_be_bytes()[0]).collect(),
        };
        let offset = match place {
            InsertPlace::Before => 0,
            InsertPlace::After => self.len(),
            InsertPlace::At(at) => at.min(self.len()),
        };
        let index = self.cut(offset);
        let near = self.pieces.get(index).or_else(|| self.pieces.last());
        let Some(due) = near.map(|piece| piece.due) else {
            return;
        };
        self.pieces.insert(
            index,
            Piece {
                due,
                bytes,
                is_foreign: true,
            },
        );
    }

    /// The pieces that a span is, cut out.
    fn span(&mut self, span: Span, rng: &mut Rng) -> (usize, usize) {
        let all = self.len();
        let n = span.bytes.unwrap_or(all).min(all);
        let at = match span.at {
            Some(at) => at.min(all),
            None => below(rng, all - n + 1),
        };
        let from = self.cut(at);
        (from, self.cut((at + n).min(all)))
    }

    /// The index of the piece that begins at `offset`; the run's end is that of a piece that is not there.
    fn cut(&mut self, offset: usize) -> usize {
        let mut before = 0;
        for index in 0..self.pieces.len() {
            let len = self.pieces[index].bytes.len();
            if offset == before {
                return index;
            }
            if offset < before + len {
                let mut tail = self.pieces[index].clone();
                tail.bytes = self.pieces[index].bytes.split_off(offset - before);
                self.pieces.insert(index + 1, tail);
                return index + 1;
            }
            before += len;
        }
        self.pieces.len()
    }
}

impl Piece {
    fn copy(&self) -> Self {
        Self {
            is_foreign: true,
            ..self.clone()
        }
    }
}

/// One of the plans that made something wait is stopped: whether nobody does any more.
pub(super) fn is_let_go(held_by: &mut Vec<FaultId>, id: FaultId) -> bool {
    let before = held_by.len();
    held_by.retain(|of| *of != id);
    held_by.is_empty() && before > 0
}

/// A number below `bound`, or 0.
pub(super) fn below(rng: &mut Rng, bound: usize) -> usize {
    let bound = u64::try_from(bound.max(1)).unwrap_or(1);
    usize::try_from(rng.below(bound)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(action: &ByteAction) -> (Vec<u8>, usize) {
        let mut run = Run::new(Instant::ZERO, b"abcdef".to_vec());
        run.apply(action, Instant::ZERO, &mut Rng::new(7));
        let bytes = run.pieces.iter().flat_map(|piece| piece.bytes.clone());
        (bytes.collect(), run.lost)
    }

    #[test]
    fn actions_change_what_they_name() {
        let span = |at, bytes| Span {
            at: Some(at),
            bytes: Some(bytes),
        };
        assert_eq!(after(&ByteAction::Drop(span(1, 2))), (b"adef".to_vec(), 2));
        assert_eq!(after(&ByteAction::Drop(Span::default())), (b"".to_vec(), 6));
        let twice = ByteAction::Duplicate {
            span: span(4, 9),
            copies: 2,
        };
        assert_eq!(after(&twice), (b"abcdefefef".to_vec(), 0));
        let insert = ByteAction::Insert {
            bytes: Inserted::Bytes(b"--".to_vec()),
            place: InsertPlace::At(3),
        };
        assert_eq!(after(&insert), (b"abc--def".to_vec(), 0));
        let flip = ByteAction::Flip {
            span: span(0, 1),
            bits: 8,
        };
        assert_eq!(after(&flip), (b"\x9ebcdef".to_vec(), 0));
    }

    #[test]
    fn what_nobody_sent_has_an_end() {
        let noise = ByteAction::Insert {
            bytes: Inserted::Noise(4096),
            place: InsertPlace::Before,
        };
        let twice = ByteAction::Duplicate {
            span: Span::default(),
            copies: 16,
        };
        for action in [noise, twice] {
            let mut run = Run::new(Instant::ZERO, b"abcdef".to_vec());
            for _ in 0..1000 {
                run.apply(&action, Instant::ZERO, &mut Rng::new(7));
            }
            assert!(run.foreign() <= FOREIGN_MAX + 4096, "{action:?}");
        }
    }

    #[test]
    fn chance_chooses_one_place() {
        let one = Span {
            at: None,
            bytes: Some(1),
        };
        let (left, lost) = after(&ByteAction::Drop(one));
        assert_eq!((left.len(), lost), (5, 1));
    }

    #[test]
    fn pieces_come_one_after_the_other() {
        let mut run = Run::new(Instant::ZERO, b"abcde".to_vec());
        let gap = Duration::from_millis(5);
        let split = ByteAction::Split { piece: 2, gap };
        run.apply(&split, Instant::ZERO, &mut Rng::new(0));
        let due: Vec<u64> = run.pieces.iter().map(|p| p.due.as_micros()).collect();
        assert_eq!(due, [0, 5_000, 10_000]);
    }
}
