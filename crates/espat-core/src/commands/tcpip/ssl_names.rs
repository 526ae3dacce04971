//! Names that each link has for its handshake, shown and set alike by `AT+CIPSSLCCN` and `AT+CIPSSLCSNI`
//! (behaviour.md 3.20, U2, U13).

use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::net::ssl::SslNames;
use crate::syntax::args::Args;

/// Documented from 3.x on.
const BYTES_MAX: usize = 64;

pub(super) fn show(
    cx: &mut Cx<'_>,
    command: &'static str,
    name: impl Fn(&SslNames) -> &Vec<u8>,
) -> Handled {
    let quoted = cx.env.profile().quirks.ssl_values_quoted;
    for (id, names) in (0_u8..).zip(&cx.net.ssl) {
        cx.env
            .out
            .line(command)
            .int(id)
            .maybe_quoted(name(names), quoted);
    }
    Ok(Reply::Done)
}

pub(super) fn set(
    cx: &mut Cx<'_>,
    args: &mut Args<'_>,
    name: impl Fn(&mut SslNames) -> &mut Vec<u8>,
) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 1..=before + 1)?;
    let links = super::links_param(cx, args)?;
    let text = super::ssl_text(args, BYTES_MAX)?;
    for names in &mut cx.net.ssl[links] {
        name(names).clone_from(&text);
    }
    Ok(Reply::Done)
}
