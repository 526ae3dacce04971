//! `AT+CWAUTOCONN`: join at power-on (behaviour.md 4.16).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWAUTOCONN").query(query).set(set).doc(
    "wifi.html#cmd-AUTOC",
    "Query or set whether the station joins at power-on",
)];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env
        .out
        .tight_line("+CWAUTOCONN")
        .int(cx.nvs.live.auto_connect);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let on = args.flag()?;
    cx.keep(vec![Setting::AutoConnect(on)])
}
