//! The lone `+++`: three plus signs with silence on both sides, or a packet of exactly three.

use super::chunk::Before;

/// Holds plus signs back until it is clear what they are.
#[derive(Debug, Default)]
pub(crate) struct Escape {
    held: usize,
    /// So many of them came in the packet that is coming in.
    in_packet: usize,
    /// There was silence before the first.
    after_silence: bool,
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
    pub(crate) fn on_bytes(&mut self, bytes: &[u8], before: Before) -> Verdict {
        let is_first = self.held == 0;
        let may_hold =
            !(is_first && before == Before::Bytes) && self.held + bytes.len() <= PLUSES.len();
        if may_hold && bytes.iter().all(|&b| b == b'+') {
            if is_first {
                self.after_silence = before == Before::Silence;
            }
            self.held += bytes.len();
            self.in_packet += bytes.len();
            return Verdict::Hold;
        }
        self.in_packet = 0;
        Verdict::Payload {
            held: core::mem::take(&mut self.held),
        }
    }

    /// A packet ends. Returns whether that decides about what is held back: plus signs that come one by one after silence
    /// may still become three.
    pub(crate) fn on_packet_end(&mut self) -> bool {
        let in_packet = core::mem::take(&mut self.in_packet);
        self.held > 0 && (in_packet == PLUSES.len() || !self.after_silence)
    }

    /// Silence, or a packet's end that decides. Returns the plus signs that turn out to be payload, or `None` for the escape.
    pub(crate) fn on_quiet(&mut self) -> Option<&'static [u8]> {
        self.in_packet = 0;
        match core::mem::take(&mut self.held) {
            3 => None,
            n => Some(&PLUSES[..n]),
        }
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
        assert_eq!(escape.on_bytes(b"+", Before::Silence), Verdict::Hold);
        assert_eq!(escape.on_bytes(b"++", Before::Bytes), Verdict::Hold);
        assert_eq!(escape.on_quiet(), None);
    }

    #[test]
    fn anything_else_is_payload() {
        let mut escape = Escape::default();
        assert_eq!(
            escape.on_bytes(b"++++", Before::Silence),
            Verdict::Payload { held: 0 }
        );
        assert_eq!(
            escape.on_bytes(b"+++", Before::Bytes),
            Verdict::Payload { held: 0 }
        );
        assert_eq!(escape.on_bytes(b"++", Before::Silence), Verdict::Hold);
        assert_eq!(
            escape.on_bytes(b"+x", Before::Bytes),
            Verdict::Payload { held: 2 }
        );
        assert_eq!(escape.on_bytes(b"++", Before::Silence), Verdict::Hold);
        assert_eq!(escape.on_quiet(), Some(b"++".as_slice()));
    }

    #[test]
    fn packets_decide_unless_silence_was_first() {
        let mut escape = Escape::default();
        assert_eq!(escape.on_bytes(b"++", Before::Packet), Verdict::Hold);
        assert_eq!(escape.on_bytes(b"+", Before::Bytes), Verdict::Hold);
        assert!(escape.on_packet_end());
        assert_eq!(escape.on_quiet(), None);
        for before in [Before::Packet, Before::Silence] {
            assert_eq!(escape.on_bytes(b"+", before), Verdict::Hold);
            assert_eq!(escape.on_packet_end(), before == Before::Packet);
            escape.on_quiet();
        }
    }
}
