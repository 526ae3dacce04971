//! `AT+CIPSSLCALPN`: the protocols that an SSL link offers (behaviour.md 3.20, U2, U13).

use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSSLCALPN")
    .query(query)
    .set(set)
    .needs(Features::SSL.union(Features::RTOS))
    .doc(
        "tcp-ip.html#cmd-SSLCALPN",
        "Query or set the protocols that an SSL link offers (ALPN)",
    )];

/// What one byte of length can say.
const BYTES_MAX: usize = 255;

fn query(cx: &mut Cx<'_>) -> Handled {
    let quoted = cx.env.profile().quirks.ssl_values_quoted;
    for (id, names) in (0_u8..).zip(&cx.net.ssl) {
        let mut line = cx.env.out.line("+CIPSSLCALPN").int(id);
        for protocol in &names.alpn {
            line = line.maybe_quoted(protocol, quoted);
        }
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let counts = cx.env.profile().limits.alpn.clone();
    let before = super::link_params(cx);
    args.arity(before + 1..=u8::MAX)?;
    let links = super::links_param(cx, args)?;
    let count = args.byte(counts)?;
    args.arity(before + 1 + count..=before + 1 + count)?;
    let mut protocols = Vec::new();
    for _ in 0..count {
        let protocol = super::ssl_text(args, BYTES_MAX)?;
        if protocol.is_empty() {
            return Err(args.invalid());
        }
        protocols.push(protocol);
    }
    for names in &mut cx.net.ssl[links] {
        names.alpn.clone_from(&protocols);
    }
    Ok(Reply::Done)
}
