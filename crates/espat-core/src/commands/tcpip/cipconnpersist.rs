//! `AT+CIPCONNPERSIST`: whether TCP and SSL links outlive the loss of the access point (behaviour.md 2.4, 5).
//!
//! That it is 0 or 1, 0 at first and after each reset, is decided without evidence: of the manual of 5.0 only its list of commands was found.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPCONNPERSIST")
    .query(query)
    .set(set)
    .needs(Features::CONN_PERSIST)
    .doc(
        "tcp-ip.html#cmd-CONNPERSIST",
        "Query or set whether links outlive the loss of the access point",
    )];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.line("+CIPCONNPERSIST").int(cx.net.persist);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    cx.net.persist = args.flag()?;
    Ok(Reply::Done)
}
