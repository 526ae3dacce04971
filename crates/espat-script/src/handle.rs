//! What lines call a socket or a query.

use std::fmt;

use crate::words::Word;

/// A socket or a query, numbered in the order in which they appear: `s0`, `a0`, `q0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handle {
    /// A socket that the core asked for.
    Socket(u32),
    /// A client that a listener accepted.
    Accepted(u32),
    /// A question to the world.
    Query(u32),
}

impl Handle {
    /// `s0`, `a0` or `q0`.
    pub(crate) fn parse(word: &Word<'_>) -> Option<Self> {
        let digits = word
            .text
            .get(1..)
            .filter(|d| *d == "0" || !d.starts_with('0'))?;
        let number = digits
            .parse()
            .ok()
            .filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
        match word.text.as_bytes()[0] {
            b's' => Some(Self::Socket(number)),
            b'a' => Some(Self::Accepted(number)),
            b'q' => Some(Self::Query(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(n) => write!(f, "s{n}"),
            Self::Accepted(n) => write!(f, "a{n}"),
            Self::Query(n) => write!(f, "q{n}"),
        }
    }
}
