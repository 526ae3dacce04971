//! `AT+SYSTIMESTAMP`: the clock, in seconds since 1970 (behaviour.md 4.9).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SYSTIMESTAMP")
    .query(query)
    .set(set)
    .needs(Features::RTOS)
    .doc("basic.html#cmd-SETTIME", "Query or set the clock")];

const US_PER_S: i64 = 1_000_000;

fn query(cx: &mut Cx<'_>) -> Handled {
    let seconds = cx.sys.clock.unix_s(cx.env.now);
    cx.env.out.tight_line("+SYSTIMESTAMP").int(seconds);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let seconds = args.int(0..=i32::MAX)?;
    cx.set_clock(i64::from(seconds) * US_PER_S);
    Ok(Reply::Done)
}
