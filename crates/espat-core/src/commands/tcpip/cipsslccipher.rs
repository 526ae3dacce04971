//! `AT+CIPSSLCCIPHER`: the cipher suites that an SSL link offers (behaviour.md 5; manual of 4.1; behaviour.md U13).

use alloc::format;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSSLCCIPHER")
    .query(query)
    .set(set)
    .needs(Features::SSL_CIPHER)
    .doc(
        "tcp-ip.html#cmd-SSLCCIPHER",
        "Query or set the cipher suites that an SSL link offers",
    )];

/// How many; 0 takes them away (decided without evidence: a line has room for no more).
const COUNTS: RangeInclusive<i32> = 0..=32;
/// The numbers that IANA gives.
const NUMBERS: RangeInclusive<i32> = 0..=0xffff;

/// One line a link, all its suites in it, as the other lists of an SSL link have it (decided without evidence).
fn query(cx: &mut Cx<'_>) -> Handled {
    for (id, names) in (0_u8..).zip(&cx.net.ssl) {
        let mut line = cx.env.out.line("+CIPSSLCCIPHER").int(id);
        for suite in &names.ciphers {
            line = line.show(format!("0x{suite:04X}"));
        }
    }
    Ok(Reply::Done)
}

/// A number that no suite has is taken, as Mbed TLS takes it, which leaves it out of what it offers; where none is left the handshake
/// fails. Whether the firmware refuses it before that was not seen.
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 1..=u8::MAX)?;
    let links = super::links_param(cx, args)?;
    let count = args.byte(COUNTS)?;
    args.arity(before + 1 + count..=before + 1 + count)?;
    let mut ciphers = Vec::new();
    for _ in 0..count {
        ciphers.push(args.word(NUMBERS)?);
    }
    for names in &mut cx.net.ssl[links] {
        names.ciphers.clone_from(&ciphers);
    }
    Ok(Reply::Done)
}
