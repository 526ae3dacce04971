//! `AT+CIPCLOSE`: close links (behaviour.md 3.8, U6, (e)).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::net::LinkId;
use crate::output::CloseHow;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::reply::urc::Urc;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPCLOSE")
    .set(set)
    .execute(execute)
    .doc("tcp-ip.html#cmd-CLOSE", "Close a link, or all")];

fn execute(cx: &mut Cx<'_>) -> Handled {
    if cx.net.multi {
        cx.env.explain(Reason::MultipleLinks);
        return Err(AtError::Failed);
    }
    close(cx, LinkId(0))
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let all = cx.env.profile().limits.links;
    let id = args.byte(0..=i32::from(all))?;
    if !cx.net.multi {
        cx.env.explain(Reason::SingleLink);
        return Err(AtError::Failed);
    }
    if id != all {
        return close(cx, LinkId(id));
    }
    if cx.env.profile().quirks.server_keeps_links && cx.net.server.is_running() {
        return Err(AtError::Failed);
    }
    close_all(cx);
    Ok(Reply::Done)
}

fn close(cx: &mut Cx<'_>, id: LinkId) -> Handled {
    if cx.net.links.get(id).is_none() {
        // The single-link mode has no word for it on NonOS (ESP_ATMod).
        if cx.net.multi || !cx.env.profile().quirks.explains_to_host {
            cx.env.explain(Reason::NothingToClose);
        }
        return Err(AtError::Failed);
    }
    close_and_say(cx, id);
    Ok(Reply::Done)
}

/// Closes every link, with a `CLOSED` line each.
pub(super) fn close_all(cx: &mut Cx<'_>) {
    for id in cx.net.links.ids() {
        close_and_say(cx, id);
    }
}

pub(in crate::commands) fn close_and_say(cx: &mut Cx<'_>, id: LinkId) {
    cx.net.drop_link(&mut cx.env, id, CloseHow::Fin);
    cx.env.out.report(Urc::Closed(id), cx.net.multi, false);
}
