//! `AT+CWCONFIG`: how long the station waits for its access point, and how often it listens. Nothing comes of either: the
//! simulated air has no beacons.

use core::ops::RangeInclusive;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;
use crate::wifi::Patience;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWCONFIG")
    .needs_wifi()
    .query(query)
    .set(set)
    .needs(Features::CWCONFIG)
    .doc(
        "wifi.html#cmd-CONFIG",
        "Query or set the station's inactive time and listen interval",
    )];

/// ESP-IDF, `esp_wifi_set_inactive_time`: at least 3 s for the station.
const INACTIVE_S: RangeInclusive<i32> = 3..=65_535;
/// Manual, `AT+CWJAP`.
const LISTEN_INTERVAL: RangeInclusive<i32> = 1..=100;

/// That it shows both, in the order of the parameters, is decided without evidence.
fn query(cx: &mut Cx<'_>) -> Handled {
    let patience = cx.wifi.patience.unwrap_or_default();
    cx.env
        .out
        .line("+CWCONFIG")
        .int(patience.inactive_s)
        .int(patience.listen_interval);
    Ok(Reply::Done)
}

/// The parameters are those of a summary of the manual; that nothing is kept is ESP-IDF's way with the inactive time.
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=2)?;
    let old = cx.wifi.patience.unwrap_or_default();
    let inactive_s = args.word(INACTIVE_S)?;
    let listen_interval = args.opt_byte(LISTEN_INTERVAL)?;
    cx.wifi.patience = Some(Patience {
        inactive_s,
        listen_interval: listen_interval.unwrap_or(old.listen_interval),
    });
    Ok(Reply::Done)
}
