//! `AT+CIPMUX`: one link or several (behaviour.md 3.10, U6).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPMUX").query(query).set(set).doc(
    "tcp-ip.html#cmd-MUX",
    "Query or set the multiple-links mode",
)];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.line("+CIPMUX").int(cx.net.multi);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let multi = args.flag()?;
    let looks_at_links = cx.env.profile().quirks.mux_checks_links_first;
    if multi == cx.net.multi && (!looks_at_links || cx.net.links.is_empty()) {
        return Ok(Reply::Done);
    }
    if !cx.net.links.is_empty() {
        cx.env.explain(Reason::LinksOpen);
        return Err(AtError::Failed);
    }
    if cx.net.raw {
        cx.env.explain(Reason::PassthroughArmed);
        return Err(AtError::Failed);
    }
    if cx.net.server.is_running() {
        cx.env.explain(Reason::ServerRuns);
        return Err(AtError::Failed);
    }
    cx.net.multi = multi;
    Ok(Reply::Done)
}
