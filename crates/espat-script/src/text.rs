//! The bytes of a transcript line: escapes, repeats, wildcards and names that stand for a peer's address.

mod print;
mod tokens;

pub use print::escape;
pub(crate) use tokens::{closing_quote, repeat};

use std::fmt;

use crate::error::At;
use tokens::Tokens;

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
        let mut tokens = Tokens::new(source, column, place);
        while let Some((_, piece)) = tokens.next()? {
            text.push(piece);
        }
        Ok(text)
    }

    /// The column of the byte or part number `index`, where each byte of [`Piece::Bytes`] and each other part counts one.
    pub(crate) fn column_of(source: &str, column: usize, place: Place, index: usize) -> usize {
        let mut tokens = Tokens::new(source, column, place);
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
