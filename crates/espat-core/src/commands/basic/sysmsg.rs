//! `AT+SYSMSG`: how some system messages look.

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::profile::Features;
use crate::syntax::args::Args;

const SYSMSG: Command = Command::new("+SYSMSG")
    .query(query)
    .query_needs(Features::RTOS)
    .set(set)
    .needs(Features::RTOS)
    .doc(
        "basic.html#cmd-SYSMSG",
        "Query or set how system messages look",
    );

pub(super) const COMMANDS: &[Command] = &[
    SYSMSG,
    SYSMSG.current("+SYSMSG_CUR"),
    SYSMSG.default("+SYSMSG_DEF"),
];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.tight_line("+SYSMSG").int(cx.nvs.live.sysmsg);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let bits = args.byte(cx.env.profile().limits.sysmsg.clone())?;
    cx.keep(vec![Setting::SysMsg(bits)])
}
