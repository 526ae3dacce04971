//! POSIX basic regular expressions: from their text to a tree.
//!
//! References to a group (`\1`) are not taken: what they match cannot be found in time that the message's length bounds.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// A part of an expression.
#[derive(Debug)]
pub(super) enum Node {
    Byte(u8),
    /// `.`, which takes a line end too.
    Any,
    Set(Box<Set>),
    Start,
    End,
    All(Vec<Self>),
    Repeat {
        what: Box<Self>,
        min: u8,
        /// `None`: as often as there are.
        max: Option<u8>,
    },
}

/// A bit for each byte that a bracket expression takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set([u32; 8]);

impl Set {
    pub(super) const fn has(&self, byte: u8) -> bool {
        self.0[(byte >> 5) as usize] & (1 << (byte & 31)) != 0
    }

    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 5)] |= 1 << (byte & 31);
    }

    fn invert(&mut self) {
        for word in &mut self.0 {
            *word = !*word;
        }
    }
}

/// Reads an expression; `None` where it is none.
pub(super) fn parse(text: &[u8]) -> Option<Node> {
    // The firmware's text ends at a NUL.
    if text.contains(&0) {
        return None;
    }
    let mut parser = Parser { text, at: 0 };
    let node = parser.sequence(false)?;
    (parser.at == text.len()).then_some(node)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    /// Up to the end of the text, or of the group that it stands in.
    fn sequence(&mut self, in_group: bool) -> Option<Node> {
        let mut nodes = Vec::new();
        // `*` is itself where there is nothing to repeat.
        let mut may_repeat = false;
        if self.take(b"^") {
            nodes.push(Node::Start);
        }
        loop {
            if in_group && self.rest().starts_with(br"\)") {
                break;
            }
            let Some(&byte) = self.rest().first() else {
                break;
            };
            let is_last = self.rest().len() == 1 || in_group && &self.rest()[1..] == br"\)";
            let ends_group = in_group && self.rest()[1..].starts_with(br"\)");
            match byte {
                b'$' if is_last || ends_group => {
                    self.at += 1;
                    nodes.push(Node::End);
                    may_repeat = false;
                }
                b'*' if may_repeat => {
                    self.at += 1;
                    repeat(&mut nodes, 0, None)?;
                }
                b'\\' if may_repeat && self.rest().starts_with(br"\{") => {
                    self.at += 2;
                    let (min, max) = self.bounds()?;
                    repeat(&mut nodes, min, max)?;
                }
                _ => {
                    let node = self.one()?;
                    nodes.push(node);
                    may_repeat = true;
                }
            }
        }
        Some(Node::All(nodes))
    }

    /// A byte, a set or a group.
    fn one(&mut self) -> Option<Node> {
        let byte = self.next()?;
        Some(match byte {
            b'.' => Node::Any,
            b'[' => Node::Set(Box::new(self.set()?)),
            b'\\' => match self.next()? {
                b'(' => {
                    let group = self.sequence(true)?;
                    self.take(br"\)").then_some(group)?
                }
                b')' | b'{' | b'}' | b'1'..=b'9' => return None,
                byte => Node::Byte(byte),
            },
            byte => Node::Byte(byte),
        })
    }

    /// `n\}`, `n,\}` or `n,m\}`.
    fn bounds(&mut self) -> Option<(u8, Option<u8>)> {
        let min = self.number()?;
        let max = if self.take(b",") {
            if self.rest().starts_with(br"\}") {
                None
            } else {
                Some(self.number()?)
            }
        } else {
            Some(min)
        };
        let is_range = max.is_none_or(|max| min <= max);
        (is_range && self.take(br"\}")).then_some((min, max))
    }

    /// Up to 255, which is `RE_DUP_MAX` of POSIX.
    fn number(&mut self) -> Option<u8> {
        let digits = self.rest().iter().take_while(|b| b.is_ascii_digit());
        let len = digits.count();
        let number = core::str::from_utf8(&self.rest()[..len]).ok()?;
        let number = number.parse().ok()?;
        self.at += len;
        Some(number)
    }

    /// The rest of a bracket expression.
    fn set(&mut self) -> Option<Set> {
        let mut set = Set::default();
        let is_inverted = self.take(b"^");
        let mut is_first = true;
        loop {
            if !is_first && self.take(b"]") {
                break;
            }
            is_first = false;
            if self.take(b"[:") {
                self.class(&mut set)?;
                continue;
            }
            let from = self.element()?;
            let is_range = self.rest().first() == Some(&b'-') && self.rest().get(1) != Some(&b']');
            let to = if is_range {
                self.at += 1;
                self.element()?
            } else {
                from
            };
            if from > to {
                return None;
            }
            (from..=to).for_each(|byte| set.add(byte));
        }
        if is_inverted {
            set.invert();
        }
        Some(set)
    }

    /// One byte of a bracket expression: itself, `[.x.]` or `[=x=]`.
    fn element(&mut self) -> Option<u8> {
        for (open, close) in [(b"[.", b".]"), (b"[=", b"=]")] {
            if self.take(open) {
                let byte = self.next()?;
                return self.take(close).then_some(byte);
            }
        }
        self.next()
    }

    /// The name of a class, behind `[:`.
    fn class(&mut self, set: &mut Set) -> Option<()> {
        let len = self.rest().windows(2).position(|w| w == b":]")?;
        let name = &self.rest()[..len];
        let is_of = match name {
            b"alnum" => u8::is_ascii_alphanumeric,
            b"alpha" => u8::is_ascii_alphabetic,
            b"blank" => |b: &u8| matches!(b, b' ' | b'\t'),
            b"cntrl" => u8::is_ascii_control,
            b"digit" => u8::is_ascii_digit,
            b"graph" => u8::is_ascii_graphic,
            b"lower" => u8::is_ascii_lowercase,
            b"print" => |b: &u8| matches!(b, b' '..=b'~'),
            b"punct" => u8::is_ascii_punctuation,
            b"space" => |b: &u8| matches!(b, b' ' | b'\t'..=b'\r'),
            b"upper" => u8::is_ascii_uppercase,
            b"xdigit" => u8::is_ascii_hexdigit,
            _ => return None,
        };
        (0..=255).filter(is_of).for_each(|byte| set.add(byte));
        self.at += len + 2;
        Some(())
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let is_there = self.rest().starts_with(text);
        if is_there {
            self.at += text.len();
        }
        is_there
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.rest().first()?;
        self.at += 1;
        Some(byte)
    }

    fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }
}

fn repeat(nodes: &mut Vec<Node>, min: u8, max: Option<u8>) -> Option<()> {
    let what = Box::new(nodes.pop()?);
    nodes.push(Node::Repeat { what, min, max });
    Some(())
}
