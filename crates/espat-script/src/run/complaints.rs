//! What a run says where the target did something else than is written.

use super::Run;
use crate::error::ScriptError;
use crate::matching::Miss;
use crate::plan::PlanStep;
use crate::render;
use crate::script::{SerialLine, Step, TEXT_COLUMN};
use crate::target::{Observed, Target};
use crate::text::{Place, Text, escape};

impl<T: Target> Run<'_, T> {
    pub(super) fn not_serial(&self, step: &PlanStep, line: &SerialLine) -> ScriptError {
        let mut error = self.plan.error(
            step,
            TEXT_COLUMN,
            "the module asked for something before it sent this",
        );
        error.details = format!(
            "expected:\n    <-{line}\nwhat came:{}",
            self.pending_lines()
        );
        error
    }

    pub(super) fn another(&self, step: &PlanStep) -> ScriptError {
        let message = if self.pending.is_empty() {
            "nothing came"
        } else {
            "something else came"
        };
        let mut error = self.plan.error(step, TEXT_COLUMN, message);
        error.details = format!(
            "expected:\n    {}\nwhat came:{}",
            step.step,
            self.pending_lines()
        );
        error
    }

    pub(super) fn differs(&self, step: &PlanStep, line: &SerialLine, miss: Miss) -> ScriptError {
        const BEFORE: usize = 48;
        let input = match self.pending.front() {
            Some(Observed::Serial(bytes)) => bytes.as_slice(),
            Some(Observed::Stream(..) | Observed::Ask(_)) | None => &[],
        };
        let source = &self.plan.scripts[step.script].lines[step.line - 1].source;
        let body = SerialLine::body(source);
        let body = if line.crlf {
            body
        } else {
            &body[..body.len() - 1]
        };
        let column = Text::column_of(body, TEXT_COLUMN, Place::Line, miss.token);
        let message = if input.is_empty() {
            "nothing came".to_owned()
        } else if miss.is_short && input.len() == miss.agreed {
            format!("only {} bytes of this came", input.len())
        } else {
            format!(
                "the module sent something else, from byte {} of this line on",
                miss.agreed
            )
        };
        let mut error = self.plan.error(step, column, message);
        let from = miss.agreed.saturating_sub(BEFORE);
        let agreed = escape_inner(&input[from..miss.agreed.min(input.len())]);
        let end = input[miss.agreed.min(input.len())..]
            .windows(2)
            .position(|w| w == b"\r\n");
        let to = end
            .map_or(input.len(), |end| miss.agreed + end + 2)
            .min(miss.agreed + BEFORE)
            .min(input.len());
        let came = escape_inner(&input[miss.agreed.min(input.len())..to]);
        let wanted = if line.crlf { "\\x0d\\x0a" } else { "" };
        error.details = format!(
            "expected: {}{wanted}\ncame:     {agreed}{came}\n          {}^\nwhat came:{}",
            line.text,
            " ".repeat(agreed.chars().count()),
            self.pending_lines()
        );
        error
    }

    /// The first lines of what waits, each on a line of its own with a margin.
    pub(super) fn pending_lines(&self) -> String {
        const SHOWN: usize = 12;
        let lines: Vec<Step> = self
            .pending
            .iter()
            .flat_map(render::lines)
            .take(SHOWN + 1)
            .collect();
        let mut out = String::new();
        for line in lines.iter().take(SHOWN) {
            let line = line.to_string();
            let short: String = line.chars().take(200).collect();
            out.push_str("\n    ");
            out.push_str(&short);
            if short.len() < line.len() {
                out.push_str(" ...");
            }
        }
        if lines.len() > SHOWN {
            out.push_str("\n    ...");
        }
        if lines.is_empty() {
            out.push_str("\n    (nothing)");
        }
        out
    }
}

fn escape_inner(bytes: &[u8]) -> String {
    let mut text = escape(bytes);
    if text.ends_with("\\x20") {
        text.truncate(text.len() - 4);
        text.push(' ');
    }
    text
}
