//! What a link holds for the host MCU: in active mode a piece that waits for its place, in passive mode up to the receive
//! window.

use alloc::collections::VecDeque;
use core::net::SocketAddr;

/// Received data that has not gone to the host MCU.
#[derive(Debug, Default)]
pub(crate) struct Receive {
    /// Data of passive mode, to be read.
    pub(crate) unread: Buffer,
    /// Data of active mode, to be printed.
    pub(crate) held: Buffer,
    /// Read credit that the world has.
    pub(crate) credit: usize,
    /// A `+IPD` told of data that has not been read.
    pub(crate) announced: bool,
}

impl Receive {
    /// Payload bytes of both kinds.
    pub(crate) fn len(&self) -> usize {
        self.unread.len() + self.held.len()
    }

    /// What was to be printed is to be read, after what is to be read already.
    pub(crate) fn keep_held(&mut self) {
        self.unread.append(&mut self.held);
    }

    /// What was to be read is to be printed.
    pub(crate) fn release_unread(&mut self) {
        self.keep_held();
        core::mem::swap(&mut self.unread, &mut self.held);
        self.announced = false;
    }
}

/// Bytes, and for UDP where the datagrams end.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: VecDeque<u8>,
    /// Sizes and senders of the datagrams, for UDP.
    datagrams: VecDeque<(usize, SocketAddr)>,
    /// What the payload took on the wire beyond its own length.
    overhead: usize,
}

impl Buffer {
    pub(crate) fn push(&mut self, bytes: &[u8], wire_len: usize, from: Option<SocketAddr>) {
        self.bytes.extend(bytes);
        self.overhead += wire_len.saturating_sub(bytes.len());
        if let Some(from) = from {
            self.datagrams.push_back((bytes.len(), from));
        }
    }

    fn append(&mut self, other: &mut Self) {
        self.bytes.append(&mut other.bytes);
        self.datagrams.append(&mut other.datagrams);
        self.overhead += core::mem::take(&mut other.overhead);
    }

    /// Payload bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What `+IPD` and `AT+CIPRECVLEN` say: bytes as they came over the wire.
    pub(crate) fn wire_len(&self) -> usize {
        self.bytes.len() + self.overhead
    }

    /// How many datagrams a read of `n` bytes takes.
    pub(crate) fn datagrams_in(&self, n: usize) -> usize {
        let starts = self.datagrams.iter().scan(0, |end, &(len, _)| {
            let start = *end;
            *end += len;
            Some(start)
        });
        starts.take_while(|&start| start < n).count()
    }

    /// The sender of a datagram, counted from the first.
    pub(crate) fn sender(&self, at: usize) -> Option<SocketAddr> {
        self.datagrams.get(at).map(|&(_, from)| from)
    }

    /// The first `max` bytes, in two pieces.
    pub(crate) fn front(&self, max: usize) -> (&[u8], &[u8]) {
        let (a, b) = self.bytes.as_slices();
        let n = a.len().min(max);
        (&a[..n], &b[..b.len().min(max - n)])
    }

    /// How many datagrams there are.
    pub(crate) fn datagrams(&self) -> usize {
        self.datagrams.len()
    }

    /// The datagrams with their senders; of a stream, all bytes in one piece.
    pub(crate) fn messages(&mut self) -> impl Iterator<Item = (Option<SocketAddr>, &[u8])> {
        let mut rest = &*self.bytes.make_contiguous();
        let stream = self.datagrams.is_empty().then_some((rest.len(), None));
        let datagrams = self.datagrams.iter().map(|&(len, from)| (len, Some(from)));
        datagrams.chain(stream).map(move |(len, from)| {
            let (message, after) = rest.split_at(len.min(rest.len()));
            rest = after;
            (from, message)
        })
    }

    /// Takes `n` bytes away. Of a datagram that was read in part the rest is lost; reading beyond it goes on in the next
    /// (behaviour.md 3.22).
    pub(crate) fn consume(&mut self, n: usize) {
        let mut end = n;
        if !self.datagrams.is_empty() {
            let read = self.datagrams_in(n);
            end = self.datagrams.drain(..read).map(|(len, _)| len).sum();
        }
        self.bytes.drain(..end.min(self.bytes.len()));
        if self.bytes.is_empty() {
            self.overhead = 0;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
        self.overhead = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_splits_a_datagram_loses_its_rest() {
        let from = SocketAddr::from(([192, 0, 2, 1], 9));
        let mut rx = Buffer::default();
        rx.push(b"abcd", 4, Some(from));
        rx.push(b"efgh", 4, Some(from));
        rx.push(b"ij", 2, Some(from));
        rx.consume(5);
        assert_eq!(rx.front(9), (b"ij".as_slice(), b"".as_slice()));
    }
}
