//! `AT+CIPSSLCCONF`: how the module authenticates as an SSL client (behaviour.md 3.20; decisions.md U13).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::{Setting, SslConf};
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSSLCCONF").query(query).set(set).doc(
    "tcp-ip.html#cmd-SSLCCONF",
    "Query or set how SSL links authenticate",
)];

/// Numbers of certificates and CAs; a module has few (decided without evidence).
const SLOT_MAX: i32 = 255;

fn query(cx: &mut Cx<'_>) -> Handled {
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
    let before = super::link_params(cx);
    args.arity(before + 1..=before + 3)?;
    let links = super::links_param(cx, args)?;
    let auth_mode = args.byte(0..=3)?;
    let pki = args.opt_byte(0..=SLOT_MAX)?.unwrap_or(0);
    let ca = args.opt_byte(0..=SLOT_MAX)?.unwrap_or(0);
    // The module holds no certificates: every slot is empty.
    if auth_mode & 0b01 != 0 {
        cx.env.out.text_line("NO CERT FOUND");
        return Err(AtError::Failed);
    }
    if auth_mode & 0b10 != 0 {
        cx.env.out.text_line("NO CA FOUND");
        return Err(AtError::Failed);
    }
    let mut ssl = cx.nvs.live.ssl;
    ssl[links].fill(SslConf { auth_mode, pki, ca });
    cx.keep(vec![Setting::Ssl(ssl)])
}
