//! `AT+TRANSINTVL`: how long passthrough waits for a packet to fill (manual of 3.1).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::profile::Features;
use crate::syntax::args::Args;
use crate::time::Duration;

pub(super) const COMMANDS: &[Command] = &[Command::new("+TRANSINTVL")
    .query(query)
    .set(set)
    .needs(Features::TRANS_INTERVAL)
    .doc(
        "basic.html#cmd-TRANSINTVL",
        "Query or set how long passthrough waits for a packet to fill",
    )];

/// Manual, `AT+TRANSINTVL`.
const MS_MAX: i32 = 1000;

fn query(cx: &mut Cx<'_>) -> Handled {
    let first = cx.env.profile().limits.passthrough_interval;
    let interval = cx.sys.trans_interval.unwrap_or(first);
    let ms = u16::try_from(interval.as_millis()).unwrap_or(u16::MAX);
    cx.env.out.line("+TRANSINTVL").int(ms);
    Ok(Reply::Done)
}

/// Not kept: no key of the settings is known for it (decided without evidence).
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let ms = args.word(0..=MS_MAX)?;
    cx.sys.trans_interval = Some(Duration::from_millis(ms.into()));
    Ok(Reply::Done)
}
