//! `AT+CIPSSLCPSK` and `AT+CIPSSLCPSKHEX`: the key that an SSL link and its server share (behaviour.md 3.20, U2, U13).
//!
//! The manual calls the parameters `<psk>` and `<hint>` and explains the first as an identity; the firmware's TLS layer
//! takes the first as the key's bytes and the second as the identity.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::tls::Psk;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPSSLCPSK")
        .query(query)
        .set(set)
        .needs(Features::SSL_PSK)
        .doc(
            "tcp-ip.html#cmd-SSLCPSK",
            "Query or set the pre-shared key of an SSL link",
        ),
    Command::new("+CIPSSLCPSKHEX")
        .query(query_hex)
        .set(set_hex)
        .needs(Features::SSL_PSK_HEX)
        .doc(
            "tcp-ip.html#cmd-SSLCPSKHEX",
            "Query or set the pre-shared key of an SSL link in hexadecimal digits",
        ),
];

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
            .maybe_quoted(psk.map_or(b"", |psk| text_of(&psk.key)), quoted)
            .maybe_quoted(psk.map_or(b"", |psk| &psk.identity), quoted);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 2..=before + 2)?;
    let links = super::links_param(cx, args)?;
    let key = super::ssl_text(args, BYTES_MAX)?;
    keep(cx, args, links, key)
}

/// A string of the firmware ends at the first NUL, which only the other command can put there.
fn text_of(key: &[u8]) -> &[u8] {
    key.split(|&b| b == 0).next().unwrap_or_default()
}

/// Digits as `%02x` writes them (decided without evidence).
fn query_hex(cx: &mut Cx<'_>) -> Handled {
    let quoted = cx.env.profile().quirks.ssl_values_quoted;
    for (id, names) in (0_u8..).zip(&cx.net.ssl) {
        let psk = names.psk.as_ref();
        let key = psk.map_or_else(String::new, |psk| {
            psk.key.iter().map(|byte| format!("{byte:02x}")).collect()
        });
        cx.env
            .out
            .line("+CIPSSLCPSKHEX")
            .int(id)
            .maybe_quoted(key.as_bytes(), quoted)
            .maybe_quoted(psk.map_or(b"", |psk| &psk.identity), quoted);
    }
    Ok(Reply::Done)
}

fn set_hex(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 2..=before + 2)?;
    let links = super::links_param(cx, args)?;
    let digits = args.string(2 * BYTES_MAX)?;
    let key = bytes_of(digits).ok_or_else(|| args.invalid())?;
    keep(cx, args, links, key)
}

/// Two digits a byte.
fn bytes_of(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = digits.chunks(2).map(|pair| match *pair {
        [high, low] => u8::try_from(16 * digit(high)? + digit(low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

/// Keeps a key for the links; the identity is still to be read.
fn keep(cx: &mut Cx<'_>, args: &mut Args<'_>, links: Range<usize>, key: Vec<u8>) -> Handled {
    let no_key: AtError = args.invalid();
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
