//! Payload in a record: whole where it is short, otherwise its ends and what is needed to recognise or find the rest.

use crate::matching::crc32_of;
use crate::redact::redacted_payload;
use crate::text::{Payload, Piece, Place, Text};

/// Payload over this length is left out or kept in a file beside.
pub(super) const PAYLOAD_MAX: usize = 256;

/// How much of left-out payload stays at each end.
const ENDS: usize = 16;

/// The file beside, where there is one.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Option<Vec<u8>>,
    before: usize,
}

/// Payload that comes in pieces. Of what is left out no more is held than is shown.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// All of it; of what is too long its beginning.
    bytes: Vec<u8>,
    long: Option<Long>,
}

#[derive(Debug)]
struct Long {
    len: usize,
    /// Of the middle.
    hasher: crc32fast::Hasher,
    tail: [u8; ENDS],
}

/// What is shown of long payload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    head: [u8; ENDS],
    middle: Payload,
    tail: [u8; ENDS],
}

impl Summary {
    pub(super) fn text(&self) -> Text {
        let mut text = Text::bytes(&self.head);
        text.push(Piece::Payload(self.middle));
        text.push_bytes(&self.tail);
        text
    }

    pub(super) fn print(&self, out: &mut String, place: Place) {
        let ends = [&self.head[..], &self.tail];
        self.middle.print_between(out, ends, place);
    }
}

impl Kept {
    pub(super) fn new(is_wanted: bool) -> Self {
        Self {
            bytes: is_wanted.then(Vec::new),
            before: 0,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }

    /// What there was is written.
    pub(super) fn clear(&mut self) {
        if let Some(kept) = &mut self.bytes {
            self.before += kept.len();
            kept.clear();
        }
    }

    pub(super) fn text(&mut self, bytes: &[u8]) -> Text {
        let summary = self.summary(bytes).map(|summary| summary.text());
        summary
            .or_else(|| redacted_payload(bytes))
            .unwrap_or_else(|| Text::compressed(bytes))
    }

    /// Of what is too long to be written out, and is no line with a secret.
    pub(super) fn summary(&mut self, bytes: &[u8]) -> Option<Summary> {
        if bytes.len() <= PAYLOAD_MAX || redacted_payload(bytes).is_some() {
            return None;
        }
        let (head, rest) = bytes.split_first_chunk()?;
        let (middle, tail) = rest.split_last_chunk()?;
        let at = self.bytes.as_mut().map(|kept| {
            let at = self.before + kept.len();
            kept.extend_from_slice(middle);
            at
        });
        Some(Summary {
            head: *head,
            middle: payload(middle, at),
            tail: *tail,
        })
    }

    pub(super) fn summary_of(&mut self, gathered: &Gathered) -> Option<Summary> {
        let Some(long) = &gathered.long else {
            return self.summary(&gathered.bytes);
        };
        Some(Summary {
            head: *gathered.bytes.first_chunk()?,
            middle: Payload {
                len: long.len,
                crc32: long.hasher.clone().finalize(),
                at: None,
            },
            tail: long.tail,
        })
    }

    /// Adds to payload, of which all is needed where it is kept.
    pub(super) fn gather(&self, gathered: &mut Gathered, bytes: &[u8]) {
        if let Some(long) = &mut gathered.long {
            long.add(bytes);
            return;
        }
        let len = gathered.bytes.len() + bytes.len();
        if self.bytes.is_some() || len <= PAYLOAD_MAX {
            gathered.bytes.extend_from_slice(bytes);
            return;
        }
        // Enough for both ends: what is too long is longer than that.
        let missing = (2 * ENDS).saturating_sub(gathered.bytes.len());
        let (first, rest) = bytes.split_at(missing.min(bytes.len()));
        gathered.bytes.extend_from_slice(first);
        let mut tail = [0; ENDS];
        tail.copy_from_slice(&gathered.bytes[ENDS..2 * ENDS]);
        let mut long = Long {
            len: 0,
            hasher: crc32fast::Hasher::new(),
            tail,
        };
        long.add(&gathered.bytes[2 * ENDS..]);
        long.add(rest);
        gathered.bytes.truncate(ENDS);
        gathered.long = Some(long);
    }
}

impl Long {
    /// What was the tail is of the middle, as far as more comes.
    fn add(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if let Some(middle) = bytes.len().checked_sub(ENDS) {
            self.hasher.update(&self.tail);
            self.hasher.update(&bytes[..middle]);
            self.tail.copy_from_slice(&bytes[middle..]);
        } else {
            self.hasher.update(&self.tail[..bytes.len()]);
            self.tail.copy_within(bytes.len().., 0);
            self.tail[ENDS - bytes.len()..].copy_from_slice(bytes);
        }
    }
}

impl Gathered {
    /// All of it, where it is not long.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What stands for bytes that a record leaves out.
pub(super) fn left_out(bytes: &[u8]) -> Piece {
    Piece::Payload(payload(bytes, None))
}

fn payload(bytes: &[u8], at: Option<usize>) -> Payload {
    Payload {
        len: bytes.len(),
        crc32: crc32_of(bytes),
        at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_in_pieces_is_summarised_as_a_whole() {
        let bytes: Vec<u8> = (0..2000_u32).map(|n| (n * 7 % 251) as u8).collect();
        for piece in [1, 3, 15, 16, 17, 31, 100, 255, 257, 600, 2000] {
            for len in [1, 200, 256, 257, 300, 2000] {
                let mut kept = Kept::new(false);
                let mut gathered = Gathered::default();
                for piece in bytes[..len].chunks(piece) {
                    kept.gather(&mut gathered, piece);
                }
                assert!(gathered.bytes.len() <= PAYLOAD_MAX);
                let whole = kept.summary(&bytes[..len]);
                assert_eq!(whole.is_some(), len > PAYLOAD_MAX);
                assert_eq!(kept.summary_of(&gathered), whole, "{len} by {piece}");
            }
        }
    }
}
