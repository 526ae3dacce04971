//! `do`: actions on runs of serial bytes.

use espat_core::Duration;
use espat_core::fault::{Action, ByteAction, InsertPlace, Inserted, Span, Way};

use super::action::{missing, span};
use super::table::{Source, Table};
use crate::error::ScriptError;

const WAYS: &[(&str, Way)] = &[("out", Way::Out), ("in", Way::In)];

/// The largest number of bytes that an action puts in or works on.
const BYTES_MAX: i64 = 4096;

fn bytes(table: &Table<'_>, action: ByteAction) -> Result<Action, ScriptError> {
    let way = table.word("way", WAYS)?.unwrap_or(Way::Out);
    Ok(Action::Bytes(way, action))
}

fn span_of_bytes(table: &Table<'_>, default: Option<usize>) -> Result<Span, ScriptError> {
    Ok(Span {
        at: table.count("at", 0..=65_535)?,
        bytes: table.count("bytes", 1..=65_535)?.or(default),
    })
}

pub(super) fn delay(_: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    let action = ByteAction::Delay {
        by: span(t, "250ms")?,
        jitter: t.time("jitter")?.unwrap_or_default(),
    };
    bytes(t, action)
}

pub(super) fn split(_: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    let action = ByteAction::Split {
        piece: t.count("bytes", 1..=65_535)?.unwrap_or(1),
        gap: t.time("gap")?.unwrap_or(Duration::from_millis(5)),
    };
    bytes(t, action)
}

pub(super) fn merge(_: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    let action = ByteAction::Merge {
        runs: t.count("runs", 2..=100)?.unwrap_or(2),
        within: t.time("within")?.unwrap_or(Duration::from_millis(100)),
    };
    bytes(t, action)
}

pub(super) fn drop_bytes(_: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    bytes(t, ByteAction::Drop(span_of_bytes(t, None)?))
}

pub(super) fn flip(_: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    let action = ByteAction::Flip {
        span: span_of_bytes(t, Some(1))?,
        bits: u8::try_from(t.number("bits", 1..=8)?.unwrap_or(1)).unwrap_or(1),
    };
    bytes(t, action)
}

pub(super) fn duplicate(_: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    let action = ByteAction::Duplicate {
        span: span_of_bytes(t, None)?,
        copies: t.count("copies", 1..=16)?.unwrap_or(1),
    };
    bytes(t, action)
}

pub(super) fn insert(source: &Source<'_>, t: &Table<'_>) -> Result<Action, ScriptError> {
    let noise = t.count("noise", 1..=BYTES_MAX)?;
    let inserted = match (t.text("bytes")?, noise) {
        (Some(text), None) => {
            let bytes = unescaped(&text.value);
            let is_fit = |bytes: &Vec<u8>| !bytes.is_empty() && bytes.len() <= 4096;
            let message = "`bytes` is a text of 1 to 4096 bytes; in '...' \\xNN is a byte and \\\\ a backslash";
            let bytes = bytes.filter(is_fit);
            Inserted::Bytes(bytes.ok_or_else(|| text.wrong(source, message))?)
        }
        (None, Some(noise)) => Inserted::Noise(noise),
        (Some(_), Some(_)) => {
            let message = "`bytes` and `noise` exclude each other: leave one of them out";
            return Err(t.wrong("noise", message));
        }
        (None, None) => return Err(missing(t, "bytes", "'\\x00'")),
    };
    let at = t.count("at", 0..=65_535)?;
    let place = t.word(
        "place",
        &[
            ("before", InsertPlace::Before),
            ("after", InsertPlace::After),
        ],
    )?;
    let place = match (place, at) {
        (Some(_), Some(_)) => {
            let message = "`place` and `at` exclude each other: leave one of them out";
            return Err(t.wrong("at", message));
        }
        (None, Some(at)) => InsertPlace::At(at),
        (place, None) => place.unwrap_or_default(),
    };
    bytes(
        t,
        ByteAction::Insert {
            bytes: inserted,
            place,
        },
    )
}

/// Text with `\xNN` and `\\`.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut parts = text.split('\\');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    while let Some(part) = parts.next() {
        if part.is_empty() {
            bytes.push(b'\\');
            bytes.extend(parts.next()?.bytes());
            continue;
        }
        let hex = part.strip_prefix('x')?.get(..2)?;
        // `from_str_radix` takes a sign too.
        let hex = Some(hex).filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend(part[3..].bytes());
    }
    Some(bytes)
}
