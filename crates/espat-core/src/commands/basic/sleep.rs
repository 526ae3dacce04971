//! `AT+SLEEP`: how the radio sleeps between beacons (behaviour.md 4.7). The simulated radio needs no sleep, and light
//! sleep, which loses what the host MCU sends meanwhile (esp-at#403), is not played: the mode is what is read back.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SLEEP")
    .query(query)
    .set(set)
    .doc("basic.html#cmd-SLEEP", "Query or set the sleep mode")];

const AWAKE: u8 = 0;

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.tight_line("+SLEEP").int(cx.sys.sleep_mode);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let mode = args.byte(cx.env.profile().limits.sleep_modes.clone())?;
    let is_refused =
        cx.env.profile().quirks.sleep_needs_station_alone && cx.wifi.softap_is_on(cx.nvs);
    if mode != AWAKE && is_refused {
        return Err(AtError::Failed);
    }
    cx.sys.sleep_mode = mode;
    Ok(Reply::Done)
}
