//! `AT+CIPSTO`: how long a client of the server may be silent (behaviour.md 3.15, U4).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSTO").query(query).set(set).doc(
    "tcp-ip.html#cmd-STO",
    "Query or set the server's idle time-out",
)];

/// Longest time-out, in seconds.
const TIMEOUT_MAX: i32 = 7200;

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.line("+CIPSTO").int(cx.net.server.timeout_s);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let timeout_s = args.word(0..=TIMEOUT_MAX)?;
    if cx.env.profile().quirks.server_timeout_needs_server && !cx.net.server.is_running() {
        return Err(AtError::Failed);
    }
    if timeout_s == cx.net.server.timeout_s {
        cx.env.explain(Reason::SameValue);
    }
    cx.net.server.timeout_s = timeout_s;
    cx.net.arm_idle_timer(&mut cx.env);
    Ok(Reply::Done)
}
