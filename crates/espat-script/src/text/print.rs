//! Writes a text so that it reads back as the same.

use std::fmt::Write as _;

use super::{DEFAULT_SECRET, Payload, Piece, Place, Text};

impl Text {
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
                Piece::Payload(payload) => payload.print(out),
            }
        }
    }
}

impl Payload {
    fn print(&self, out: &mut String) {
        let Self { len, crc32, at } = self;
        let _ = write!(out, "{{payload {len} crc32:");
        crc32
            .to_be_bytes()
            .iter()
            .for_each(|byte| print_hex(out, *byte));
        if let Some(at) = at {
            let _ = write!(out, " at:{at}");
        }
        out.push('}');
    }

    /// As a text with these bytes before and after it is printed.
    pub(crate) fn print_between(&self, out: &mut String, ends: [&[u8]; 2], place: Place) {
        let around = |first| Around {
            place,
            first,
            after_repeat: false,
            last: !first,
        };
        print_bytes(out, ends[0], around(true));
        self.print(out);
        print_bytes(out, ends[1], around(false));
    }
}

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
            out.push_str("\\x");
            print_hex(out, byte);
        }
    }
}

fn print_hex(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for digit in [byte >> 4, byte & 15] {
        out.push(char::from(DIGITS[usize::from(digit)]));
    }
}
