//! `AT+CWINIT`: the Wi-Fi driver (manual of 3.1).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWINIT")
    .query(query)
    .set(set)
    .needs(Features::CWINIT)
    .doc(
        "wifi.html#cmd-INIT",
        "Query or set whether the Wi-Fi driver is there",
    )];

fn query(cx: &mut Cx<'_>) -> Handled {
    let has_driver = cx.wifi.has_driver();
    cx.env.out.line("+CWINIT").int(has_driver);
    Ok(Reply::Done)
}

/// Not kept: 1 after each boot (manual). That a joined station says so before OK, that links end, and that the other
/// Wi-Fi commands fail until 1 comes back is decided without a transcript; ESP-IDF's functions fail without a driver. Those of
/// lwIP do not: `AT+CIPSERVER` and `AT+MDNS` are OK, and nobody hears of either until there is an interface.
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let wanted = args.flag()?;
    if wanted && !cx.wifi.has_driver() {
        cx.wifi.start_driver(&mut cx.env, cx.nvs);
    } else if !wanted && cx.wifi.has_driver() {
        if cx.wifi.stop_driver(&mut cx.env) {
            super::say_left(cx);
        } else {
            super::close_links(cx);
        }
    }
    Ok(Reply::Done)
}
