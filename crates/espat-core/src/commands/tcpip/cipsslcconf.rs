//! `AT+CIPSSLCCONF`: how the module authenticates as an SSL client (behaviour.md 3.20, U13).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::net::ssl::{AUTH_CERTIFICATE, AUTH_VERIFY};
use crate::nvs::{Setting, SslConf};
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::tls::SlotKind;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSSLCCONF").query(query).set(set).doc(
    "tcp-ip.html#cmd-SSLCCONF",
    "Query or set how SSL links authenticate",
)];

/// Numbers of certificates and CAs; a module has few (decided without evidence).
const SLOT_MAX: i32 = 255;

fn query(cx: &mut Cx<'_>) -> Handled {
    if cx.env.profile().quirks.ssl_conf_is_one {
        let auth_mode = cx.nvs.live.ssl[0].auth_mode;
        cx.env.out.line("+CIPSSLCCONF").int(auth_mode);
        return Ok(Reply::Done);
    }
    for (id, conf) in (0_u8..).zip(&cx.nvs.live.ssl) {
        cx.env
            .out
            .line("+CIPSSLCCONF")
            .int(id)
            .int(conf.auth_mode)
            .int(conf.pki)
            .int(conf.ca);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    if cx.env.profile().quirks.ssl_conf_is_one {
        return set_for_all(cx, args);
    }
    let before = super::link_params(cx);
    args.arity(before + 1..=before + 3)?;
    let links = super::links_param(cx, args)?;
    let auth_mode = args.byte(0..=3)?;
    let pki = args.opt_byte(0..=SLOT_MAX)?.unwrap_or(0);
    let ca = args.opt_byte(0..=SLOT_MAX)?.unwrap_or(0);
    if let Some(missing) = missing(cx, SslConf { auth_mode, pki, ca }) {
        cx.env.out.text_line(missing);
        return Err(AtError::Failed);
    }
    let mut ssl = cx.nvs.live.ssl;
    ssl[links].fill(SslConf { auth_mode, pki, ca });
    cx.keep(vec![Setting::Ssl(ssl)])
}

/// What is missing shows at the next handshake, not here: the instruction set names no failure (decided without a log).
fn set_for_all(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let conf = SslConf {
        auth_mode: args.byte(0..=3)?,
        ..SslConf::default()
    };
    let ssl = [conf; 5];
    cx.keep(vec![Setting::Ssl(ssl)])
}

/// What an authentication needs and no slot has, in the firmware's words; the order is decided without a transcript.
fn missing(cx: &Cx<'_>, conf: SslConf) -> Option<&'static str> {
    let needs = [
        (
            AUTH_CERTIFICATE,
            SlotKind::ClientCert,
            conf.pki,
            "NO CERT FOUND",
        ),
        (
            AUTH_CERTIFICATE,
            SlotKind::ClientKey,
            conf.pki,
            "NO PRVT_KEY FOUND",
        ),
        (AUTH_VERIFY, SlotKind::ClientCa, conf.ca, "NO CA FOUND"),
    ];
    needs
        .into_iter()
        .find(|&(bit, kind, number, _)| {
            conf.auth_mode & bit != 0 && !cx.env.config.slots.has(kind, number)
        })
        .map(|(.., text)| text)
}
