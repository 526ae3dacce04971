//! Bytes to command lines: the terminator and the length limit. Meaning is `syntax`'s.

use alloc::vec::Vec;

use crate::config::Terminator;

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// CR LF.
    CrLf,
    /// LF; a CR before it belongs to it.
    Lf,
    /// CR, LF, or both.
    Any,
}

impl LineEnd {
    /// As the user wants it; where that is the firmware's way, as the firmware has it.
    pub(crate) fn new(terminator: Terminator, every_lf_ends: bool) -> Self {
        match terminator {
            Terminator::Lenient => Self::Any,
            Terminator::CrLf if every_lf_ends => Self::Lf,
            Terminator::CrLf => Self::CrLf,
        }
    }
}

/// Collects one line.
#[derive(Debug)]
pub(crate) struct Framer {
    line: Vec<u8>,
    line_end: LineEnd,
    line_bytes_max: usize,
    /// The head of the line was dropped: it goes on, even where none of it stands here.
    is_tail: bool,
    /// A lone CR ended the last line: the LF that may follow belongs to it.
    swallow_lf: bool,
}

/// What the framer made of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    /// Everything was taken, the line goes on.
    Partial,
    /// A line ended; so many bytes were taken.
    Line { taken: usize },
    /// The line grew over the limit; its head was dropped and what follows is a line of its own.
    Overlong { taken: usize, dropped: usize },
}

impl Framer {
    pub(crate) fn new(line_end: LineEnd, line_bytes_max: usize) -> Self {
        Self {
            line: Vec::new(),
            line_end,
            line_bytes_max,
            is_tail: false,
            swallow_lf: false,
        }
    }

    /// Takes bytes up to the end of a line or of `bytes`.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Framed {
        let mut taken = 0;
        if core::mem::take(&mut self.swallow_lf) && bytes.first() == Some(&b'\n') {
            taken = 1;
        }
        loop {
            let rest = &bytes[taken..];
            if rest.is_empty() {
                return Framed::Partial;
            }
            let room = self.line_bytes_max - self.line.len();
            let end = self.find_end(rest).map_or(rest.len(), |at| at + 1);
            let n = end.min(room);
            self.line.extend_from_slice(&rest[..n]);
            taken += n;
            if self.ends() {
                self.is_tail = false;
                self.swallow_lf = self.line_end == LineEnd::Any && self.line.last() == Some(&b'\r');
                return Framed::Line { taken };
            }
            if self.line.len() == self.line_bytes_max {
                let dropped = self.line.len();
                self.line.clear();
                self.is_tail = true;
                return Framed::Overlong { taken, dropped };
            }
        }
    }

    /// The complete line, as it was received.
    pub(crate) fn take_line(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.line)
    }

    /// The line that would end if `tail` came next.
    pub(crate) fn line_with(&self, tail: &[u8]) -> Option<Vec<u8>> {
        let tail = match tail {
            [b'\n', rest @ ..] if self.swallow_lf => rest,
            tail => tail,
        };
        let is_whole = tail.len() + self.line.len() <= self.line_bytes_max
            && self.find_end(tail).is_some_and(|at| at + 1 == tail.len());
        let whole = Self {
            line: [&self.line, tail].concat(),
            ..*self
        };
        (is_whole && whole.ends()).then_some(whole.line)
    }

    /// The length of a received line without its end. A LF without a CR belongs to the line where the firmware needs both.
    pub(crate) fn content_len(&self, line: &[u8]) -> usize {
        if self.line_end == LineEnd::Lf && !line.ends_with(b"\r\n") {
            return line.len();
        }
        content_len(line)
    }

    /// Gives the line's memory back for the next one.
    pub(crate) fn recycle(&mut self, mut line: Vec<u8>) {
        if self.line.is_empty() {
            line.clear();
            self.line = line;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty() && !self.is_tail
    }

    pub(crate) fn clear(&mut self) {
        self.line.clear();
        self.is_tail = false;
        self.swallow_lf = false;
    }

    fn find_end(&self, bytes: &[u8]) -> Option<usize> {
        match self.line_end {
            LineEnd::CrLf | LineEnd::Lf => memchr::memchr(b'\n', bytes),
            LineEnd::Any => memchr::memchr2(b'\r', b'\n', bytes),
        }
    }

    fn ends(&self) -> bool {
        match self.line_end {
            LineEnd::CrLf => self.line.ends_with(b"\r\n"),
            LineEnd::Lf => self.line.last() == Some(&b'\n'),
            LineEnd::Any => matches!(self.line.last(), Some(b'\r' | b'\n')),
        }
    }
}

/// A received line without its terminator.
pub(crate) fn content_len(line: &[u8]) -> usize {
    let without_lf = line.strip_suffix(b"\n").unwrap_or(line);
    without_lf.strip_suffix(b"\r").unwrap_or(without_lf).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line_end: LineEnd, input: &[u8]) -> Vec<Vec<u8>> {
        let mut framer = Framer::new(line_end, 16);
        let mut found = Vec::new();
        let mut rest = input;
        loop {
            match framer.push(rest) {
                Framed::Partial => return found,
                Framed::Line { taken } => {
                    found.push(framer.take_line());
                    rest = &rest[taken..];
                }
                Framed::Overlong { taken, .. } => rest = &rest[taken..],
            }
        }
    }

    #[test]
    fn only_cr_lf_ends_a_line() {
        assert_eq!(
            lines(LineEnd::CrLf, b"AT\r\nA\nB\rC\r\n"),
            [b"AT\r\n".to_vec(), b"A\nB\rC\r\n".to_vec()]
        );
    }

    #[test]
    fn every_lf_ends_a_line_where_a_cr_alone_does_not() {
        assert_eq!(
            lines(LineEnd::Lf, b"AT\r\nA\nB\rC\r\n\n"),
            [
                b"AT\r\n".to_vec(),
                b"A\n".to_vec(),
                b"B\rC\r\n".to_vec(),
                b"\n".to_vec()
            ]
        );
    }

    #[test]
    fn lenient_takes_each_of_them_once() {
        let found = lines(LineEnd::Any, b"AT\rAT\nAT\r\nAT\r");
        assert_eq!(
            found,
            [
                b"AT\r".to_vec(),
                b"AT\n".to_vec(),
                b"AT\r".to_vec(),
                b"AT\r".to_vec()
            ]
        );
    }

    #[test]
    fn the_tail_of_a_long_line_is_a_line() {
        assert_eq!(
            lines(LineEnd::CrLf, b"0123456789abcdefTAIL\r\nAT\r\n"),
            [b"TAIL\r\n".to_vec(), b"AT\r\n".to_vec()]
        );
    }
}
