//! Compares bytes with a text: exact bytes, wildcards, left-out payload.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::peer;
use crate::text::{Piece, Text};

/// What the names in a transcript stand for in one run.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Real addresses of peers; the others have the address of the simulated network.
    pub peers: BTreeMap<u8, SocketAddr>,
    /// Secrets by name; `{secret}` is named `secret`.
    pub secrets: BTreeMap<String, Vec<u8>>,
    /// Payload that was recorded beside the transcript.
    pub payload: Vec<u8>,
    /// What a secret without a value is.
    pub default_secret: Option<Vec<u8>>,
}

impl Names {
    fn peer(&self, n: u8) -> SocketAddr {
        self.peers
            .get(&n)
            .copied()
            .unwrap_or_else(|| peer::address(n))
    }
}

/// Where and how bytes differ from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Miss {
    /// The number of the text's byte or part, as [`Text::column_of`] counts them.
    pub(crate) token: usize,
    /// How many bytes of the input agreed.
    pub(crate) agreed: usize,
    /// Whether more input could make it agree.
    pub(crate) is_short: bool,
}

const LEFT_OUT: &str = "this payload was left out of the record and cannot be sent: record with --record-payload and keep the file beside";

enum Part<'a> {
    Bytes(std::borrow::Cow<'a, [u8]>),
    Any,
    Int,
    Payload { len: usize, crc32: u32 },
}

impl Text {
    /// The bytes that it stands for.
    ///
    /// # Errors
    /// It has a wildcard, left-out payload or a secret that has no value.
    pub fn resolve(&self, names: &Names) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Repeat { bytes, count } => out.extend(bytes.repeat(*count)),
                Piece::PeerIp(n) => out.extend(names.peer(*n).ip().to_string().bytes()),
                Piece::PeerPort(n) => out.extend(names.peer(*n).port().to_string().bytes()),
                Piece::Secret(name) => {
                    let value = names.secrets.get(name).or(names.default_secret.as_ref());
                    let value = value.ok_or_else(|| {
                        format!("the secret `{name}` has no value: give --secret {name}=VALUE")
                    })?;
                    out.extend_from_slice(value);
                }
                Piece::Any | Piece::Int => return Err("a wildcard cannot be sent".into()),
                Piece::Payload(payload) => {
                    let kept = payload
                        .at
                        .and_then(|at| names.payload.get(at..at.checked_add(payload.len)?));
                    let kept = kept.filter(|kept| crc32_of(kept) == payload.crc32);
                    out.extend_from_slice(kept.ok_or(LEFT_OUT)?);
                }
            }
        }
        Ok(out)
    }

    /// How many bytes it stands for, where that is known.
    #[must_use]
    pub fn byte_count(&self, names: &Names) -> Option<usize> {
        let count = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => Some(bytes.len()),
            Piece::Repeat { bytes, count } => Some(bytes.len() * count),
            Piece::PeerIp(n) => Some(names.peer(*n).ip().to_string().len()),
            Piece::PeerPort(n) => Some(names.peer(*n).port().to_string().len()),
            Piece::Secret(name) => {
                let value = names.secrets.get(name).or(names.default_secret.as_ref());
                value.map(Vec::len)
            }
            Piece::Payload(payload) => Some(payload.len),
            Piece::Any | Piece::Int => None,
        };
        self.pieces.iter().map(count).sum()
    }

    /// How many bytes at the start of `input` this text, and CR LF where `crlf` says so, stands for.
    pub(crate) fn match_start(
        &self,
        crlf: bool,
        input: &[u8],
        names: &Names,
    ) -> Result<usize, Miss> {
        let mut parts = Vec::with_capacity(self.pieces.len() + 1);
        let mut token = 0;
        for piece in &self.pieces {
            let part = match piece {
                Piece::Bytes(bytes) => Part::Bytes(bytes.into()),
                Piece::Repeat { bytes, count } => Part::Bytes(bytes.repeat(*count).into()),
                Piece::PeerIp(n) => {
                    Part::Bytes(names.peer(*n).ip().to_string().into_bytes().into())
                }
                Piece::PeerPort(n) => {
                    Part::Bytes(names.peer(*n).port().to_string().into_bytes().into())
                }
                Piece::Any | Piece::Secret(_) => Part::Any,
                Piece::Int => Part::Int,
                Piece::Payload(left) => Part::Payload {
                    len: left.len,
                    crc32: left.crc32,
                },
            };
            let per_byte = matches!(piece, Piece::Bytes(_));
            parts.push((token, per_byte, part));
            token += if let Piece::Bytes(bytes) = piece {
                bytes.len()
            } else {
                1
            };
        }
        if crlf {
            parts.push((token, false, Part::Bytes(b"\r\n".as_slice().into())));
        }
        let mut search = Search {
            parts: &parts,
            input,
            miss: Miss {
                token: 0,
                agreed: 0,
                is_short: false,
            },
        };
        search.from(0, 0).ok_or(search.miss)
    }
}

struct Search<'a> {
    parts: &'a [(usize, bool, Part<'a>)],
    input: &'a [u8],
    miss: Miss,
}

impl Search<'_> {
    fn from(&mut self, part: usize, at: usize) -> Option<usize> {
        let parts = self.parts;
        let Some((token, per_byte, kind)) = parts.get(part) else {
            return Some(at);
        };
        let rest = &self.input[at..];
        match kind {
            Part::Bytes(bytes) => {
                let agreed = bytes.iter().zip(rest).take_while(|(a, b)| a == b).count();
                if agreed == bytes.len() {
                    return self.from(part + 1, at + agreed);
                }
                self.missed(
                    token + if *per_byte { agreed } else { 0 },
                    at + agreed,
                    agreed == rest.len(),
                )
            }
            Part::Any => {
                let most = rest
                    .windows(2)
                    .position(|w| w == b"\r\n")
                    .unwrap_or(rest.len());
                (0..=most)
                    .rev()
                    .find_map(|len| self.from(part + 1, at + len))
            }
            Part::Int => {
                let sign = usize::from(rest.first() == Some(&b'-'));
                let digits = rest[sign..]
                    .iter()
                    .take_while(|b| b.is_ascii_digit())
                    .count();
                if digits == 0 {
                    return self.missed(*token, at, rest.len() == sign);
                }
                self.from(part + 1, at + sign + digits)
            }
            Part::Payload { len, crc32 } => match rest.get(..*len) {
                Some(payload) if crc32_of(payload) == *crc32 => self.from(part + 1, at + len),
                Some(_) => self.missed(*token, at, false),
                None => self.missed(*token, at, true),
            },
        }
    }

    fn missed(&mut self, token: usize, agreed: usize, is_short: bool) -> Option<usize> {
        self.miss.is_short |= is_short;
        if (token, agreed) >= (self.miss.token, self.miss.agreed) {
            (self.miss.token, self.miss.agreed) = (token, agreed);
        }
        None
    }
}

/// CRC-32 as zlib has it.
#[must_use]
pub fn crc32_of(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Place;

    fn matched(text: &str, crlf: bool, input: &[u8]) -> Result<usize, Miss> {
        Text::parse(text, 1, Place::Line)
            .unwrap()
            .match_start(crlf, input, &Names::default())
    }

    #[test]
    fn exact_bytes_match_up_to_their_end() {
        assert_eq!(matched("OK", true, b"OK\r\nrest"), Ok(4));
        assert_eq!(matched(">", false, b">rest"), Ok(1));
        assert_eq!(
            matched("OK", true, b"OX\r\n"),
            Err(Miss {
                token: 1,
                agreed: 1,
                is_short: false
            })
        );
        assert_eq!(
            matched("OK", true, b"OK\r"),
            Err(Miss {
                token: 2,
                agreed: 3,
                is_short: true
            })
        );
    }

    #[test]
    fn wildcards_stay_within_the_line() {
        assert_eq!(
            matched("+X:{int},{any}", true, b"+X:-12,a\rb\r\nOK\r\n"),
            Ok(12)
        );
        assert_eq!(matched("{any}5", true, b"4545\r\n"), Ok(6));
        assert!(matched("{int}", true, b"x\r\n").is_err());
        assert!(matched("{any}OK", true, b"a\r\nOK\r\n").is_err());
    }

    #[test]
    fn left_out_payload_is_compared_by_its_checksum() {
        assert_eq!(crc32_of(b"123456789"), 0xcbf4_3926);
        assert_eq!(
            matched(
                "+IPD,9:{payload 9 crc32:cbf43926}",
                false,
                b"+IPD,9:123456789"
            ),
            Ok(16)
        );
        assert!(matched("{payload 9 crc32:cbf43926}", false, b"123456780").is_err());
    }
}
