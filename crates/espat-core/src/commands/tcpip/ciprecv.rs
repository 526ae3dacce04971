//! `AT+CIPRECVMODE`, `AT+CIPRECVTYPE`, `AT+CIPRECVDATA`, `AT+CIPRECVLEN`: passive receive (behaviour.md 3.22, 5; behaviour.md
//! U13, U15).
//!
//! Where a firmware has both, `AT+CIPRECVMODE` is the mode of all links, and shows the first link's (decided without evidence:
//! the manual leaves it out where `AT+CIPRECVTYPE` came, the core library still has it).

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::output::Mark;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPRECVMODE")
        .query(query_mode)
        .set(set_mode)
        .doc(
            "tcp-ip.html#cmd-CIPRECVMODE",
            "Query or set active or passive receive",
        ),
    Command::new("+CIPRECVTYPE")
        .query(query_type)
        .set(set_type)
        .needs(Features::RECVTYPE)
        .doc(
            "tcp-ip.html#cmd-CIPRECVTYPE",
            "Query or set active or passive receive of each link",
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
    cx.env.out.line("+CIPRECVMODE").int(cx.net.passive[0]);
    Ok(Reply::Done)
}

fn set_mode(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=1)?;
    let passive = args.flag()?;
    let links = usize::from(cx.env.profile().limits.links);
    cx.net.set_passive(&mut cx.env, 0..links, passive);
    Ok(Reply::Done)
}

fn query_type(cx: &mut Cx<'_>) -> Handled {
    for (id, passive) in (0_u8..).zip(cx.net.passive) {
        cx.env.out.line("+CIPRECVTYPE").int(id).int(passive);
    }
    Ok(Reply::Done)
}

fn set_type(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 1..=before + 1)?;
    let links = super::links_param(cx, args)?;
    let passive = args.flag()?;
    cx.net.set_passive(&mut cx.env, links, passive);
    Ok(Reply::Done)
}

fn query_len(cx: &mut Cx<'_>) -> Handled {
    let profile = cx.env.profile();
    let shows_one = profile.quirks.receive_lengths_follow_mode && !cx.net.multi;
    let links = if shows_one { 1 } else { profile.limits.links };
    let none = if profile.quirks.no_link_holds_zero {
        0
    } else {
        -1
    };
    let mut line = cx.env.out.line("+CIPRECVLEN");
    for id in 0..links {
        let link = cx.net.links.get(crate::net::LinkId(id));
        line = line.int(link.map_or(none, |link| {
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
    if cx.net.links.get(id).is_none() {
        cx.env.explain(Reason::NoLinkToRead);
        return Err(AtError::Failed);
    }
    let len_max = usize::try_from(args.int(1..=i32::MAX)?).unwrap_or(usize::MAX);
    if len_max > cx.env.profile().limits.read_bytes {
        cx.env.explain(Reason::TooLong);
        return Err(args.invalid());
    }
    let (passive, show_peer) = (cx.net.passive[id.index()], cx.net.show_peer);
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
