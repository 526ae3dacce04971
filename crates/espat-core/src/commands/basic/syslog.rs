//! `AT+SYSLOG`: error codes before `ERROR`.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SYSLOG")
    .query(query)
    .set(set)
    .needs(Features::RTOS)
    .doc(
        "basic.html#cmd-SYSLOG",
        "Query or set whether error codes are shown",
    )];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.tight_line("+SYSLOG").int(cx.sys.error_codes);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    cx.sys.error_codes = args.flag()?;
    Ok(Reply::Done)
}
