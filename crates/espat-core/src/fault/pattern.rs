//! Patterns of command lines and serial bytes: `*` stands for any bytes, `?` for one; case does not matter.

use alloc::string::String;
use core::fmt;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern of this text. `\*`, `\?` and `\\` are the characters themselves.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether all of `bytes` is as the pattern says.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        matches(self.0.as_bytes(), bytes)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Goes back to the last `*` only: time grows with the product of both lengths, never beyond.
fn matches(pattern: &[u8], bytes: &[u8]) -> bool {
    let (mut p, mut b) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while b < bytes.len() {
        match element(&pattern[p..]) {
            Some((Element::Any, len)) => {
                p += len;
                star = Some((p, b));
            }
            Some((element, len)) if element.is(bytes[b]) => {
                p += len;
                b += 1;
            }
            Some(_) | None => {
                let Some((after, at)) = star else {
                    return false;
                };
                p = after;
                b = at + 1;
                star = Some((after, b));
            }
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

enum Element {
    Any,
    One,
    Byte(u8),
}

impl Element {
    fn is(&self, byte: u8) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Byte(own) => own.eq_ignore_ascii_case(&byte),
        }
    }
}

/// The pattern's next element and its length.
fn element(pattern: &[u8]) -> Option<(Element, usize)> {
    Some(match pattern {
        [] => return None,
        [b'*', ..] => (Element::Any, 1),
        [b'?', ..] => (Element::One, 1),
        [b'\\', byte @ (b'*' | b'?' | b'\\'), ..] => (Element::Byte(*byte), 2),
        [byte, ..] => (Element::Byte(*byte), 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_say_what_a_line_is() {
        for (pattern, line, holds) in [
            ("AT+CIPSEND*", "AT+CIPSEND=0,4", true),
            ("at+cipsend=?,4", "AT+CIPSEND=0,4", true),
            ("AT+CIPSEND", "AT+CIPSEND=0,4", false),
            ("AT+CIPSEND=\\?", "AT+CIPSEND=1", false),
            ("AT+CIPSEND=\\?", "AT+CIPSEND=?", true),
            ("*OK*", "\r\nSEND OK\r\n", true),
            ("*a*b*c", "xaybzbc", true),
            ("*a*b*c", "xaybzb", false),
            ("", "", true),
            ("**", "", true),
            ("", "A", false),
        ] {
            let found = Pattern::new(pattern).matches(line.as_bytes());
            assert_eq!(found, holds, "{pattern} on {line}");
        }
    }
}
