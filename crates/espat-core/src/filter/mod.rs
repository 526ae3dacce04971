//! The filters of `AT+SYSMSGFILTER`: what the host MCU does not want to hear of what the module says (manual of 3.1).
//!
//! A message that matches a filter loses what its head and its tail match; what lies between goes out as it is (manual, "AT
//! Response Message Format Control Examples").

mod parse;
mod pattern;

use alloc::vec::Vec;
use core::ops::Range;

pub(crate) use pattern::Pattern;

/// The filters, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    /// `AT+SYSMSGFILTER`.
    pub(crate) enabled: bool,
    all: Vec<Filter>,
}

/// One filter; one of its halves may be missing.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) head: Option<Pattern>,
    pub(crate) tail: Option<Pattern>,
}

/// The manual names no bound but the heap (decided without evidence).
const FILTERS_MAX: usize = 32;

impl Filters {
    /// Adds a filter; `false`: there are too many.
    pub(crate) fn add(&mut self, filter: Filter) -> bool {
        let has_room = self.all.len() < FILTERS_MAX;
        if has_room {
            self.all.push(filter);
        }
        has_room
    }

    /// Takes the filter away whose halves are written so; `false`: there is none.
    pub(crate) fn remove(&mut self, head: &[u8], tail: &[u8]) -> bool {
        let place = self
            .all
            .iter()
            .position(|filter| filter.head() == head && filter.tail() == tail);
        if let Some(place) = place {
            self.all.remove(place);
        }
        place.is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Filter> {
        self.all.iter()
    }

    /// Whether any message may lose something.
    pub(crate) fn is_active(&self) -> bool {
        self.enabled && !self.all.is_empty()
    }

    /// What a message loses: at its head, at its tail. The first filter that matches counts.
    pub(crate) fn cuts(&self, message: &[u8]) -> Option<[Range<usize>; 2]> {
        self.all.iter().find_map(|filter| filter.cuts(message))
    }
}

impl Filter {
    /// The first half as it was written.
    pub(crate) fn head(&self) -> &[u8] {
        self.head.as_ref().map_or(&[], Pattern::source)
    }

    /// The second half as it was written.
    pub(crate) fn tail(&self) -> &[u8] {
        self.tail.as_ref().map_or(&[], Pattern::source)
    }

    /// The tail is looked for behind the head (decided without evidence).
    fn cuts(&self, message: &[u8]) -> Option<[Range<usize>; 2]> {
        let head = match &self.head {
            Some(pattern) => pattern.find(message, 0)?,
            None => 0..0,
        };
        let tail = match &self.tail {
            Some(pattern) => pattern.find(message, head.end)?,
            None => message.len()..message.len(),
        };
        Some([head, tail])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(head: &[u8], tail: &[u8]) -> Filter {
        let half = |text: &[u8]| (!text.is_empty()).then(|| Pattern::parse(text).unwrap());
        Filter {
            head: half(head),
            tail: half(tail),
        }
    }

    #[test]
    fn what_lies_between_head_and_tail_stays() {
        let filter = filter(b"^+HTTPCGET:[0-9]*,", b"\r\n$");
        let message = b"+HTTPCGET:4,a\r\nb\r\n";
        assert_eq!(filter.cuts(message), Some([0..12, 16..18]));
        assert_eq!(filter.cuts(b"+HTTPCGET:4,ab"), None);
        assert_eq!(filter.cuts(b"\r\n+HTTPCGET:4,ab\r\n"), None);
    }

    #[test]
    fn the_first_filter_that_matches_counts() {
        let mut filters = Filters::default();
        assert!(filters.add(filter(b"^b", b"")));
        assert!(filters.add(filter(b"", b"\r\nOK\r\n$")));
        assert!(!filters.is_active());
        assert_eq!(filters.cuts(b"b\r\nOK\r\n"), Some([0..1, 7..7]));
        assert_eq!(filters.cuts(b"\r\nOK\r\n"), Some([0..0, 0..6]));
        assert!(!filters.remove(b"^b", b"x"));
        assert!(filters.remove(b"^b", b""));
        assert_eq!(filters.cuts(b"b\r\nOK\r\n"), Some([0..0, 1..7]));
    }
}
