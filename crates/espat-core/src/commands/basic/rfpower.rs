//! `AT+RFPOWER`: transmit power, in quarters of a dBm (manual, "AT+RFPOWER").

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+RFPOWER")
    .query(query)
    .query_needs(Features::RTOS)
    .set(set)
    .doc(
        "basic.html#cmd-RFPOWER",
        "Query or set the radio's transmit power",
    )];

/// Levels of Bluetooth's advertising, scanning and connecting.
const BLUETOOTH_LEVEL_MAX: i32 = 7;
const BLUETOOTH_LEVELS: usize = 3;

fn query(cx: &mut Cx<'_>) -> Handled {
    // A radio that is off says 0: Wi-Fi in mode 0 (esp-at#243), Bluetooth, which is never started here (esp-at#746).
    let wifi_power = if radio_is_on(cx) { cx.sys.rf_power } else { 0 };
    let has_bluetooth = cx.env.has(Features::BLUETOOTH);
    let line = cx.env.out.line("+RFPOWER").int(wifi_power);
    if has_bluetooth {
        line.int(0).int(0).int(0);
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(
        1..=if cx.env.has(Features::BLUETOOTH) {
            4
        } else {
            1
        },
    )?;
    let limits = &cx.env.profile().limits;
    let wanted = args.byte(limits.rf_power.clone())?;
    let mut sets_bluetooth = false;
    for _ in 0..BLUETOOTH_LEVELS {
        sets_bluetooth |= args.opt_int(0..=BLUETOOTH_LEVEL_MAX)?.is_some();
    }
    if sets_bluetooth || !radio_is_on(cx) {
        return Err(AtError::Failed);
    }
    cx.sys.rf_power = limits.radio_power(wanted);
    Ok(Reply::Done)
}

fn radio_is_on(cx: &Cx<'_>) -> bool {
    cx.wifi.has_driver() && cx.nvs.live.wifi_mode != 0
}
