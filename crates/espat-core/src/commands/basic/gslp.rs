//! `AT+GSLP`: deep sleep, which ends with a boot (behaviour.md 4.11).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+GSLP").set(set).doc(
    "basic.html#cmd-GSLP",
    "Sleep deeply for so many milliseconds, then boot",
)];

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let profile = cx.env.profile();
    let ms = args
        .int(profile.limits.deep_sleep_ms.clone())?
        .unsigned_abs();
    cx.env.out.text_line(ms);
    let wakes = ms > 0 || !profile.quirks.deep_sleep_of_zero_lasts;
    Ok(Reply::Sleep {
        ms: wakes.then_some(ms),
    })
}
