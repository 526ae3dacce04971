//! `AT+CIPSSLCCN`: the Common Name that the subject of an SSL server's certificate has to have (behaviour.md 3.20, U2, U13).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
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

/// Documented from 3.x on.
const BYTES_MAX: usize = 64;

fn query(cx: &mut Cx<'_>) -> Handled {
    let quoted = cx.env.profile().quirks.ssl_values_quoted;
    for (id, names) in (0_u8..).zip(&cx.net.ssl) {
        cx.env
            .out
            .line("+CIPSSLCCN")
            .int(id)
            .maybe_quoted(&names.common_name, quoted);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 1..=before + 1)?;
    let links = super::links_param(cx, args)?;
    let name = super::ssl_text(args, BYTES_MAX)?;
    for names in &mut cx.net.ssl[links] {
        names.common_name.clone_from(&name);
    }
    Ok(Reply::Done)
}
