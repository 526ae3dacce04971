//! `AT+CIPSSLCSNI`: the server's name in the ClientHello (behaviour.md 3.20, U2, U13).

use super::ssl_names;
use crate::exec::cx::Cx;
use crate::exec::operation::Handled;
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSSLCSNI")
    .query(query)
    .set(set)
    .needs(Features::SSL.union(Features::RTOS))
    .doc(
        "tcp-ip.html#cmd-SSLCSNI",
        "Query or set the server name that an SSL link sends (SNI)",
    )];

fn query(cx: &mut Cx<'_>) -> Handled {
    ssl_names::show(cx, "+CIPSSLCSNI", |names| &names.server_name)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    ssl_names::set(cx, args, |names| &mut names.server_name)
}
