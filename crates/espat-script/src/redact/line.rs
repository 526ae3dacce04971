//! Lines as they come, in whatever pieces: what has been shown of a line decides about the rest.

use std::ops::Range;

use super::command::{doubtful, secret, values};
use crate::text::{DEFAULT_SECRET, Piece, Text};

/// One side of a serial line, redacted as it speaks.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    /// What was shown of the present line.
    line: Vec<u8>,
    /// A CR was the last byte.
    after_cr: bool,
    /// The line's beginning was not heard: so many bytes of it are nobody's business.
    unheard: usize,
    is_module: bool,
}

/// Secrets that lines were found to have. A module may say them where nothing tells that it does.
#[derive(Debug, Default)]
pub(crate) struct Known {
    values: Vec<Vec<u8>>,
    /// Of the line that has not ended.
    open: Vec<Vec<u8>>,
}

/// What is kept of a line that does not end; no command is longer.
const LINE_MAX: usize = 1024;
/// What is kept then, so that a name is found that is in two pieces.
const NAME_MAX: usize = 32;
/// Shorter secrets stand in too much that is none.
const VALUE_MIN: usize = 4;
/// So little of one is no telling.
const PART_MIN: usize = 3;
/// More are not remembered.
const VALUES_MAX: usize = 32;

impl Redactor {
    /// What a module says: known secrets are looked for, too.
    pub(crate) fn of_module() -> Self {
        Self {
            is_module: true,
            ..Self::default()
        }
    }

    /// A host MCU that may be in the middle of a line.
    pub(crate) fn joining() -> Self {
        Self {
            unheard: LINE_MAX,
            ..Self::default()
        }
    }

    /// Whether the present line, going on like this, may have to do with a secret.
    pub(crate) fn is_doubtful_with(&self, bytes: &[u8]) -> bool {
        if self.line.is_empty() {
            return self.unheard > 0;
        }
        let next = &bytes[..bytes.len().min(NAME_MAX)];
        doubtful(&[&self.line, next].concat()).is_some()
    }

    /// Lets bytes go by of which little is shown, and nothing secret.
    pub(crate) fn skip(&mut self, bytes: &[u8]) {
        self.end();
        let last = &bytes[bytes.len().saturating_sub(NAME_MAX)..];
        let end = memchr::memrchr(b'\n', last).map_or(0, |end| end + 1);
        self.line.extend_from_slice(&last[end..]);
    }

    /// The next bytes without their secrets; with `is_whole` a line ends there. Where they end with a CR the line counts as whole, and goes
    /// on where something follows that no line begins with.
    pub(crate) fn redact(&mut self, bytes: &[u8], is_whole: bool, known: &mut Known) -> Text {
        let mut text = Text::default();
        let mut rest = bytes;
        if std::mem::take(&mut self.after_cr) && !rest.is_empty() {
            if begins_line(rest) {
                self.line.clear();
            } else {
                self.line.push(b'\r');
            }
        }
        while !rest.is_empty() {
            let (len, end) = line_len(rest);
            let is_end = end > 0 || is_whole;
            self.part(&rest[..len], is_end, known, &mut text);
            text.push_bytes(&rest[len..len + end]);
            if end > 0 {
                self.unheard = 0;
                self.after_cr = end == 1 && rest.len() == len + end && rest[len] == b'\r';
                if !self.after_cr {
                    self.line.clear();
                }
            }
            rest = &rest[len + end..];
        }
        if is_whole {
            self.end();
        }
        text
    }

    /// Has known what a line has of a secret that has not been shown yet.
    pub(crate) fn look_ahead(&self, bytes: &[u8], known: &mut Known) {
        let line = [&self.line, bytes].concat();
        known.open = doubtful(&line).map_or_else(Vec::new, |range| values(&line, &range));
    }

    /// Forgets the line: what comes next begins one.
    pub(crate) fn end(&mut self) {
        *self = Self {
            is_module: self.is_module,
            ..Self::default()
        };
    }

    fn part(&mut self, part: &[u8], is_end: bool, known: &mut Known, text: &mut Text) {
        if self.unheard > 0 {
            let is_command = part
                .get(..2)
                .is_some_and(|at| at.eq_ignore_ascii_case(b"AT"));
            if !is_command && self.line.is_empty() {
                self.unheard = self.unheard.saturating_sub(part.len());
                if !part.is_empty() {
                    text.push(Piece::Secret(DEFAULT_SECRET.into()));
                }
                return;
            }
            self.unheard = 0;
        }
        let before = self.line.len();
        self.line.extend_from_slice(part);
        let found = if before == 0 && is_end {
            secret(&self.line)
        } else {
            doubtful(&self.line)
        };
        let mut hidden = Vec::new();
        if let Some(range) = &found {
            match (self.is_module, is_end) {
                (false, true) => known.add(values(&self.line, range)),
                (false, false) => known.open = values(&self.line, range),
                (true, _) => {}
            }
            hidden.push(range.start.saturating_sub(before)..range.end.saturating_sub(before));
        }
        if self.is_module {
            hidden.extend(known.found_in(part));
        }
        show(part, &hidden, text);
        if self.line.len() > LINE_MAX && found.is_none() {
            self.line.drain(..self.line.len() - NAME_MAX);
        } else if self.line.len() > LINE_MAX {
            // The name stays, and so does the doubt.
            self.line.truncate(LINE_MAX);
        }
    }
}

impl Known {
    /// Remembers secrets.
    pub(crate) fn add(&mut self, values: impl IntoIterator<Item = Vec<u8>>) {
        for value in values {
            if value.len() >= VALUE_MIN && !self.values.contains(&value) {
                if self.values.len() == VALUES_MAX {
                    self.values.remove(0);
                }
                self.values.push(value);
            }
        }
    }

    /// Whether something that a module says has one of them.
    pub(crate) fn are_in(&self, bytes: &[u8]) -> bool {
        !self.found_in(bytes).is_empty()
    }

    /// Where they are in something that a module says, whole ones and such as a report has cut in two.
    fn found_in(&self, line: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for value in self.values.iter().chain(&self.open) {
            let whole = memchr::memmem::find_iter(line, value);
            found.extend(whole.map(|at| at..at + value.len()));
            let ends = |len: &usize| line.ends_with(&value[..*len]);
            let begins = |len: &usize| line.starts_with(&value[value.len() - len..]);
            let lens = || (PART_MIN..value.len().min(line.len() + 1)).rev();
            found.extend(lens().find(ends).map(|len| line.len() - len..line.len()));
            found.extend(lens().find(begins).map(|len| 0..len));
            let is_middle = (PART_MIN..value.len()).contains(&line.len());
            if is_middle && memchr::memmem::find(value, line).is_some() {
                found.push(0..line.len());
            }
        }
        found
    }
}

/// Adds bytes to a text, those in the ranges as one secret each.
fn show(bytes: &[u8], hidden: &[Range<usize>], text: &mut Text) {
    let mut hidden: Vec<_> = hidden.iter().filter(|r| !r.is_empty()).cloned().collect();
    if hidden.is_empty() {
        let pieces = Text::compressed(bytes).pieces;
        pieces.into_iter().for_each(|piece| text.push(piece));
        return;
    }
    hidden.sort_by_key(|range| range.start);
    let mut at = 0;
    let mut was_secret = false;
    for range in hidden {
        if range.end <= at {
            continue;
        }
        if range.start > at || !was_secret {
            text.push_bytes(&bytes[at..range.start.max(at)]);
            text.push(Piece::Secret(DEFAULT_SECRET.into()));
        }
        was_secret = true;
        at = range.end;
    }
    text.push_bytes(&bytes[at..]);
}

/// How long the line at the start is, and its end.
fn line_len(bytes: &[u8]) -> (usize, usize) {
    for at in memchr::memchr2_iter(b'\r', b'\n', bytes) {
        let rest = &bytes[at + 1..];
        match (bytes[at], rest.first()) {
            (b'\r', Some(b'\n')) => return (at, 2),
            (b'\r', Some(_)) if !begins_line(rest) => {}
            _ => return (at, 1),
        }
    }
    (bytes.len(), 0)
}

/// Whether bytes after a CR may begin a line.
fn begins_line(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(b'\r' | b'\n' | b'A' | b'a' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(pieces: &[&str], mut redactor: Redactor) -> String {
        let mut known = Known::default();
        let shown = |piece: &&str| {
            redactor
                .redact(piece.as_bytes(), false, &mut known)
                .to_string()
        };
        let shown: Vec<_> = pieces.iter().map(shown).collect();
        shown.join("|")
    }

    #[test]
    fn a_line_in_pieces_shows_no_more_than_its_command() {
        for (pieces, expected) in [
            (
                &["AT+CWJAP=\"home\",\"pass\r\nAT\r\n"][..],
                "AT+CWJAP={secret}\\x0d\\x0aAT\\x0d\\x0a",
            ),
            (
                &["AT+CW", "JAP=\"ho", "me\",\"pass\"\r\n", "AT\r\n"],
                "AT+CW|JAP={secret}|{secret}\\x0d\\x0a|AT\\x0d\\x0a",
            ),
            (
                &["AT+CWJAP=\"home\",\"pa\rss\"\r\nAT\r\n"],
                "AT+CWJAP=\"home\",\"{secret}\"\\x0d\\x0aAT\\x0d\\x0a",
            ),
            (
                &["AT+CWJAP=\"home\",\"pass\"\r", "AT+GMR\r"],
                "AT+CWJAP=\"home\",\"{secret}\"\\x0d|AT+GMR\\x0d",
            ),
        ] {
            assert_eq!(redacted(pieces, Redactor::default()), expected);
        }
        let joined = &["ord\"\r\nAT\r\n", "x"];
        assert_eq!(
            redacted(joined, Redactor::joining()),
            "{secret}\\x0d\\x0aAT\\x0d\\x0a|x"
        );
    }

    #[test]
    fn a_module_does_not_say_a_secret_that_is_known() {
        let mut known = Known::default();
        let mut host = Redactor::default();
        host.redact(b"AT+CWJAP=\"home\",\"cor\\\"rect\"", true, &mut known);
        let mut module = Redactor::of_module();
        for (said, shown) in [
            ("log: key cor\"rect.\r\n", "log: key {secret}.\\x0d\\x0a"),
            (
                "AT+QQQQ=\"home\",\"cor\\\"rect\"\r\n",
                "AT+QQQQ=\"home\",\"{secret}\"\\x0d\\x0a",
            ),
            ("ect\"\r\n", "{secret}\"\\x0d\\x0a"),
            ("re\r\n", "re\\x0d\\x0a"),
            ("key=cor\"r\r\n", "key={secret}\\x0d\\x0a"),
        ] {
            let text = module.redact(said.as_bytes(), false, &mut known);
            assert_eq!(text.to_string(), shown);
        }
    }
}
