//! `AT+CWLAPOPT`: what `AT+CWLAP` shows (behaviour.md 4.14).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;
use crate::wifi::ScanOptions;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWLAPOPT").set(set).doc(
    "wifi.html#cmd-LAPOPT",
    "Set what the list of access points shows",
)];

/// Manual, `AT+CWLAPOPT`: eleven fields.
const FIELDS_MAX: i32 = 0x7ff;

/// Two parameters in 2.1, up to four since the reference (esp-at#540). The order of the list does not change: see
/// `wifi::world::heard`. A filter that is omitted goes back to its default: decided without evidence.
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(2..=if cx.env.has(Features::RTOS) { 4 } else { 2 })?;
    args.flag()?;
    let fields = args.word(0..=FIELDS_MAX)?;
    let defaults = ScanOptions::new(cx.env.profile().factory.scan_fields);
    let rssi_min = args.opt_int(-100..=40)?.unwrap_or(defaults.rssi_min);
    let encryptions = args.opt_byte(0..=0xff)?.unwrap_or(defaults.encryptions);
    cx.wifi.scan = Some(ScanOptions {
        fields,
        rssi_min,
        encryptions,
    });
    Ok(Reply::Done)
}
