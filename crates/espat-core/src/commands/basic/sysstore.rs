//! `AT+SYSSTORE`: whether settings are kept (behaviour.md 4.10).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SYSSTORE")
    .query(query)
    .set(set)
    .needs(Features::RTOS)
    .doc(
        "basic.html#cmd-SYSSTORE",
        "Query or set whether settings are kept",
    )];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.tight_line("+SYSSTORE").int(cx.nvs.keep);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    cx.nvs.keep = args.flag()?;
    Ok(Reply::Done)
}
