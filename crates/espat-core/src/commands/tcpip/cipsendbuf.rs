//! `AT+CIPSENDBUF`, `AT+CIPBUFRESET`, `AT+CIPBUFSTATUS`, `AT+CIPCHECKSEQ`: sends that the host MCU does not wait for, on NonOS
//! (instruction set, editions 2.1 to 3.0; esp-at#146 says in 2018 that ESP8266 has them). No bytes of a module were found: the line
//! that `SEND OK` stands on is decided.

use alloc::boxed::Box;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, LinkEvent, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::net::{Link, LinkId};
use crate::output::{Dropped, Event, SocketId, Transport};
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::serial::payload::DataSpec;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPSENDBUF")
        .set(send)
        .needs(Features::SUFFIXES)
        .doc(MANUAL, "Put payload into a link's send buffer"),
    Command::new("+CIPBUFRESET")
        .set(|cx, args| {
            let id = only_link(cx, args)?;
            reset(cx, id)
        })
        .execute(|cx| {
            let id = single_link(cx)?;
            reset(cx, id)
        })
        .needs(Features::SUFFIXES)
        .doc(MANUAL, "Begin anew to count what AT+CIPSENDBUF sends"),
    Command::new("+CIPBUFSTATUS")
        .set(|cx, args| {
            let id = only_link(cx, args)?;
            status(cx, id)
        })
        .execute(|cx| {
            let id = single_link(cx)?;
            status(cx, id)
        })
        .needs(Features::SUFFIXES)
        .doc(MANUAL, "Show how far AT+CIPSENDBUF has come"),
    Command::new("+CIPCHECKSEQ")
        .set(check)
        .needs(Features::SUFFIXES)
        .doc(MANUAL, "Show what became of a segment of AT+CIPSENDBUF"),
];

const MANUAL: &str = "behaviour: 5";
/// Entries of lwIP's queue for a link. The instruction set calls what is left of them unreliable, and shows 7; how many a segment
/// takes was not seen.
const QUEUE: usize = 8;

/// The link of a command that takes nothing else, in multiple-links mode.
fn only_link(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Result<LinkId, AtError> {
    args.arity(1..=1)?;
    let last = i32::from(cx.env.profile().limits.links) - 1;
    let id = LinkId(args.byte(0..=last)?);
    if !cx.net.multi {
        cx.env.explain(Reason::SingleLink);
        return Err(AtError::Failed);
    }
    Ok(id)
}

fn single_link(cx: &mut Cx<'_>) -> Result<LinkId, AtError> {
    if cx.net.multi {
        cx.env.explain(Reason::MultipleLinks);
        return Err(AtError::Failed);
    }
    Ok(LinkId(0))
}

/// A link whose sends are counted: TCP alone (instruction set: not for SSL, and an ERROR for what is not TCP).
fn counted<'a>(cx: &'a mut Cx<'_>, id: LinkId) -> Result<&'a mut Link, AtError> {
    let link = cx.net.links.get_mut(id).filter(|link| link.is_open());
    let Some(link) = link else {
        cx.env.explain(Reason::NoLink);
        return Err(AtError::Failed);
    };
    if link.kind.transport != Transport::Tcp {
        return Err(AtError::Failed);
    }
    Ok(link)
}

/// The number of the segment and that of the last one sent come before OK.
fn send(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    if cx.net.raw {
        cx.env.explain(Reason::PassthroughSends);
        return Err(AtError::Failed);
    }
    let parameters = super::link_params(cx) + 1;
    args.arity(parameters..=parameters)?;
    let id = super::link_param(cx, args)?;
    let (len_max, buffer) = {
        let limits = &cx.env.profile().limits;
        (limits.send_bytes, limits.send_buffer)
    };
    let link = counted(cx, id)?;
    let (socket, next, sent) = (link.socket, link.segments.next(), link.segments.sent());
    let room = buffer.saturating_sub(link.segments.unsent());
    let len = usize::try_from(args.int(1..=i32::MAX)?).unwrap_or(usize::MAX);
    if len > len_max {
        cx.env.explain(Reason::TooLong);
        return Err(args.invalid());
    }
    super::require_memory(cx)?;
    if len > room {
        return Err(AtError::Failed);
    }
    cx.env.out.text_line(format_args!("{next},{sent}"));
    Ok(Reply::Prompt {
        data: DataSpec::Buffered(len),
        then: Box::new(Buffering { id, socket }),
    })
}

/// Payload on its way into the buffer. It ends with `Recv <n> bytes`, as drivers wait for it; that nothing follows a `+++` is decided.
#[derive(Debug)]
struct Buffering {
    id: LinkId,
    socket: SocketId,
}

impl Operation for Buffering {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        match (self.id, *event) {
            (_, OpEvent::Payload(payload)) => {
                cx.env.out.received(payload.len());
                self.buffer(cx, payload)
            }
            (_, OpEvent::Cancelled) => Progress::Silent,
            (own, OpEvent::Link(id, LinkEvent::Closed)) if id == own => {
                cx.net.say_closed(&mut cx.env, id);
                Progress::Continue
            }
            _ => Progress::Continue,
        }
    }
}

impl Buffering {
    fn buffer(&self, cx: &mut Cx<'_>, payload: &[u8]) -> Progress {
        let link = cx.net.links.get_mut(self.id);
        let Some(link) = link.filter(|link| link.is_open() && link.socket == self.socket) else {
            cx.env.event(Event::Dropped {
                what: Dropped::DeadLink,
                bytes: payload.len(),
            });
            return super::cipsend::SEND_FAIL;
        };
        link.segments.push(payload.len());
        cx.env.out.send(self.socket, None, payload);
        cx.net.on_sending(&mut cx.env, self.id);
        Progress::Silent
    }
}

/// Refused while segments wait, and where there were none (instruction set).
fn reset(cx: &mut Cx<'_>, id: LinkId) -> Handled {
    let segments = &mut counted(cx, id)?.segments;
    if !segments.is_used() || segments.waiting() > 0 {
        return Err(AtError::Failed);
    }
    segments.reset();
    Ok(Reply::Done)
}

/// What the network stack took counts as sent and as sent successfully: whether the peer has acknowledged it cannot be seen here.
fn status(cx: &mut Cx<'_>, id: LinkId) -> Handled {
    let buffer = cx.env.profile().limits.send_buffer;
    let segments = &counted(cx, id)?.segments;
    let (next, sent) = (segments.next(), segments.sent());
    let room = buffer.saturating_sub(segments.unsent());
    let queue = QUEUE.saturating_sub(segments.waiting());
    let line = format_args!("{next},{sent},{sent},{room},{queue}");
    cx.env.out.text_line(line);
    Ok(Reply::Done)
}

/// A segment that waits has not been sent; one that nothing is known of is an ERROR (decided).
fn check(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let parameters = super::link_params(cx) + 1;
    args.arity(parameters..=parameters)?;
    let id = super::link_param(cx, args)?;
    let number = args.int(1..=i32::MAX)?.unsigned_abs();
    let outcome = counted(cx, id)?.segments.outcome(number);
    let is_sent = outcome.ok_or(AtError::Failed)?;
    let status = if is_sent { "TRUE" } else { "FALSE" };
    if cx.net.multi {
        let line = format_args!("{id},{number},{status}");
        cx.env.out.text_line(line);
    } else {
        cx.env.out.text_line(format_args!("{number},{status}"));
    }
    Ok(Reply::Done)
}
