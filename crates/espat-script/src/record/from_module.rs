//! Serial output on its way into the record.

use espat_core::{Instant, Mark};

use super::Recorder;
use super::payload::{Gathered, PAYLOAD_MAX, left_out};
use crate::redact::{Redactor, ends_in_secret, may_be_secret};
use crate::script::{SerialLine, Step};
use crate::text::{Place, Text};

/// Serial output that is not written yet.
#[derive(Debug)]
pub(super) struct FromModule {
    runs: Vec<Run>,
    since: Instant,
    /// More of it waits for credit.
    pub(super) blocked: bool,
    /// When what comes by credit was made.
    pub(super) made: Option<Instant>,
    /// What the module says of itself.
    says: Redactor,
    /// What it sends back, which reports may come into.
    echoes: Redactor,
}

/// Bytes of one kind.
#[derive(Debug)]
enum Run {
    Text(Vec<u8>),
    Echo(Vec<u8>),
    Payload(Gathered),
    /// With a private key.
    Secret(Vec<u8>),
}

/// A line that waits longer than this for its end is none.
const LINE_MAX: usize = 1024;

impl Default for FromModule {
    fn default() -> Self {
        Self {
            runs: Vec::new(),
            since: Instant::ZERO,
            blocked: false,
            made: None,
            says: Redactor::of_module(),
            echoes: Redactor::of_module(),
        }
    }
}

impl Recorder {
    pub(super) fn serial_out(&mut self, mark: Mark, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.flush_host(false);
        self.hear_of(mark, bytes);
        let pending = &mut self.from_module;
        if pending.runs.is_empty() {
            let waited = mark == Mark::Payload || self.order.is_within();
            let made = pending.made.filter(|_| !waited);
            pending.since = made.unwrap_or(self.now);
        }
        match (mark, pending.runs.last_mut()) {
            (Mark::Payload, Some(Run::Secret(run))) if self.keys.shown => {
                run.extend_from_slice(bytes);
            }
            (Mark::Payload, _) if self.keys.shown => pending.runs.push(Run::Secret(bytes.to_vec())),
            (Mark::Payload, Some(Run::Payload(run))) => self.kept.gather(run, bytes),
            (Mark::Payload, _) => {
                let mut run = Gathered::default();
                self.kept.gather(&mut run, bytes);
                pending.runs.push(Run::Payload(run));
            }
            (Mark::Echo, Some(Run::Echo(run))) => run.extend_from_slice(bytes),
            (Mark::Echo, _) => pending.runs.push(Run::Echo(bytes.to_vec())),
            (_, Some(Run::Text(run))) => run.extend_from_slice(bytes),
            (_, _) => pending.runs.push(Run::Text(bytes.to_vec())),
        }
    }

    /// What the module's words say of what comes next.
    fn hear_of(&mut self, mark: Mark, bytes: &[u8]) {
        match mark {
            Mark::Prompt => self.from_host.expect_payload(true),
            Mark::Result => {
                self.from_host.expect_payload(false);
                self.keys.on_result(bytes.ends_with(b"ERROR\r\n"));
            }
            // Of a real module's line nothing else is known.
            Mark::Report if bytes.trim_ascii_end().ends_with(b">") => {
                self.from_host.expect_payload(true);
            }
            Mark::Report if bytes.ends_with(b"OK\r\n") || bytes.ends_with(b"ERROR\r\n") => {
                self.from_host.expect_payload(false);
            }
            Mark::Echo
            | Mark::Line
            | Mark::Recv
            | Mark::Report
            | Mark::Payload
            | Mark::Boot
            | Mark::Log => {}
        }
    }

    /// Writes serial output; an unfinished line with a secret waits, unless `all` is wanted.
    pub(super) fn flush_module(&mut self, all: bool) {
        // What has waited for credit stands before what comes in meanwhile.
        if self.order.is_late() && !self.order.is_within() {
            return;
        }
        if self.from_module.runs.is_empty() || (!all && self.waits_for_end()) {
            return;
        }
        self.look_ahead();
        self.pass_to(self.from_module.since);
        let mut line = Text::default();
        let mut runs = std::mem::take(&mut self.from_module.runs);
        let last = runs.len() - 1;
        for (at, run) in runs.drain(..).enumerate() {
            match &run {
                Run::Secret(bytes) => line.push(left_out(bytes)),
                Run::Payload(payload) => match self.kept.summary_of(payload) {
                    Some(summary) if line.is_empty() && at == last => {
                        self.long(format_args!("<- "), &summary, Place::Line);
                    }
                    Some(summary) => add(&mut line, summary.text()),
                    None => self.write_lines(payload.bytes(), &mut line, |recorder, bytes, _| {
                        recorder.kept.text(bytes)
                    }),
                },
                Run::Text(bytes) => {
                    self.write_lines(bytes, &mut line, |recorder, bytes, is_whole| {
                        if recorder.is_left_out(bytes) {
                            recorder.from_module.says.skip(bytes);
                            return recorder.kept.text(bytes);
                        }
                        let says = &mut recorder.from_module.says;
                        says.redact(bytes, is_whole, &mut recorder.known)
                    })
                }
                Run::Echo(bytes) => {
                    self.write_lines(bytes, &mut line, |recorder, bytes, is_whole| {
                        if recorder.is_left_out(bytes) {
                            recorder.from_module.echoes.skip(bytes);
                            return recorder.kept.text(bytes);
                        }
                        let echoes = &mut recorder.from_module.echoes;
                        echoes.redact(bytes, is_whole, &mut recorder.known)
                    })
                }
            }
        }
        self.from_module.runs = runs;
        if !line.is_empty() {
            let crlf = false;
            self.step_now(&Step::Expect(SerialLine { text: line, crlf }));
        }
    }

    fn waits_for_end(&self) -> bool {
        match self.from_module.runs.last() {
            Some(Run::Text(run) | Run::Echo(run)) => run.len() <= LINE_MAX && ends_in_secret(run),
            Some(Run::Payload(_) | Run::Secret(_)) | None => false,
        }
    }

    /// Writes all lines that end in these bytes; `line` is what has been said of the first one, and then of the next.
    fn write_lines(
        &mut self,
        bytes: &[u8],
        line: &mut Text,
        mut shown: impl FnMut(&mut Self, &[u8], bool) -> Text,
    ) {
        let mut rest = bytes;
        while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
            add(line, shown(self, &rest[..end], true));
            let (text, crlf) = (std::mem::take(line), true);
            self.step_now(&Step::Expect(SerialLine { text, crlf }));
            rest = &rest[end + 2..];
        }
        if !rest.is_empty() {
            add(line, shown(self, rest, false));
        }
    }

    /// Whether so long a line is payload, whoever it is from.
    fn is_left_out(&self, bytes: &[u8]) -> bool {
        bytes.len() > PAYLOAD_MAX && !may_be_secret(bytes) && !self.known.are_in(bytes)
    }
}

fn add(line: &mut Text, text: Text) {
    text.pieces.into_iter().for_each(|piece| line.push(piece));
}
