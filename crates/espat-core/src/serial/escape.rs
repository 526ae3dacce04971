//! The lone `+++`: three plus signs with silence on both sides, or a packet of exactly three.

/// Holds plus signs back until it is clear what they are.
#[derive(Debug, Default)]
pub(crate) struct Escape {
    held: usize,
}

const PLUSES: &[u8] = b"+++";

/// What to do with some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// They are payload, after so many plus signs that had been held back.
    Payload { held: usize },
    /// They are held back; decide after the guard time.
    Hold,
}

impl Escape {
    /// Bytes arrive; `quiet`: there was silence before them.
    pub(crate) fn on_bytes(&mut self, bytes: &[u8], quiet: bool) -> Verdict {
        let may_hold = (self.held > 0 || quiet) && self.held + bytes.len() <= PLUSES.len();
        if may_hold && bytes.iter().all(|&b| b == b'+') {
            self.held += bytes.len();
            return Verdict::Hold;
        }
        Verdict::Payload {
            held: core::mem::take(&mut self.held),
        }
    }

    /// Silence, or a packet's end. Returns the plus signs that turn out to be payload, or `None` for the escape.
    pub(crate) fn on_quiet(&mut self) -> Option<&'static [u8]> {
        match core::mem::take(&mut self.held) {
            3 => None,
            n => Some(&PLUSES[..n]),
        }
    }

    pub(crate) fn is_holding(&self) -> bool {
        self.held > 0
    }

    /// The first `n` held plus signs, as payload.
    pub(crate) fn pluses(n: usize) -> &'static [u8] {
        &PLUSES[..n]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_alone_escape() {
        let mut escape = Escape::default();
        assert_eq!(escape.on_bytes(b"+", true), Verdict::Hold);
        assert_eq!(escape.on_bytes(b"++", false), Verdict::Hold);
        assert_eq!(escape.on_quiet(), None);
    }

    #[test]
    fn anything_else_is_payload() {
        let mut escape = Escape::default();
        assert_eq!(escape.on_bytes(b"++++", true), Verdict::Payload { held: 0 });
        assert_eq!(escape.on_bytes(b"+++", false), Verdict::Payload { held: 0 });
        assert_eq!(escape.on_bytes(b"++", true), Verdict::Hold);
        assert_eq!(escape.on_bytes(b"+x", false), Verdict::Payload { held: 2 });
        assert_eq!(escape.on_bytes(b"++", true), Verdict::Hold);
        assert_eq!(escape.on_quiet(), Some(b"++".as_slice()));
    }
}
