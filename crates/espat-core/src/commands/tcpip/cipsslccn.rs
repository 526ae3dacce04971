//! `AT+CIPSSLCCN`: the Common Name that the subject of an SSL server's certificate has to have (behaviour.md 3.20, U2, U13).

use super::ssl_names;
use crate::exec::cx::Cx;
use crate::exec::operation::Handled;
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSSLCCN")
    .query(query)
    .set(set)
    .needs(Features::SSL.union(Features::RTOS))
    .doc(
        "tcp-ip.html#cmd-SSLCCN",
        "Query or set the Common Name that an SSL server has to have",
    )];

fn query(cx: &mut Cx<'_>) -> Handled {
    ssl_names::show(cx, "+CIPSSLCCN", |names| &names.common_name)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    ssl_names::set(cx, args, |names| &mut names.common_name)
}
