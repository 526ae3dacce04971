//! `AT+CIPV6`: IPv6 (behaviour.md 3.26; manual of 2.2).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::nvs::Setting;
use crate::profile::Features;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPV6")
    .query(query)
    .set(set)
    .needs(Features::IPV6)
    .doc("tcp-ip.html#cmd-IPV6", "Query or set whether IPv6 is used")];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.line("+CIPV6").int(cx.nvs.live.ipv6);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let on = args.flag()?;
    cx.keep(vec![Setting::Ipv6(on)])
}
