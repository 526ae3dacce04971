//! The terminal of `espat console`: raw while it is used, put back afterwards, and what its screen shows.

use std::collections::VecDeque;
use std::io;

use rustix::termios::{self, OptionalActions, Termios};

/// Standard input in raw mode; dropping it puts the old mode back.
#[derive(Debug)]
pub(crate) struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    pub(crate) fn enter() -> io::Result<Self> {
        let stdin = rustix::stdio::stdin();
        let before = termios::tcgetattr(stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        // A line of the log ends with LF alone, and is to end at the left edge. The module's CR LF looks the same with another CR.
        raw.output_modes = before.output_modes;
        termios::tcsetattr(stdin, OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no putting back.
        let _ = termios::tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.before);
    }
}

/// What keys become.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    /// For the module.
    pub(crate) bytes: Vec<u8>,
    /// For the screen.
    pub(crate) shown: Vec<u8>,
    /// Ctrl-] was among the keys; what followed it is dropped.
    pub(crate) leave: bool,
}

/// What the screen shows: keys at once, and the module's answers without the echo of those keys.
///
/// The module echoes a line when its end has come. Where its output begins with the line that was typed last, that is the
/// echo, and the screen shows it already.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    line: Vec<u8>,
    echo: VecDeque<u8>,
    matched: Vec<u8>,
}

const LEAVE: u8 = 0x1d;
/// The longest line that is remembered for its echo; a longer one is shown twice.
const LINE_MAX: usize = 4096;

impl Screen {
    /// Takes keys; Enter becomes CR LF.
    pub(crate) fn on_keys(&mut self, keys: &[u8]) -> Typed {
        let end = keys.iter().position(|&k| k == LEAVE);
        let mut typed = Typed {
            bytes: vec![],
            shown: vec![],
            leave: end.is_some(),
        };
        for &key in &keys[..end.unwrap_or(keys.len())] {
            let piece: &[u8] = if key == b'\r' { b"\r\n" } else { &[key] };
            typed.bytes.extend_from_slice(piece);
            self.line.extend_from_slice(piece);
            match key {
                b'\r' | b'\n' | b'\t' | 0x20..0x7f | 0x80.. => typed.shown.extend_from_slice(piece),
                0x00..0x20 => typed.shown.extend_from_slice(&[b'^', key + 0x40]),
                0x7f => typed.shown.extend_from_slice(b"^?"),
            }
            if piece.ends_with(b"\n") {
                self.echo = std::mem::take(&mut self.line).into();
                self.matched.clear();
            } else if self.line.len() > LINE_MAX {
                self.line.clear();
            }
        }
        typed
    }

    /// Takes the module's output and gives what of it the screen does not show yet.
    pub(crate) fn on_output(&mut self, bytes: &[u8]) -> Vec<u8> {
        let same = bytes
            .iter()
            .zip(&self.echo)
            .take_while(|(a, b)| a == b)
            .count();
        let whole = same == bytes.len() || same == self.echo.len();
        if whole {
            self.matched.extend(self.echo.drain(..same));
            if self.echo.is_empty() {
                self.matched.clear();
            }
            return bytes[same..].to_vec();
        }
        // It was no echo after all: what had been held back as one is output.
        self.echo.clear();
        let mut shown = std::mem::take(&mut self.matched);
        shown.extend_from_slice(bytes);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_sends_cr_lf_and_ctrl_bracket_leaves() {
        let typed = Screen::default().on_keys(b"AT\r\x7f\x03\x1dmore");
        assert_eq!(
            typed,
            Typed {
                bytes: b"AT\r\n\x7f\x03".into(),
                shown: b"AT\r\n^?^C".into(),
                leave: true
            }
        );
    }

    #[test]
    fn the_echo_is_shown_once_however_it_is_split() {
        let answer = b"AT\r\n\r\nOK\r\n";
        for split in 0..=answer.len() {
            let mut screen = Screen::default();
            screen.on_keys(b"AT\r");
            let (a, b) = answer.split_at(split);
            let shown = [screen.on_output(a), screen.on_output(b)].concat();
            assert_eq!(shown, b"\r\nOK\r\n", "split at {split}");
        }
    }

    #[test]
    fn what_is_no_echo_is_shown() {
        let mut screen = Screen::default();
        screen.on_keys(b"AT\r");
        assert_eq!(screen.on_output(b"\r\nOK\r\n"), b"\r\nOK\r\n");
        screen.on_keys(b"AT\r");
        assert_eq!(screen.on_output(b"A"), b"");
        assert_eq!(screen.on_output(b"LARM\r\n"), b"ALARM\r\n");
        assert_eq!(screen.on_output(b"AT"), b"AT");
        screen.on_keys(b"payload without end");
        assert_eq!(screen.on_output(b"\r\nRecv"), b"\r\nRecv");
    }
}
