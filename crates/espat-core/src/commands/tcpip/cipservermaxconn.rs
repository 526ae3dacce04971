//! `AT+CIPSERVERMAXCONN`: how many clients the server may have (behaviour.md 3.12).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] =
    &[Command::new("+CIPSERVERMAXCONN").query(query).set(set).doc(
        "tcp-ip.html#cmd-SERVERMAX",
        "Query or set how many clients the server may have",
    )];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env
        .out
        .line("+CIPSERVERMAXCONN")
        .int(cx.net.server.clients_max);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let clients_max = args.byte(1..=i32::from(cx.env.profile().limits.links))?;
    if cx.net.server.is_running() {
        cx.env.explain(Reason::ServerStarted);
        return Err(AtError::Failed);
    }
    let links = cx.net.links.iter().count();
    if links > usize::from(clients_max) {
        cx.env
            .out
            .text_line(format_args!("Have {links} Connections"));
        return Err(AtError::Failed);
    }
    cx.net.server.clients_max = clients_max;
    Ok(Reply::Done)
}
