//! `~` lines: how time passes.

use std::fmt;

use espat_core::Duration;

use crate::error::At;
use crate::words::{Word, Words};

/// How time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeStep {
    /// `~ 30ms`: so long; timers that come due fire at their instants.
    For(Duration),
    /// `~ idle`: from timer to timer until none is due within the next hour, for an hour in all.
    Idle,
    /// `~ output`: from timer to timer until something came out; nothing where something already waits to be read.
    Output,
    /// `~ break`: no time passes, but the serial port says that a chunk ended.
    Break,
}

const UNITS: &[(&str, u64)] = &[
    ("us", 1),
    ("ms", 1000),
    ("s", 1_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
];

impl TimeStep {
    /// Reads what stands after `~ `.
    pub(crate) fn parse(source: &str, column: usize) -> Result<Self, At> {
        let words = &mut Words::new(source, column);
        let word = words.need("a duration, `idle`, `output` or `break`")?;
        let step = match word.text {
            "idle" => Self::Idle,
            "output" => Self::Output,
            "break" => Self::Break,
            _ => Self::For(parse_duration(&word)?),
        };
        words.end()?;
        Ok(step)
    }
}

impl fmt::Display for TimeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(duration) => f.write_str(&print_duration(*duration)),
            Self::Idle => f.write_str("idle"),
            Self::Output => f.write_str("output"),
            Self::Break => f.write_str("break"),
        }
    }
}

/// `30ms`, `1500us`, `2s`, `3min`, `1h`.
pub(crate) fn parse_duration(word: &Word<'_>) -> Result<Duration, At> {
    duration_of(word.text)
        .ok_or_else(|| word.unknown("a duration is a number with us, ms, s, min or h"))
}

/// The same, of a text.
pub(crate) fn duration_of(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = UNITS
        .iter()
        .find(|(name, _)| *name == &text[digits.len()..])
        .map(|&(_, us)| us);
    let us = unit.and_then(|unit| digits.parse::<u64>().ok()?.checked_mul(unit));
    let us = us.filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
    us.map(Duration::from_micros)
}

/// In the largest unit that holds it whole.
pub(crate) fn print_duration(duration: Duration) -> String {
    let us = duration.as_micros();
    let unit = UNITS
        .iter()
        .rev()
        .find(|&&(_, unit)| us != 0 && us.is_multiple_of(u128::from(unit)));
    match unit {
        Some((name, unit)) => format!("{}{name}", us / u128::from(*unit)),
        None => "0ms".into(),
    }
}
