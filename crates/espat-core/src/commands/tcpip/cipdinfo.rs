//! `AT+CIPDINFO`: whether received data names its sender (behaviour.md 3.19, U15).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPDINFO").query(query).set(set).doc(
    "tcp-ip.html#cmd-IPDINFO",
    "Query or set whether received data names its sender",
)];

fn query(cx: &mut Cx<'_>) -> Handled {
    let shows = cx.net.show_peer;
    if cx.env.profile().quirks.info_in_capitals {
        let text = if shows { "TRUE" } else { "FALSE" };
        cx.env.out.line("+CIPDINFO").show(text);
    } else {
        cx.env.out.tight_line("+CIPDINFO").show(shows);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    cx.net.show_peer = args.flag()?;
    Ok(Reply::Done)
}
