//! `AT+SYSMSG`: how some system messages look.

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SYSMSG").query(query).set(set).doc(
    "basic.html#cmd-SYSMSG",
    "Query or set how system messages look",
)];

/// Bit 0 `+QUITT`, bit 1 `+LINK_CONN`, bit 2 reports inside passthrough.
const BITS_MAX: i32 = 0b111;

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.tight_line("+SYSMSG").int(cx.nvs.live.sysmsg);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let bits = args.byte(0..=BITS_MAX)?;
    cx.keep(vec![Setting::SysMsg(bits)])
}
