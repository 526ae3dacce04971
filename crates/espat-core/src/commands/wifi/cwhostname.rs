//! `AT+CWHOSTNAME`: the station's name (behaviour.md 4.18). It is not kept (manual, `AT+CWHOSTNAME`).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::syntax::args::Args;
use crate::wifi::addresses::STATION;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWHOSTNAME")
    .needs_wifi()
    .query(query)
    .set(set)
    .doc(
        "wifi.html#cmd-HOSTNAME",
        "Query or set the station's host name",
    )];

const NAME_BYTES: usize = 32;

/// The query needs no station (ESP_ATMod#27).
fn query(cx: &mut Cx<'_>) -> Handled {
    let first = cx.env.profile().factory.host_name.as_bytes();
    let name = cx.wifi.host_name.as_deref().unwrap_or(first);
    cx.env.out.line("+CWHOSTNAME").bytes(name);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let name = args.string(NAME_BYTES)?.to_vec();
    super::require_mode(cx, STATION)?;
    cx.wifi.host_name = Some(name);
    Ok(Reply::Done)
}
