//! A transcript: its lines, read from text and printed again.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::directive::Directive;
use crate::error::{At, ScriptError};
use crate::event::Event;
use crate::request::Request;
use crate::text::{Place, Text};
use crate::time::TimeStep;

/// A transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where it came from, for messages.
    pub name: String,
    /// Its lines, the first being line 1.
    pub lines: Vec<Line>,
    /// Where the files are that `@fault` names; none: beside the transcript, as its name says.
    pub(crate) folder: Option<PathBuf>,
}

/// A line: its text and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// As it stands in the file.
    pub source: String,
    /// What it means.
    pub kind: LineKind,
}

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// Nothing.
    Blank,
    /// `#` and this text.
    Comment(String),
    /// `@`: the module and its world.
    Directive(Directive),
    /// Something that is done or expected.
    Step(Step),
}

/// One thing that is done or expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `->`: the host MCU sends a line.
    Send(SerialLine),
    /// `<-`: the module sends a line.
    Expect(SerialLine),
    /// `=>`: the core asks something of the world.
    Ask(Request),
    /// `<=`: the world answers or does something.
    World(Event),
    /// `~`: time passes.
    Time(TimeStep),
}

/// Bytes on the serial line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// Its bytes, the line end excluded.
    pub text: Text,
    /// Whether CR LF ends it.
    pub crlf: bool,
}

/// The column at which a step's own text starts: after the arrow and its space.
pub(crate) const TEXT_COLUMN: usize = 4;

impl Script {
    /// Reads a transcript; `name` is what messages call it.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse(text: &str, name: &str) -> Result<Self, ScriptError> {
        let mut lines = Vec::new();
        let mut has_steps = false;
        for (i, source) in text.lines().enumerate() {
            // A CR belongs to the line end, however many there are.
            let source = source.trim_end_matches('\r');
            let kind = LineKind::parse(source).map_err(|at| at.in_line(name, i + 1, source))?;
            if has_steps && matches!(kind, LineKind::Directive(_)) {
                let at = At::new(1, "directives stand before the first step");
                return Err(at.in_line(name, i + 1, source));
            }
            has_steps |= matches!(kind, LineKind::Step(_));
            lines.push(Line {
                source: source.to_owned(),
                kind,
            });
        }
        Ok(Self {
            name: name.to_owned(),
            lines,
            folder: None,
        })
    }

    /// The files that `@fault` names are in this folder, whatever the transcript's name is.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Where those files are.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder
            .as_deref()
            .or_else(|| Path::new(&self.name).parent())
    }

    /// The transcript in its canonical form.
    #[must_use]
    pub fn print(&self) -> String {
        self.lines
            .iter()
            .map(|line| format!("{}\n", line.kind))
            .collect()
    }

    /// The transcript as it was written.
    #[must_use]
    pub fn source(&self) -> String {
        self.lines
            .iter()
            .map(|line| format!("{}\n", line.source))
            .collect()
    }

    /// Its directives.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        self.lines.iter().filter_map(|line| match &line.kind {
            LineKind::Directive(directive) => Some(directive),
            LineKind::Blank | LineKind::Comment(_) | LineKind::Step(_) => None,
        })
    }

    /// Its steps, each with the number of its line.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.lines
            .iter()
            .enumerate()
            .filter_map(|(i, line)| match &line.kind {
                LineKind::Step(step) => Some((i + 1, step)),
                LineKind::Blank | LineKind::Comment(_) | LineKind::Directive(_) => None,
            })
    }

    pub(crate) fn error(
        &self,
        line: usize,
        column: usize,
        message: impl Into<String>,
    ) -> ScriptError {
        let source = self
            .lines
            .get(line.wrapping_sub(1))
            .map_or("", |line| line.source.as_str());
        At::new(column, message).in_line(&self.name, line, source)
    }
}

impl LineKind {
    fn parse(source: &str) -> Result<Self, At> {
        if let Some(comment) = source.strip_prefix('#') {
            return Ok(Self::Comment(comment.to_owned()));
        }
        if let Some(directive) = source.strip_prefix('@') {
            return Directive::parse(directive, 2).map(Self::Directive);
        }
        if source.trim().is_empty() {
            return Ok(Self::Blank);
        }
        if let Some(time) = source.strip_prefix("~ ") {
            return TimeStep::parse(time, 3).map(|time| Self::Step(Step::Time(time)));
        }
        let (arrow, text) = source.split_at_checked(2).unwrap_or((source, ""));
        let rest = text.strip_prefix(' ');
        if rest.is_none() && !text.is_empty() {
            return Err(At::new(3, "a space is expected after the arrow"));
        }
        let rest = rest.unwrap_or_default();
        let step = match arrow {
            "->" => Step::Send(SerialLine::parse(rest)?),
            "<-" => Step::Expect(SerialLine::parse(rest)?),
            "=>" => Step::Ask(Request::parse(rest, TEXT_COLUMN)?),
            "<=" => Step::World(Event::parse(rest, TEXT_COLUMN)?),
            _ => {
                return Err(At::new(
                    1,
                    "a line starts with `->`, `<-`, `=>`, `<=`, `~ `, `@` or `#`, or is empty",
                ));
            }
        };
        Ok(Self::Step(step))
    }
}

impl fmt::Display for LineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => Ok(()),
            Self::Comment(comment) => write!(f, "#{comment}"),
            Self::Directive(directive) => write!(f, "@{directive}"),
            Self::Step(step) => write!(f, "{step}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(line) => write!(f, "->{line}"),
            Self::Expect(line) => write!(f, "<-{line}"),
            Self::Ask(request) => write!(f, "=> {request}"),
            Self::World(event) => write!(f, "<= {event}"),
            Self::Time(time) => write!(f, "~ {time}"),
        }
    }
}

impl SerialLine {
    fn parse(source: &str) -> Result<Self, At> {
        let backslashes = source.len() - source.trim_end_matches('\\').len();
        let crlf = backslashes.is_multiple_of(2);
        let body = if crlf {
            source
        } else {
            &source[..source.len() - 1]
        };
        if crlf && body.ends_with(' ') {
            let column = TEXT_COLUMN + body.chars().count() - 1;
            return Err(At::new(
                column,
                "a space at the end of a line is written \\x20",
            ));
        }
        Ok(Self {
            text: Text::parse(body, TEXT_COLUMN, Place::Line)?,
            crlf,
        })
    }

    /// The part of a step's source line that holds the text.
    pub(crate) fn body(source: &str) -> &str {
        source.get(TEXT_COLUMN - 1..).unwrap_or_default()
    }
}

/// A space and the text, or nothing for an empty line.
impl fmt::Display for SerialLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.crlf { "" } else { "\\" };
        if self.text.is_empty() && self.crlf {
            Ok(())
        } else {
            write!(f, " {}{end}", self.text)
        }
    }
}
