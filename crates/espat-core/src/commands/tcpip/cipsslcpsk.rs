//! `AT+CIPSSLCPSK`: the key that an SSL link and its server share (behaviour.md 3.20; decisions.md U2, U13).
//!
//! The manual calls the parameters `<psk>` and `<hint>` and explains the first as an identity; the firmware's TLS layer
//! takes the first as the key's bytes and the second as the identity.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;
use crate::tls::Psk;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSSLCPSK")
    .query(query)
    .set(set)
    .needs(Features::SSL_PSK)
    .doc(
        "tcp-ip.html#cmd-SSLCPSK",
        "Query or set the pre-shared key of an SSL link",
    )];

/// Manual: "Maximum length: 32", for both.
const BYTES_MAX: usize = 32;

fn query(cx: &mut Cx<'_>) -> Handled {
    let quoted = cx.env.profile().quirks.ssl_values_quoted;
    for (id, names) in (0_u8..).zip(&cx.net.ssl) {
        let psk = names.psk.as_ref();
        cx.env
            .out
            .line("+CIPSSLCPSK")
            .int(id)
            .maybe_quoted(psk.map_or(b"", |psk| &psk.key), quoted)
            .maybe_quoted(psk.map_or(b"", |psk| &psk.identity), quoted);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 2..=before + 2)?;
    let links = super::links_param(cx, args)?;
    let key = super::ssl_text(args, BYTES_MAX)?;
    let no_key = args.invalid();
    let identity = super::ssl_text(args, BYTES_MAX)?;
    // Two empty texts take the key away, as an empty name does (decided without evidence).
    let psk = match (key.is_empty(), identity.is_empty()) {
        (true, true) => None,
        (true, false) => return Err(no_key),
        (false, _) => Some(Psk { key, identity }),
    };
    for names in &mut cx.net.ssl[links] {
        names.psk.clone_from(&psk);
    }
    Ok(Reply::Done)
}
