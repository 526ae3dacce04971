//! Serial input on its way into the record. A line that may become a command with a password waits for its end.

use espat_core::{Duration, Instant};

use super::Recorder;
use super::payload::{PAYLOAD_MAX, left_out};
use crate::redact::{KeyBytes, Redactor, is_open_command, key_bytes, may_be_secret, open_line};
use crate::script::{SerialLine, Step};
use crate::text::{Place, Text};

/// Bytes closer together than this were one chunk.
const CHUNK_GAP: Duration = Duration::from_millis(2);

/// After this long, whether a chunk was ended by a break makes no difference.
const BREAK_MATTERS: Duration = Duration::from_millis(20);

/// Serial input that is not written yet.
#[derive(Debug, Default)]
pub(super) struct FromHost {
    bytes: Vec<u8>,
    last: Instant,
    /// A chunk ended by a break; written where the next bytes come soon.
    broken: bool,
    /// The module has asked for payload: no line waits for its end.
    is_payload: bool,
    redactor: Redactor,
}

impl FromHost {
    /// Of a host MCU that may be in the middle of a line.
    pub(super) fn joining() -> Self {
        Self {
            redactor: Redactor::joining(),
            ..Self::default()
        }
    }

    /// Whether what comes next is payload, as far as the module's words tell.
    pub(super) const fn expect_payload(&mut self, is_payload: bool) {
        self.is_payload = is_payload;
    }
}

/// Bytes with private keys that are on their way.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The command line that is coming in.
    line: Vec<u8>,
    /// So many bytes are still to come from the host MCU.
    typed: usize,
    /// The module took none of them; the host MCU may send them all the same.
    is_refused: bool,
    /// The module was asked to show some.
    pub(super) shown: bool,
    /// A command has ended since.
    answered: bool,
}

impl Keys {
    /// A command has ended.
    pub(super) fn on_result(&mut self, has_failed: bool) {
        self.answered = true;
        if has_failed {
            self.is_refused |= self.typed > 0;
            self.typed = 0;
        }
    }

    /// A new chunk begins with these bytes.
    fn on_chunk(&mut self, bytes: &[u8]) {
        if self.answered {
            self.shown = false;
        }
        let is_command = bytes.first().is_some_and(|b| b.eq_ignore_ascii_case(&b'A'));
        self.is_refused &= !is_command;
    }

    /// How many of these bytes are secret.
    fn hidden(&self, len: usize) -> usize {
        if self.is_refused {
            len
        } else {
            len.min(self.typed)
        }
    }

    /// Takes bytes of commands up to a line's end; returns how many.
    fn listen(&mut self, bytes: &[u8]) -> usize {
        let end = memchr::memchr(b'\n', bytes);
        let len = end.map_or(bytes.len(), |end| end + 1);
        // No such command is longer.
        let room = (PAYLOAD_MAX + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..len.min(room)]);
        if end.is_some() {
            match key_bytes(self.line.trim_ascii_end()) {
                Some(KeyBytes::Typed(typed)) => self.typed = typed,
                Some(KeyBytes::Shown) => (self.shown, self.answered) = (true, false),
                None => {}
            }
            self.line.clear();
        }
        len
    }
}

impl Recorder {
    pub(super) fn serial_in(&mut self, bytes: &[u8]) {
        let gap = self.now.since(self.from_host.last);
        let is_new = self.from_host.broken || gap >= CHUNK_GAP;
        if is_new {
            self.flush_host(false);
        }
        self.flush_module(false);
        if std::mem::take(&mut self.from_host.broken) && gap < BREAK_MATTERS {
            self.write_break();
        }
        if is_new {
            self.keys.on_chunk(bytes);
        }
        if bytes == b"+++" {
            self.from_host.is_payload = false;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let (hidden, others) = rest.split_at(self.keys.hidden(rest.len()));
            if !hidden.is_empty() {
                self.flush_host(true);
                self.from_host.last = self.now;
                self.send_hidden(hidden);
            }
            let (line, others) = others.split_at(self.keys.listen(others));
            self.from_host.last = self.now;
            let is_alone = self.from_host.bytes.is_empty() && others.is_empty();
            if !(is_alone && self.send_long(line)) {
                self.from_host.bytes.extend_from_slice(line);
            }
            rest = others;
        }
        self.from_host.last = self.now;
    }

    /// A break after a chunk.
    pub(super) fn serial_break(&mut self) {
        self.from_host.broken = true;
        // Plus signs: the break decides about them.
        if self.from_host.bytes.ends_with(b"+") {
            self.flush_host(true);
            self.write_break();
        }
    }

    /// Writes serial input. A line that may become a command with a password waits for its end, unless `all` is wanted.
    pub(super) fn flush_host(&mut self, all: bool) {
        let bytes = &self.from_host.bytes;
        // What a module made some time ago came before what is pending.
        if bytes.is_empty() || self.order.is_within() {
            return;
        }
        let waits = !all && !self.from_host.is_payload && is_open_command(bytes);
        let len = if waits { open_line(bytes) } else { bytes.len() };
        if len == 0 {
            return;
        }
        let mut bytes = std::mem::take(&mut self.from_host.bytes);
        self.send(&bytes[..len]);
        bytes.drain(..len);
        self.from_host.bytes = bytes;
    }

    /// A module may send back what has not been written yet.
    pub(super) fn look_ahead(&mut self) {
        if !self.from_host.bytes.is_empty() {
            let redactor = &self.from_host.redactor;
            redactor.look_ahead(&self.from_host.bytes, &mut self.known);
        }
    }

    /// Writes long payload that no line ends; whether it is that.
    fn send_long(&mut self, bytes: &[u8]) -> bool {
        if bytes.ends_with(b"\r\n") || !self.is_long_payload(bytes) {
            return false;
        }
        let Some(summary) = self.kept.summary(bytes) else {
            return false;
        };
        self.from_host.redactor.skip(bytes);
        self.pass_to(self.from_host.last);
        self.long(format_args!("-> "), &summary, Place::Line);
        true
    }

    fn is_long_payload(&self, body: &[u8]) -> bool {
        body.len() > PAYLOAD_MAX
            && !self.from_host.redactor.is_doubtful_with(body)
            && !may_be_secret(body)
    }

    fn send(&mut self, bytes: &[u8]) {
        if self.send_long(bytes) {
            return;
        }
        let crlf = bytes.ends_with(b"\r\n");
        let body = &bytes[..bytes.len() - if crlf { 2 } else { 0 }];
        let text = if crlf && self.is_long_payload(body) {
            self.from_host.redactor.skip(bytes);
            self.kept.text(body)
        } else {
            let redactor = &mut self.from_host.redactor;
            redactor.redact(body, crlf, &mut self.known)
        };
        self.pass_to(self.from_host.last);
        self.step_now(&Step::Send(SerialLine { text, crlf }));
    }

    /// Writes serial input without its bytes.
    fn send_hidden(&mut self, bytes: &[u8]) {
        self.keys.typed = self.keys.typed.saturating_sub(bytes.len());
        if self.keys.is_refused {
            // They are commands to the module, which it may send back.
            self.known.add([bytes.to_vec()]);
        }
        let mut text = Text::default();
        text.push(left_out(bytes));
        self.pass_to(self.from_host.last);
        self.step_now(&Step::Send(SerialLine { text, crlf: false }));
    }

    fn write_break(&mut self) {
        self.from_host.broken = false;
        self.line("~ break");
    }
}
