//! `AT+SYSMSGFILTER` and `AT+SYSMSGFILTERCFG`: what the host MCU does not want to hear (manual of 3.1).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::filter::{Filter, Pattern};
use crate::profile::Features;
use crate::serial::payload::DataSpec;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+SYSMSGFILTER")
        .query(query)
        .set(set)
        .needs(Features::MESSAGE_FILTER)
        .doc(
            "basic.html#cmd-SYSMSGFILTER",
            "Query or set whether messages are filtered",
        ),
    Command::new("+SYSMSGFILTERCFG")
        .query(query_filters)
        .set(set_filters)
        .needs(Features::MESSAGE_FILTER)
        .doc(
            "basic.html#cmd-SYSMSGFILTERCFG",
            "Query, clear, add or delete filters of messages",
        ),
];

/// Manual, `AT+SYSMSGFILTERCFG`: bytes of either half.
const HALF_MAX: i32 = 64;
const CLEAR: u8 = 0;
const ADD: u8 = 1;
const DELETE: u8 = 2;

fn query(cx: &mut Cx<'_>) -> Handled {
    let enabled = cx.env.out.filters.enabled;
    cx.env.out.line("+SYSMSGFILTER").int(enabled);
    Ok(Reply::Done)
}

/// The OK of this command is filtered already (decided without evidence).
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    cx.env.out.filters.enabled = args.flag()?;
    Ok(Reply::Done)
}

/// Numbers from 0 (decided without evidence).
fn query_filters(cx: &mut Cx<'_>) -> Handled {
    let filters = cx.env.out.filters.iter();
    let filters: Vec<_> = filters
        .map(|filter| (filter.head().to_vec(), filter.tail().to_vec()))
        .collect();
    for (index, (head, tail)) in (0_u8..).zip(&filters) {
        cx.env
            .out
            .line("+SYSMSGFILTERCFG")
            .int(index)
            .quoted_bytes(head)
            .quoted_bytes(tail);
    }
    Ok(Reply::Done)
}

fn set_filters(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=3)?;
    let operator = args.byte(CLEAR.into()..=DELETE.into())?;
    if operator == CLEAR {
        args.arity(1..=1)?;
        cx.env.out.filters.clear();
        return Ok(Reply::Done);
    }
    args.arity(3..=3)?;
    let head = usize::from(args.byte(0..=HALF_MAX)?);
    let tail = usize::from(args.byte(0..=HALF_MAX)?);
    if head + tail == 0 {
        return Err(args.invalid());
    }
    Ok(Reply::Prompt {
        data: DataSpec::Data(head + tail),
        then: Box::new(Changing {
            adds: operator == ADD,
            head,
        }),
    })
}

/// The two halves are being typed.
#[derive(Debug)]
struct Changing {
    /// Otherwise the filter is deleted.
    adds: bool,
    /// Bytes of the first half.
    head: usize,
}

impl Operation for Changing {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        let &OpEvent::Payload(halves) = event else {
            return Progress::Continue;
        };
        let (head, tail) = halves.split_at(self.head);
        let filters = &mut cx.env.out.filters;
        let is_done = match (pattern(head), pattern(tail)) {
            (Ok(head), Ok(tail)) if self.adds => filters.add(Filter { head, tail }),
            (Ok(_), Ok(_)) => filters.remove(head, tail),
            (Err(()), _) | (_, Err(())) => false,
        };
        if is_done {
            Progress::DONE
        } else {
            Progress::FAILED
        }
    }
}

/// One half of a filter; none where it is empty.
fn pattern(text: &[u8]) -> Result<Option<Pattern>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    Pattern::parse(text).map(Some).ok_or(())
}
