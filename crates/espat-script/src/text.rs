//! The bytes of a transcript line: escapes, repeats, wildcards and names that stand for a peer's address.

use std::fmt;
use std::fmt::Write as _;

use crate::error::At;
use crate::peer;

/// Bytes as a transcript writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The parts, in order; neighbouring [`Piece::Bytes`] are one.
    pub pieces: Vec<Piece>,
}

/// A part of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// `"ab"*1024`: these bytes, so many times.
    Repeat {
        /// The bytes of one round.
        bytes: Vec<u8>,
        /// Rounds.
        count: usize,
    },
    /// `{any}`: any bytes but CR LF, or none.
    Any,
    /// `{int}`: a decimal number, a sign before it if there is one.
    Int,
    /// `{secret}` or `{secret:NAME}`: a redacted secret.
    Secret(String),
    /// `$p0.ip`: the address of a peer that the runner owns.
    PeerIp(u8),
    /// `$p0.port`: its port.
    PeerPort(u8),
    /// `{payload 2048 crc32:0011aabb}`: payload that a recorder left out; matches bytes of that length and checksum.
    Payload(Payload),
}

/// Payload that a recorder left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// How many bytes it was.
    pub len: usize,
    /// Their CRC-32 (ISO-HDLC, as zlib has it).
    pub crc32: u32,
    /// `at:4096`: where they are in the file beside the transcript, if they were kept.
    pub at: Option<usize>,
}

/// The most bytes that one repeat may make.
pub const REPEAT_MAX: usize = 64 << 20;

/// Where a text stands: on a line of its own, or between quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Line,
    Quoted,
}

impl Text {
    /// A text of just these bytes.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        let mut text = Self::default();
        text.push_bytes(bytes);
        text
    }

    /// Adds bytes at the end.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(Piece::Bytes(last)) = self.pieces.last_mut() {
            last.extend_from_slice(bytes);
        } else {
            self.pieces.push(Piece::Bytes(bytes.to_vec()));
        }
    }

    /// Adds another text at the end.
    pub fn push(&mut self, piece: Piece) {
        if let Piece::Bytes(bytes) = &piece {
            self.push_bytes(bytes);
        } else {
            self.pieces.push(piece);
        }
    }

    /// Whether it has no part.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether it stands for exactly one sequence of bytes once peers and secrets are known.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self
            .pieces
            .iter()
            .any(|p| matches!(p, Piece::Any | Piece::Int | Piece::Payload(_)))
    }

    /// Reads `source`, whose first character stands at `column`.
    pub(crate) fn parse(source: &str, column: usize, place: Place) -> Result<Self, At> {
        let mut text = Self::default();
        let mut tokens = Tokens {
            source,
            at: 0,
            column,
            place,
        };
        while let Some((_, piece)) = tokens.next()? {
            text.push(piece);
        }
        Ok(text)
    }

    /// The column of the byte or part number `index`, where each byte of [`Piece::Bytes`] and each other part counts one.
    pub(crate) fn column_of(source: &str, column: usize, place: Place, index: usize) -> usize {
        let mut tokens = Tokens {
            source,
            at: 0,
            column,
            place,
        };
        let mut count = 0;
        while let Ok(Some((at, piece))) = tokens.next() {
            count += if let Piece::Bytes(bytes) = &piece {
                bytes.len()
            } else {
                1
            };
            if count > index {
                return at;
            }
        }
        column + source.chars().count()
    }

    pub(crate) fn print(&self, out: &mut String, place: Place) {
        for (i, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Bytes(bytes) => {
                    let after_repeat = i > 0 && matches!(self.pieces[i - 1], Piece::Repeat { .. });
                    let last = i + 1 == self.pieces.len();
                    print_bytes(
                        out,
                        bytes,
                        Around {
                            place,
                            first: i == 0,
                            after_repeat,
                            last,
                        },
                    );
                }
                Piece::Repeat { bytes, count } => {
                    out.push('"');
                    let around = Around {
                        place: Place::Quoted,
                        first: false,
                        after_repeat: false,
                        last: false,
                    };
                    print_bytes(out, bytes, around);
                    let _ = write!(out, "\"*{count}");
                }
                Piece::Any => out.push_str("{any}"),
                Piece::Int => out.push_str("{int}"),
                Piece::Secret(name) if name == DEFAULT_SECRET => out.push_str("{secret}"),
                Piece::Secret(name) => {
                    let _ = write!(out, "{{secret:{name}}}");
                }
                Piece::PeerIp(n) => {
                    let _ = write!(out, "$p{n}.ip");
                }
                Piece::PeerPort(n) => {
                    let _ = write!(out, "$p{n}.port");
                }
                Piece::Payload(Payload { len, crc32, at }) => {
                    let _ = write!(out, "{{payload {len} crc32:{crc32:08x}");
                    if let Some(at) = at {
                        let _ = write!(out, " at:{at}");
                    }
                    out.push('}');
                }
            }
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.print(&mut out, Place::Line);
        f.write_str(&out)
    }
}

/// The name that `{secret}` stands for.
pub(crate) const DEFAULT_SECRET: &str = "secret";

/// Bytes as a transcript line shows them, everything special escaped.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::new();
    print_bytes(
        &mut out,
        bytes,
        Around {
            place: Place::Line,
            first: true,
            after_repeat: false,
            last: true,
        },
    );
    out
}

/// What stands around bytes that are printed.
#[derive(Clone, Copy)]
struct Around {
    place: Place,
    first: bool,
    after_repeat: bool,
    last: bool,
}

fn print_bytes(out: &mut String, bytes: &[u8], around: Around) {
    let Around {
        place,
        first,
        after_repeat,
        last,
    } = around;
    for (i, &byte) in bytes.iter().enumerate() {
        let rest = &bytes[i + 1..];
        let plain = match byte {
            b'\\' => {
                out.push_str("\\\\");
                continue;
            }
            b'"' if place == Place::Quoted => {
                out.push_str("\\\"");
                continue;
            }
            b' ' => place == Place::Quoted || !(last && rest.is_empty()),
            b'{' => {
                !(rest.starts_with(b"any}")
                    || rest.starts_with(b"int}")
                    || rest.starts_with(b"secret")
                    || rest.starts_with(b"payload "))
            }
            b'$' => !rest.starts_with(b"p"),
            // After a closing quote it would make a repeat; after a repeat's count a digit would lengthen it.
            b'*' => {
                if i == 0 {
                    first && place == Place::Line
                } else {
                    bytes[i - 1] != b'"'
                }
            }
            b'0'..=b'9' => !(after_repeat && i == 0),
            0x21..=0x7e => true,
            _ => false,
        };
        if plain {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

struct Tokens<'a> {
    source: &'a str,
    at: usize,
    column: usize,
    place: Place,
}

impl Tokens<'_> {
    /// The next part with its column; a final `\` of a line must have been taken off before.
    fn next(&mut self) -> Result<Option<(usize, Piece)>, At> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn line(source: &str) -> Text {
        Text::parse(source, 1, Place::Line).unwrap()
    }

    #[test]
    fn only_the_documented_forms_are_special() {
        for plain in [
            "AT+X=\"a\",\"b\"",
            "{",
            "{ any}",
            "$5",
            "$q0.ip",
            "\"ab\"*",
            "*3",
            "\"ab\" *3",
            "a b",
        ] {
            assert_eq!(line(plain), Text::bytes(plain.as_bytes()), "{plain}");
        }
        assert_eq!(line("a\\x00\\\\").pieces, [Piece::Bytes(b"a\0\\".to_vec())]);
        let repeat = Piece::Repeat {
            bytes: b"ab".to_vec(),
            count: 3,
        };
        assert_eq!(
            line("+IPD,6:\"ab\"*3").pieces,
            [Piece::Bytes(b"+IPD,6:".to_vec()), repeat]
        );
        assert_eq!(
            line("{any}{int}{secret}").pieces,
            [Piece::Any, Piece::Int, Piece::Secret("secret".into())]
        );
        assert_eq!(line("$p0.ip:$p1.port").pieces[2], Piece::PeerPort(1));
    }

    #[test]
    fn a_bad_escape_is_refused_at_its_column() {
        for (source, column) in [
            ("ab\\q", 3),
            ("\\x0", 1),
            ("\"a\"*0", 1),
            ("x\"a\"*999999999999", 2),
            ("{secret:}", 1),
        ] {
            assert_eq!(
                Text::parse(source, 1, Place::Line).unwrap_err().column,
                column,
                "{source}"
            );
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same() {
        let mut texts = vec![
            Text::bytes(b"\"ab\"*3{any}$p0.ip \x00\xff\\ "),
            Text::bytes(b"{secret}{payload 3"),
        ];
        texts.push(Text {
            pieces: vec![
                Piece::Repeat {
                    bytes: b"\"\\".to_vec(),
                    count: 2,
                },
                Piece::Bytes(b"7*".to_vec()),
                Piece::Payload(Payload {
                    len: 3,
                    crc32: 0xab,
                    at: Some(7),
                }),
                Piece::Secret("psk".into()),
            ],
        });
        for text in texts {
            assert_eq!(line(&text.to_string()), text, "{text}");
        }
    }

    #[test]
    fn columns_count_escapes_and_repeats_as_written() {
        assert_eq!(Text::column_of("a\\x00b", 4, Place::Line, 2), 9);
        assert_eq!(Text::column_of("\"ab\"*5z", 1, Place::Line, 1), 7);
        assert_eq!(Text::column_of("ab", 1, Place::Line, 2), 3);
    }
}
