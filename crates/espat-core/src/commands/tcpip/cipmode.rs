//! `AT+CIPMODE`: normal transmission or passthrough (behaviour.md 3.13, U6, (f)).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPMODE").query(query).set(set).doc(
    "tcp-ip.html#cmd-IPMODE",
    "Query or set normal transmission or passthrough",
)];

fn query(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.line("+CIPMODE").int(cx.net.raw);
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let raw = args.flag()?;
    if raw && cx.net.multi && !(cx.env.profile().quirks.raw_with_multi && cx.net.may_be_raw()) {
        cx.env.explain(Reason::MultipleLinksOn);
        return Err(AtError::Failed);
    }
    cx.net.set_raw(&mut cx.env, raw);
    Ok(Reply::Done)
}
