//! What is wrong with a transcript: file, line, column, the line itself and a caret.

use std::fmt;

/// Characters of a line that are shown.
const EXCERPT: usize = 200;

/// A fault in a transcript's text, or an expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The file's name as it was given to the parser.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line's text.
    pub source: String,
    /// What is wrong, and the way out.
    pub message: String,
    /// More lines for the reader, such as a byte diff; may be empty.
    pub details: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let (excerpt, indent) = excerpt(&self.source, self.column.saturating_sub(1));
        writeln!(
            f,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.message
        )?;
        writeln!(f, "{number} | {excerpt}")?;
        write!(f, "{margin} | {}^", " ".repeat(indent))?;
        if !self.details.is_empty() {
            write!(f, "\n{}", self.details.trim_end())?;
        }
        Ok(())
    }
}

impl std::error::Error for ScriptError {}

/// What is shown of a line, and where in it the caret stands. Control characters would move it, and the terminal would obey them.
fn excerpt(line: &str, caret: usize) -> (String, usize) {
    let from = caret.saturating_sub(EXCERPT / 2);
    let from = if caret < EXCERPT { 0 } else { from };
    let shown = line.chars().skip(from).take(EXCERPT);
    let shown = shown.map(|c| if c.is_control() { ' ' } else { c });
    (shown.collect(), caret - from)
}

/// A fault at a column of a line whose place in the file is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) column: usize,
    pub(crate) message: String,
}

impl At {
    pub(crate) fn new(column: usize, message: impl Into<String>) -> Self {
        Self {
            column,
            message: message.into(),
        }
    }

    pub(crate) fn in_line(self, file: &str, line: usize, source: &str) -> ScriptError {
        ScriptError {
            file: file.to_owned(),
            line,
            column: self.column,
            source: source.to_owned(),
            message: self.message,
            details: String::new(),
        }
    }
}
