//! Payload after `>`: so many bytes, with or without escapes.

use alloc::vec::Vec;

/// What payload is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataSpec {
    /// Exactly so many bytes, as they come.
    Count(usize),
    /// The same, of which a lone `+++` is a part.
    Data(usize),
    /// The same, which a lone `+++` takes back on every firmware line (`AT+CIPSENDBUF`).
    Buffered(usize),
    /// Exactly so many bytes, each piece as it comes (`AT+CIPSENDL`).
    Stream(usize),
    /// So many bytes after unescaping, or up to `\0` (`AT+CIPSENDEX`).
    Escaped(usize),
}

/// Payload that is being typed.
#[derive(Debug)]
pub(crate) struct Payload {
    spec: DataSpec,
    bytes: Vec<u8>,
    /// A backslash came, what it escapes has not.
    backslash: bool,
    received: usize,
}

impl Payload {
    pub(crate) fn new(spec: DataSpec, mut memory: Vec<u8>) -> Self {
        memory.clear();
        Self {
            spec,
            bytes: memory,
            backslash: false,
            received: 0,
        }
    }

    /// The whole payload, where `bytes` begins with it and nothing needs a copy.
    pub(crate) fn whole<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        match self.spec {
            DataSpec::Count(len) | DataSpec::Data(len) | DataSpec::Buffered(len)
                if self.bytes.is_empty() =>
            {
                bytes.get(..len)
            }
            DataSpec::Count(_)
            | DataSpec::Data(_)
            | DataSpec::Buffered(_)
            | DataSpec::Stream(_)
            | DataSpec::Escaped(_) => None,
        }
    }

    /// Takes a piece of a payload that is not kept; returns how much that was and whether it was the last one.
    pub(crate) fn take_piece(&mut self, bytes: &[u8]) -> Option<(usize, bool)> {
        let DataSpec::Stream(len) = self.spec else {
            return None;
        };
        let n = bytes.len().min(len - self.received);
        self.received += n;
        Some((n, self.received == len))
    }

    /// Takes what belongs to the payload; returns how much that was and whether it is complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> (usize, bool) {
        let (taken, complete) = match self.spec {
            DataSpec::Count(len) | DataSpec::Data(len) | DataSpec::Buffered(len) => {
                let n = bytes.len().min(len - self.bytes.len());
                self.bytes.extend_from_slice(&bytes[..n]);
                (n, self.bytes.len() == len)
            }
            DataSpec::Stream(_) => (0, false),
            DataSpec::Escaped(len) => self.push_escaped(bytes, len),
        };
        self.received += taken;
        (taken, complete)
    }

    fn push_escaped(&mut self, bytes: &[u8], len: usize) -> (usize, bool) {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.backslash {
                self.backslash = false;
                if byte == b'0' {
                    return (at + 1, true);
                }
                self.bytes.push(byte);
            } else if byte == b'\\' {
                self.backslash = true;
                continue;
            } else {
                self.bytes.push(byte);
            }
            if self.bytes.len() == len {
                return (at + 1, true);
            }
        }
        (bytes.len(), false)
    }

    /// Payload bytes that are still to come; for `AT+CIPSENDEX` at most.
    pub(crate) fn missing(&self) -> usize {
        match self.spec {
            DataSpec::Count(len)
            | DataSpec::Data(len)
            | DataSpec::Buffered(len)
            | DataSpec::Escaped(len) => len - self.bytes.len(),
            DataSpec::Stream(len) => len - self.received,
        }
    }

    /// Whether it goes on as it comes, and is not kept.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.spec, DataSpec::Stream(_))
    }

    /// Whether a lone `+++` ends it. `is_usual`: the firmware line takes sends back by it.
    pub(crate) fn can_be_cancelled(&self, is_usual: bool) -> bool {
        match self.spec {
            DataSpec::Data(_) => false,
            DataSpec::Buffered(_) => true,
            DataSpec::Count(_) | DataSpec::Stream(_) | DataSpec::Escaped(_) => is_usual,
        }
    }

    /// Serial bytes taken so far.
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_memory(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(spec: DataSpec, input: &[u8]) -> (Vec<u8>, usize, bool) {
        let mut payload = Payload::new(spec, Vec::new());
        let (taken, complete) = payload.push(input);
        (payload.bytes().to_vec(), taken, complete)
    }

    #[test]
    fn count_takes_exactly_that() {
        assert_eq!(
            typed(DataSpec::Count(4), b"testAT\r\n"),
            (b"test".to_vec(), 4, true)
        );
        assert_eq!(
            typed(DataSpec::Count(4), b"tes"),
            (b"tes".to_vec(), 3, false)
        );
    }

    #[test]
    fn escapes_are_dropped_and_backslash_zero_ends() {
        assert_eq!(
            typed(DataSpec::Escaped(9), br"a\b\\0\0X"),
            (br"ab\0".to_vec(), 8, true)
        );
        assert_eq!(
            typed(DataSpec::Escaped(3), br"a\bcd"),
            (b"abc".to_vec(), 4, true)
        );
        assert_eq!(typed(DataSpec::Escaped(3), br"\0"), (b"".to_vec(), 2, true));
    }
}
