//! Expressions that are looked for in messages: leftmost, and of those the longest, as POSIX has it.
//!
//! All ways to match are followed at once, a step a byte, so the time is bounded by the message's length times the
//! expression's.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::parse::{Node, Set, parse};

/// An expression that can be looked for.
#[derive(Debug)]
pub(crate) struct Pattern {
    source: Vec<u8>,
    program: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Byte(u8),
    Any,
    Set(Box<Set>),
    Start,
    End,
    /// Goes on at both.
    Fork(usize, usize),
    Jump(usize),
    Matched,
}

/// Nested repetitions grow fast; no sensible expression of 64 bytes comes near (decided without evidence).
const STEPS_MAX: usize = 2048;

impl Pattern {
    /// Reads an expression; `None` where it is none.
    pub(crate) fn parse(source: &[u8]) -> Option<Self> {
        let mut program = Vec::new();
        compile(&parse(source)?, &mut program)?;
        program.push(Step::Matched);
        Some(Self {
            source: source.to_vec(),
            program,
        })
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &[u8] {
        &self.source
    }

    /// Where it matches, from `from` on.
    pub(crate) fn find(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let mut found: Option<Range<usize>> = None;
        let mut threads = Threads::new(self.program.len());
        let mut next = Threads::new(self.program.len());
        for at in from..=text.len() {
            if found.is_none() {
                self.add(&mut threads, 0, at, at, text.len());
            }
            for (place, since) in core::mem::take(&mut threads.live) {
                if found.as_ref().is_some_and(|found| found.start < since) {
                    continue;
                }
                let takes = match &self.program[place] {
                    Step::Matched => {
                        found = Some(since..at);
                        false
                    }
                    Step::Byte(byte) => text.get(at) == Some(byte),
                    Step::Any => at < text.len(),
                    Step::Set(set) => text.get(at).is_some_and(|&byte| set.has(byte)),
                    Step::Start | Step::End | Step::Fork(..) | Step::Jump(_) => false,
                };
                if takes {
                    self.add(&mut next, place + 1, since, at + 1, text.len());
                }
            }
            threads.clear();
            core::mem::swap(&mut threads, &mut next);
            if threads.live.is_empty() && found.is_some() {
                break;
            }
        }
        found
    }

    /// A way to match that began at `since` is at `place`. The ways are added in the order of their beginnings.
    fn add(&self, threads: &mut Threads, place: usize, since: usize, at: usize, len: usize) {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            if core::mem::replace(&mut threads.seen[place], true) {
                continue;
            }
            match self.program[place] {
                Step::Jump(to) => open.push(to),
                Step::Fork(one, other) => open.extend([other, one]),
                Step::Start if at == 0 => open.push(place + 1),
                Step::End if at == len => open.push(place + 1),
                Step::Start | Step::End => {}
                Step::Byte(_) | Step::Any | Step::Set(_) | Step::Matched => {
                    threads.live.push((place, since));
                }
            }
        }
    }
}

/// The ways to match at one byte.
struct Threads {
    live: Vec<(usize, usize)>,
    seen: Vec<bool>,
}

impl Threads {
    fn new(len: usize) -> Self {
        Self {
            live: Vec::new(),
            seen: vec![false; len],
        }
    }

    fn clear(&mut self) {
        self.live.clear();
        self.seen.fill(false);
    }
}

fn compile(node: &Node, program: &mut Vec<Step>) -> Option<()> {
    if program.len() > STEPS_MAX {
        return None;
    }
    match node {
        Node::Byte(byte) => program.push(Step::Byte(*byte)),
        Node::Any => program.push(Step::Any),
        Node::Set(set) => program.push(Step::Set(set.clone())),
        Node::Start => program.push(Step::Start),
        Node::End => program.push(Step::End),
        Node::All(nodes) => nodes.iter().try_for_each(|node| compile(node, program))?,
        Node::Repeat { what, min, max } => {
            for _ in 0..*min {
                compile(what, program)?;
            }
            match max {
                None => {
                    let fork = program.len();
                    program.push(Step::Fork(fork + 1, 0));
                    compile(what, program)?;
                    program.push(Step::Jump(fork));
                    program[fork] = Step::Fork(fork + 1, program.len());
                }
                Some(max) => {
                    for _ in *min..*max {
                        let fork = program.len();
                        program.push(Step::Fork(fork + 1, 0));
                        compile(what, program)?;
                        program[fork] = Step::Fork(fork + 1, program.len());
                    }
                }
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pattern: &[u8], text: &[u8]) -> Option<Range<usize>> {
        Pattern::parse(pattern).unwrap().find(text, 0)
    }

    #[test]
    fn leftmost_and_longest() {
        type Case = (&'static [u8], &'static [u8], Option<Range<usize>>);
        let cases: [Case; 25] = [
            (b"", b"abc", Some(0..0)),
            (b"b", b"abc", Some(1..2)),
            (b"^b", b"abc", None),
            (b"c$", b"abc", Some(2..3)),
            (b"b$", b"abc", None),
            (b"^+A:[0-9]*,", b"+A:12,3", Some(0..6)),
            (b"a*", b"baaa", Some(0..0)),
            (b"aa*", b"baaa", Some(1..4)),
            (b"*a", b"x*a", Some(1..3)),
            (br"\(*a\)", b"x*a", Some(1..3)),
            (b"^*a", b"*a", Some(0..2)),
            (b"a.c", b"a\nc", Some(0..3)),
            (b"a^b$c", b"a^b$c", Some(0..5)),
            (br"\(ab\)*c", b"xababc", Some(1..6)),
            (br"a\{2,3\}", b"aaaa", Some(0..3)),
            (br"a\{2\}", b"a", None),
            (br"a\{2,\}", b"aaaaa", Some(0..5)),
            (br"\(^a\)", b"ba", None),
            (br"\(a$\)", b"ba", Some(1..2)),
            (b"[]a]*", b"]a]b", Some(0..3)),
            (b"[^]a]", b"]ab", Some(2..3)),
            (b"[a-c[:digit:]-]*", b"b2-d", Some(0..3)),
            (b"[[.-.][=x=]]*", b"-xy", Some(0..2)),
            (br"\.\*\[", b"x.*[", Some(1..4)),
            (br"a\+b?", b"a+b?", Some(0..4)),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(find(pattern, text), expected, "{}", pattern.escape_ascii());
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        let wrong: [&[u8]; 15] = [
            b"\\",
            b"[a",
            b"[]",
            b"[b-a]",
            b"[[:word:]]",
            br"\(a",
            br"a\)",
            br"a\{",
            br"a\{1",
            br"a\{2,1\}",
            br"a\{256\}",
            br"a\{x\}",
            br"\(a\)\1",
            b"a\0b",
            br"\(\(a\{255\}\)\{255\}\)\{255\}",
        ];
        for pattern in wrong {
            assert!(
                Pattern::parse(pattern).is_none(),
                "{}",
                pattern.escape_ascii()
            );
        }
    }

    #[test]
    fn repetitions_of_repetitions_take_no_longer() {
        let pattern = Pattern::parse(br"^\(\(a*\)*\)*b").unwrap();
        assert_eq!(pattern.find(&[b'a'; 20_000], 0), None);
    }
}
