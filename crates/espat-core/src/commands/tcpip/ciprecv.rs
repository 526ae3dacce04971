//! `AT+CIPRECVMODE`, `AT+CIPRECVDATA`, `AT+CIPRECVLEN`: passive receive (behaviour.md 3.22; decisions.md U13, U15).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::output::Mark;
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPRECVMODE")
        .query(query_mode)
        .set(set_mode)
        .doc(
            "tcp-ip.html#cmd-CIPRECVMODE",
            "Query or set active or passive receive",
        ),
    Command::new("+CIPRECVDATA").set(read).doc(
        "tcp-ip.html#cmd-CIPRECVDATA",
        "Read a link's data in passive receive",
    ),
    Command::new("+CIPRECVLEN").query(query_len).doc(
        "tcp-ip.html#cmd-CIPRECVLEN",
        "Show how much data the links hold in passive receive",
    ),
];

fn query_mode(cx: &mut Cx<'_>) -> Handled {
    cx.env.out.line("+CIPRECVMODE").int(cx.net.passive);
    Ok(Reply::Done)
}

fn set_mode(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let passive = args.flag()?;
    cx.net.set_passive(&mut cx.env, passive);
    Ok(Reply::Done)
}

fn query_len(cx: &mut Cx<'_>) -> Handled {
    let mut line = cx.env.out.line("+CIPRECVLEN");
    for id in 0..cx.env.config.profile.limits.links {
        let link = cx.net.links.get(crate::net::LinkId(id));
        line = line.int(link.map_or(-1, |link| {
            i64::try_from(link.rx.unread.wire_len()).unwrap_or(i64::MAX)
        }));
    }
    drop(line);
    Ok(Reply::Done)
}

fn read(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 1..=before + 1)?;
    let id = super::link_param(cx, args)?;
    let len_max = usize::try_from(args.int(1..=i32::MAX)?).unwrap_or(usize::MAX);
    let (passive, show_peer) = (cx.net.passive, cx.net.show_peer);
    let link = cx
        .net
        .links
        .get(id)
        .filter(|link| passive && link.rx.unread.len() > 0)
        .ok_or(AtError::Failed)?;
    let (a, b) = link.rx.unread.front(len_max);
    let len = a.len() + b.len();
    cx.env.log(format_args!("to read {len} bytes"));
    let peer = show_peer.then(|| link.rx.unread.sender(0).unwrap_or(link.remote));
    cx.env.out.data_head("+CIPRECVDATA", len, peer);
    cx.env.out.run(Mark::Payload, a);
    cx.env.out.extend(b);
    cx.net.on_read(&mut cx.env, id, len);
    Ok(Reply::Done)
}
