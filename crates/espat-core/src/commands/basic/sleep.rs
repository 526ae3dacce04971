//! `AT+SLEEP`: how the radio sleeps between beacons (behaviour.md 4.7). The simulated radio needs no sleep; the mode is what is
//! read back.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SLEEP")
    .query(query)
    .set(set)
    .doc("basic.html#cmd-SLEEP", "Query or set the sleep mode")];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.tight_line("+SLEEP").int(cx.sys.sleep_mode);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    cx.sys.sleep_mode = args.byte(cx.env.profile().limits.sleep_modes.clone())?;
    Ok(Reply::Done)
}
