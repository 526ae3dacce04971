//! `AT+CWQIF`: send stations away from the softAP.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::syntax::args::Args;
use crate::wifi::addresses::SOFTAP;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWQIF")
    .needs_wifi()
    .set(set)
    .execute(execute)
    .needs(Features::RTOS)
    .doc("wifi.html#cmd-QIF", "Send stations away from the softAP")];

/// The reports come after OK: they are the driver's events, not the command's.
fn execute(cx: &mut Cx<'_>) -> Handled {
    super::require_mode(cx, SOFTAP)?;
    cx.wifi.dismiss(&mut cx.env, cx.nvs, |_| true);
    Ok(Reply::Done)
}

/// A station that is not there is an error: decided without evidence.
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let mac = args.mac()?;
    super::require_mode(cx, SOFTAP)?;
    if cx
        .wifi
        .dismiss(&mut cx.env, cx.nvs, |client| client.mac == mac)
        == 0
    {
        return Err(AtError::Failed);
    }
    Ok(Reply::Done)
}
