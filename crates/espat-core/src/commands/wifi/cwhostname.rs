//! `AT+CWHOSTNAME`: the station's name (behaviour.md 4.18). It is not kept (manual, `AT+CWHOSTNAME`). An access point would hear it
//! by DHCP; that of the air does not ask.

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
    let factory = &cx.env.profile().factory;
    let line = cx.env.out.line("+CWHOSTNAME");
    match &cx.wifi.host_name {
        Some(name) => line.bytes(name),
        None if factory.host_name_has_mac => {
            let [.., d, e, f] = cx.nvs.live.station_mac.0;
            line.show(format_args!("{}{d:02X}{e:02X}{f:02X}", factory.host_name))
        }
        None => line.show(factory.host_name),
    };
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let name = args.string(NAME_BYTES)?.to_vec();
    super::require_mode(cx, STATION)?;
    cx.wifi.host_name = Some(name);
    Ok(Reply::Done)
}
