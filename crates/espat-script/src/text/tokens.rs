//! Reads the parts of a text.

use super::{DEFAULT_SECRET, Payload, Piece, Place, REPEAT_MAX, Text};
use crate::error::At;
use crate::peer;

pub(super) struct Tokens<'a> {
    source: &'a str,
    at: usize,
    column: usize,
    place: Place,
}

impl<'a> Tokens<'a> {
    /// Those of `source`, whose first character stands at `column`.
    pub(super) fn new(source: &'a str, column: usize, place: Place) -> Self {
        Self {
            source,
            at: 0,
            column,
            place,
        }
    }

    /// The next part with its column; a final `\` of a line must have been taken off before.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Piece)>, At> {
        let rest = &self.source[self.at..];
        let Some(first) = rest.chars().next() else {
            return Ok(None);
        };
        let column = self.column;
        let (len, piece) = match first {
            '\\' => escape_sequence(rest, self.place).map_err(|m| At::new(column, m))?,
            '"' if self.place == Place::Line => {
                match repeat(rest).map_err(|m| At::new(column, m))? {
                    Some(found) => found,
                    None => (1, Piece::Bytes(b"\"".to_vec())),
                }
            }
            '{' => braced(rest)
                .map_err(|m| At::new(column, m))?
                .unwrap_or_else(|| (1, Piece::Bytes(b"{".to_vec()))),
            '$' => peer::parse_name(rest).unwrap_or_else(|| (1, Piece::Bytes(b"$".to_vec()))),
            c => (c.len_utf8(), Piece::Bytes(rest[..c.len_utf8()].into())),
        };
        self.column += rest[..len].chars().count();
        self.at += len;
        Ok(Some((column, piece)))
    }
}

fn escape_sequence(rest: &str, place: Place) -> Result<(usize, Piece), String> {
    let byte = match rest.as_bytes().get(1) {
        Some(b'\\') => return Ok((2, Piece::Bytes(b"\\".to_vec()))),
        Some(b'"') if place == Place::Quoted => return Ok((2, Piece::Bytes(b"\"".to_vec()))),
        Some(b'x') => rest
            .get(2..4)
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())),
        _ => None,
    };
    let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok());
    let byte = byte.ok_or("`\\` starts `\\xNN` or `\\\\`, or ends a line that has no CR LF")?;
    Ok((4, Piece::Bytes(vec![byte])))
}

/// `"ab"*1024` at the start of `rest`.
pub(crate) fn repeat(rest: &str) -> Result<Option<(usize, Piece)>, String> {
    let Some(close) = closing_quote(rest) else {
        return Ok(None);
    };
    let Some(after) = rest[close + 1..].strip_prefix('*') else {
        return Ok(None);
    };
    let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 {
        return Ok(None);
    }
    let inner = Text::parse(&rest[1..close], 0, Place::Quoted).map_err(|at| at.message)?;
    let bytes = match inner.pieces.as_slice() {
        [Piece::Bytes(bytes)] => bytes.clone(),
        _ => return Err("a repeat has plain bytes between its quotes, at least one".into()),
    };
    let count = after[..digits]
        .parse::<usize>()
        .ok()
        .filter(|&n| n > 0 && n <= REPEAT_MAX / bytes.len());
    let count = count.ok_or_else(|| format!("a repeat makes 1 to {REPEAT_MAX} bytes"))?;
    Ok(Some((close + 2 + digits, Piece::Repeat { bytes, count })))
}

/// The place of the quote that closes the one at the start.
pub(crate) fn closing_quote(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut i = 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            b'"' => return Some(i),
            _ => i += 1,
        }
    }
    None
}

fn braced(rest: &str) -> Result<Option<(usize, Piece)>, String> {
    for (word, piece) in [("{any}", Piece::Any), ("{int}", Piece::Int)] {
        if rest.starts_with(word) {
            return Ok(Some((word.len(), piece)));
        }
    }
    let Some(close) = rest.find('}') else {
        return Ok(None);
    };
    let inner = &rest[1..close];
    let piece = if inner == DEFAULT_SECRET {
        Piece::Secret(DEFAULT_SECRET.into())
    } else if let Some(name) = inner.strip_prefix("secret:") {
        if name.is_empty()
            || !name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        {
            return Err("the name in `{secret:NAME}` has letters, digits, `-` and `_`".into());
        }
        Piece::Secret(name.into())
    } else if let Some(payload) = inner.strip_prefix("payload ") {
        let parsed = left_out(payload);
        let form = "left-out payload is written `{payload LENGTH crc32:8 hex digits}`, or with ` at:OFFSET`";
        Piece::Payload(parsed.ok_or(form)?)
    } else {
        return Ok(None);
    };
    Ok(Some((close + 1, piece)))
}

fn left_out(source: &str) -> Option<Payload> {
    let mut words = source.split(' ');
    let len = words.next()?.parse().ok()?;
    let hex = words
        .next()?
        .strip_prefix("crc32:")
        .filter(|hex| hex.len() == 8)?;
    let crc32 = hex
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(hex, 16).ok())??;
    let at = match words.next() {
        None => None,
        Some(word) => Some(word.strip_prefix("at:")?.parse().ok()?),
    };
    words.next().is_none().then_some(Payload { len, crc32, at })
}
