//! The words of a directive, request or event line, each with its column.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::error::At;
use crate::peer;
use crate::redact::SECRET;
use crate::text::{DEFAULT_SECRET, Piece, Place, Text, closing_quote, repeat};

/// Splits at spaces outside of quotes.
pub(crate) struct Words<'a> {
    rest: &'a str,
    column: usize,
}

/// One word: `80`, `"a b"`, `name="a b"`, `nodelay`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) column: usize,
}

impl<'a> Words<'a> {
    pub(crate) fn new(source: &'a str, column: usize) -> Self {
        Self {
            rest: source,
            column,
        }
    }

    /// The next word, or a complaint that `what` is missing.
    pub(crate) fn need(&mut self, what: &str) -> Result<Word<'a>, At> {
        let column = self.column;
        self.next()?
            .ok_or_else(|| At::new(column, format!("{what} is missing")))
    }

    pub(crate) fn next(&mut self) -> Result<Option<Word<'a>>, At> {
        let trimmed = self.rest.trim_start_matches(' ');
        self.column += self.rest.len() - trimmed.len();
        self.rest = trimmed;
        if trimmed.is_empty() {
            return Ok(None);
        }
        let mut end = 0;
        while let Some(c) = trimmed[end..].chars().next() {
            match c {
                ' ' => break,
                '"' => {
                    let close = closing_quote(&trimmed[end..]);
                    end += 1 + close
                        .ok_or_else(|| At::new(self.column + end, "a quote is not closed"))?;
                }
                _ => end += c.len_utf8(),
            }
        }
        let word = Word {
            text: &trimmed[..end],
            column: self.column,
        };
        self.column += word.text.chars().count();
        self.rest = &trimmed[end..];
        Ok(Some(word))
    }

    /// All that is left, as plain text.
    pub(crate) fn rest(&mut self) -> &'a str {
        let rest = self.rest.trim();
        self.rest = "";
        rest
    }

    /// Complains about a word too many.
    pub(crate) fn end(&mut self) -> Result<(), At> {
        self.next()?.map_or(Ok(()), |word| {
            Err(word.unknown("nothing more is expected here"))
        })
    }
}

impl<'a> Word<'a> {
    pub(crate) fn unknown(&self, why: &str) -> At {
        At::new(self.column, format!("`{}`: {why}", self.text))
    }

    /// `key=value` as its halves; a word without `=` has the value `None`.
    pub(crate) fn key_value(&self) -> (&'a str, Option<Self>) {
        match self.text.split_once('=') {
            Some((key, value)) if !key.contains('"') => (
                key,
                Some(Word {
                    text: value,
                    column: self.column + key.chars().count() + 1,
                }),
            ),
            _ => (self.text, None),
        }
    }

    pub(crate) fn number<T: FromStr>(&self, what: &str) -> Result<T, At> {
        self.text
            .parse()
            .map_err(|_| self.unknown(&format!("{what} is a number in its range")))
    }

    pub(crate) fn ip(&self) -> Result<IpAddr, At> {
        peer::expand(self.text)
            .parse()
            .map_err(|_| self.unknown("an IP address is expected"))
    }

    pub(crate) fn addr(&self) -> Result<SocketAddr, At> {
        peer::expand(self.text)
            .parse()
            .map_err(|_| self.unknown("IP:PORT is expected ([IP]:PORT for IPv6)"))
    }

    /// One of these words.
    pub(crate) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, At> {
        choices
            .iter()
            .find(|(name, _)| *name == self.text)
            .map(|&(_, value)| value)
            .ok_or_else(|| {
                let names = choices
                    .iter()
                    .map(|(name, _)| *name)
                    .collect::<Vec<_>>()
                    .join(", ");
                self.unknown(&format!("one of {names} is expected"))
            })
    }

    /// `"bytes"`, with the pieces that quoted text may have; `"ab"*3` is a repeat.
    pub(crate) fn text(&self) -> Result<Text, At> {
        if !self.text.starts_with('"') {
            return Err(self.unknown("text in double quotes is expected"));
        }
        if let Some((len, piece)) = repeat(self.text).map_err(|m| At::new(self.column, m))? {
            return if len == self.text.len() {
                Ok(Text {
                    pieces: vec![piece],
                })
            } else {
                Err(self.unknown("a space is expected after a repeat"))
            };
        }
        let inner = closing_quote(self.text).filter(|&close| close + 1 == self.text.len());
        let inner =
            inner.ok_or_else(|| self.unknown("a space is expected after the closing quote"))?;
        Text::parse(&self.text[1..inner], self.column + 1, Place::Quoted)
    }

    /// `"bytes"` or a bare word, without wildcards.
    pub(crate) fn plain_bytes(&self) -> Result<Vec<u8>, At> {
        if !self.text.starts_with('"') {
            return Ok(self.text.as_bytes().to_vec());
        }
        let text = self.text()?;
        match text.pieces.as_slice() {
            [] => Ok(Vec::new()),
            [Piece::Bytes(bytes)] => Ok(bytes.clone()),
            [Piece::Secret(name)] if name == DEFAULT_SECRET => Ok(SECRET.to_vec()),
            _ => Err(self.unknown("only plain text or {secret} can stand here")),
        }
    }

    /// `"name"` or a bare word.
    pub(crate) fn name(&self) -> Result<String, At> {
        String::from_utf8(self.plain_bytes()?).map_err(|_| self.unknown("a name is UTF-8"))
    }
}

/// `"..."`, escaped.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    if bytes == SECRET {
        return "\"{secret}\"".into();
    }
    let mut out = String::from("\"");
    Text::bytes(bytes).print(&mut out, Place::Quoted);
    out.push('"');
    out
}

/// A bare word where that reads back, else quoted.
pub(crate) fn bare_or_quoted(bytes: &[u8]) -> String {
    let bare = !bytes.is_empty()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b));
    if bare {
        bytes.iter().map(|&b| char::from(b)).collect()
    } else {
        quoted(bytes)
    }
}

/// A text as quoted terms: bytes and wildcards between quotes, repeats beside them.
pub(crate) fn terms(text: &Text) -> String {
    if text.is_empty() {
        return "\"\"".into();
    }
    let mut out = Vec::new();
    let mut open = Text::default();
    for piece in &text.pieces {
        if matches!(piece, Piece::Repeat { .. }) {
            flush_term(&mut open, &mut out);
            out.push(
                Text {
                    pieces: vec![piece.clone()],
                }
                .to_string(),
            );
        } else {
            open.push(piece.clone());
        }
    }
    flush_term(&mut open, &mut out);
    out.join(" ")
}

fn flush_term(open: &mut Text, out: &mut Vec<String>) {
    if !open.is_empty() {
        let mut term = String::from("\"");
        std::mem::take(open).print(&mut term, Place::Quoted);
        term.push('"');
        out.push(term);
    }
}

pub(crate) fn word_of<T: PartialEq>(choices: &[(&'static str, T)], value: &T) -> &'static str {
    choices
        .iter()
        .find(|(_, choice)| choice == value)
        .map_or("?", |(name, _)| name)
}

/// The values of these keys, each at most once; any other word is refused.
pub(crate) fn keys<'a, const N: usize>(
    words: &mut Words<'a>,
    names: [&str; N],
) -> Result<[Option<Word<'a>>; N], At> {
    let mut values = [None; N];
    while let Some(word) = words.next()? {
        let (key, value) = word.key_value();
        let slot = names.iter().position(|name| *name == key);
        match (slot, value) {
            (Some(i), Some(value)) if values[i].is_none() => values[i] = Some(value),
            _ => {
                return Err(word.unknown(&format!(
                    "each of {} may stand here once, as key=value",
                    names.join(", ")
                )));
            }
        }
    }
    Ok(values)
}

pub(crate) fn ip_list(word: &Word<'_>) -> Result<Vec<IpAddr>, At> {
    word.text
        .split(',')
        .map(|text| {
            Word {
                text,
                column: word.column,
            }
            .ip()
        })
        .collect()
}

pub(crate) fn print_ips(ips: &[IpAddr]) -> String {
    ips.iter()
        .map(|ip| peer::print_ip(*ip))
        .collect::<Vec<_>>()
        .join(",")
}

/// All further words as one text.
pub(crate) fn text_terms(words: &mut Words<'_>) -> Result<Text, At> {
    let mut text = words.need("the text in quotes")?.text()?;
    while let Some(word) = words.next()? {
        word.text()?
            .pieces
            .into_iter()
            .for_each(|piece| text.push(piece));
    }
    Ok(text)
}
