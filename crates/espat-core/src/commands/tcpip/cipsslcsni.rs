//! `AT+CIPSSLCSNI`: the server's name in the ClientHello (behaviour.md 3.20, U2, U13).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
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

/// Documented from 3.x on.
const BYTES_MAX: usize = 64;

fn query(cx: &mut Cx<'_>) -> Handled {
    let quoted = cx.env.profile().quirks.ssl_values_quoted;
    for (id, names) in (0_u8..).zip(&cx.net.ssl) {
        cx.env
            .out
            .line("+CIPSSLCSNI")
            .int(id)
            .maybe_quoted(&names.server_name, quoted);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 1..=before + 1)?;
    let links = super::links_param(cx, args)?;
    let name = super::ssl_text(args, BYTES_MAX)?;
    for names in &mut cx.net.ssl[links] {
        names.server_name.clone_from(&name);
    }
    Ok(Reply::Done)
}
