//! `AT+CWQAP`: leave the access point (behaviour.md 4.15).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CWQAP")
    .needs_wifi()
    .execute(execute)
    .doc("wifi.html#cmd-QAP", "Leave the access point")];

/// `WIFI DISCONNECT` comes before OK (WiFiEspAT#105), on NonOS after it; without an access point there is only OK.
fn execute(cx: &mut Cx<'_>) -> Handled {
    if cx.env.profile().quirks.leaves_after_ok {
        super::leave_after_result(cx);
        return Ok(Reply::Done);
    }
    super::leave(cx);
    Ok(Reply::Done)
}
