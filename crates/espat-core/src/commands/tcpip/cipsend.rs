//! `AT+CIPSEND`, `AT+CIPSENDEX`: send payload over a link (behaviour.md 3.5, 3.7, U3, U8, U9).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, LinkEvent, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::net::host::{Host, Lookup, is_nobody};
use crate::net::{LinkId, Net};
use crate::output::{Dropped, Event, Family, SocketId, Transport};
use crate::reply::code::ResultCode;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::serial::payload::DataSpec;
use crate::syntax::args::Args;
use crate::time::Duration;
use crate::timers::Timer;
use crate::wifi::WifiEvent;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPSEND")
        .set(send)
        .execute(pass_through)
        .doc(
            "tcp-ip.html#cmd-SEND",
            "Send payload of a given length, or enter passthrough",
        ),
    Command::new("+CIPSENDEX").set(send_ex).doc(
        "tcp-ip.html#cmd-SENDEX",
        "Send payload up to a length or to \\0",
    ),
];

fn send(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    begin(cx, args, DataSpec::Count)
}

/// Raw bytes from here on, where the mode is set and the only link is open; for UDP only with a fixed remote end.
fn pass_through(cx: &mut Cx<'_>) -> Handled {
    let link = cx.net.raw_link();
    if !cx.net.raw || !link.is_some_and(|link| super::can_be_raw(cx, link.kind)) {
        return Err(AtError::Failed);
    }
    Ok(Reply::Passthrough)
}

fn send_ex(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    begin(cx, args, DataSpec::Escaped)
}

fn begin(cx: &mut Cx<'_>, args: &mut Args<'_>, spec: fn(usize) -> DataSpec) -> Handled {
    let len_max = cx.env.profile().limits.send_bytes;
    let to = Sendable::parse(cx, args, len_max)?;
    let data = spec(to.len);
    let sending = Sending {
        to,
        step: Step::Typing,
        payload: Vec::new(),
    };
    Ok(Reply::Prompt {
        data,
        then: Box::new(sending),
    })
}

/// How much is to be sent. NonOS looks at the link before it (ESP_ATMod).
fn length(
    cx: &mut Cx<'_>,
    args: &mut Args<'_>,
    id: LinkId,
    len_max: usize,
) -> Result<usize, AtError> {
    if cx.env.profile().quirks.explains_to_host && cx.net.links.open(id).is_none() {
        cx.env.explain(Reason::NoLink);
        return Err(AtError::Failed);
    }
    let len = usize::try_from(args.int(1..=i32::MAX)?).unwrap_or(usize::MAX);
    if len > len_max {
        cx.env.explain(Reason::TooLong);
        return Err(args.invalid());
    }
    Ok(len)
}

/// What is to be sent, and over which link.
#[derive(Debug)]
pub(super) struct Sendable {
    pub(super) id: LinkId,
    pub(super) socket: SocketId,
    /// Where a datagram goes instead of the link's own remote end.
    pub(super) target: Option<(Host, u16)>,
    pub(super) len: usize,
}

impl Sendable {
    pub(super) fn parse(
        cx: &mut Cx<'_>,
        args: &mut Args<'_>,
        len_max: usize,
    ) -> Result<Self, AtError> {
        if cx.net.raw {
            cx.env.explain(Reason::PassthroughSends);
            return Err(AtError::Failed);
        }
        let before = super::link_params(cx);
        args.arity(before + 1..=before + 3)?;
        let id = super::link_param(cx, args)?;
        let len = length(cx, args, id, len_max)?;
        let host = match args.opt_string(cx.env.profile().limits.host_bytes)? {
            Some(text) => Some(Host::parse(text).ok_or_else(|| args.invalid())?),
            None => None,
        };
        let port = args.opt_word(1..=65_535)?;
        if cx.net.links.open(id).is_some() {
            super::require_memory(cx)?;
        }
        let Some(link) = cx.net.links.open(id) else {
            cx.env.explain(Reason::NoLink);
            return Err(AtError::Failed);
        };
        // A TCP link has one peer; what a host names beside it has no effect (decided without evidence).
        let target = match (link.kind.transport, host, port) {
            (Transport::Tcp | Transport::Tls, ..) => None,
            (Transport::Udp, Some(Host::Literal(ip)), _) if ip.is_ipv6() != link.kind.is_v6 => {
                return Err(args.invalid());
            }
            (Transport::Udp, Some(host), Some(port)) => Some((host, port)),
            (Transport::Udp, None, None) => None,
            (Transport::Udp, ..) => return Err(args.invalid()),
        };
        let socket = link.socket;
        Ok(Self {
            id,
            socket,
            target,
            len,
        })
    }

    /// The family of the link's addresses.
    pub(super) fn family(&self, cx: &Cx<'_>) -> Family {
        let link = cx.net.links.open(self.id);
        if link.is_some_and(|link| link.kind.is_v6) {
            Family::V6
        } else {
            Family::V4
        }
    }
}

/// A send: from the prompt to `SEND OK`.
#[derive(Debug)]
struct Sending {
    to: Sendable,
    step: Step,
    /// Kept only while the target's name is being resolved, or the link waits.
    payload: Vec<u8>,
}

#[derive(Debug)]
enum Step {
    Typing,
    Resolving(Lookup),
    /// The interface is down, and the link waits for it.
    Waiting,
    /// So many bytes have not been taken by the network stack.
    Sending(usize),
}

impl Operation for Sending {
    fn is_sending(&self) -> bool {
        !matches!(self.step, Step::Typing)
    }

    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        match (&mut self.step, *event) {
            (Step::Typing, OpEvent::Payload(payload)) => {
                cx.env.out.received(payload.len());
                self.on_payload(cx, payload)
            }
            (Step::Typing, OpEvent::Cancelled) => {
                cx.env.out.notice("SEND Canceled");
                Progress::Silent
            }
            (Step::Resolving(asked), OpEvent::Resolved(query, result)) => {
                match asked.answered(query, result) {
                    None => Progress::Continue,
                    Some(Ok(ip)) => {
                        let payload = core::mem::take(&mut self.payload);
                        self.send_to(cx, Some(ip), &payload)
                    }
                    Some(Err(_)) => SEND_FAIL,
                }
            }
            (Step::Waiting, OpEvent::Wifi(WifiEvent::Up)) => {
                cx.env.timers.stop(Timer::Operation);
                let payload = core::mem::take(&mut self.payload);
                self.send_to(cx, None, &payload)
            }
            (Step::Waiting, OpEvent::Deadline) => {
                let timeout_ms = self.send_timeout_ms(cx);
                cx.net
                    .on_patience_ended(&mut cx.env, self.to.id, timeout_ms);
                self.give_up(cx)
            }
            (Step::Sending(left), OpEvent::Link(id, LinkEvent::Sent(n))) if id == self.to.id => {
                *left = left.saturating_sub(n);
                if *left == 0 {
                    SEND_OK
                } else {
                    Progress::Continue
                }
            }
            (Step::Waiting, OpEvent::Link(id, LinkEvent::Closed)) if id == self.to.id => {
                cx.net.say_closed(&mut cx.env, id);
                self.give_up(cx)
            }
            (step, OpEvent::Link(id, LinkEvent::Closed)) if id == self.to.id => {
                cx.net.say_closed(&mut cx.env, id);
                if matches!(step, Step::Sending(_)) {
                    SEND_FAIL
                } else {
                    Progress::Continue
                }
            }
            (Step::Sending(_), OpEvent::Link(id, LinkEvent::SendFailed)) if id == self.to.id => {
                SEND_FAIL
            }
            (Step::Sending(_), OpEvent::Deadline) => {
                cx.net.cancel_send(&mut cx.env, self.to.id);
                SEND_FAIL
            }
            _ => Progress::Continue,
        }
    }
}

pub(super) const SEND_OK: Progress = Progress::Finish(Ok(ResultCode::SendOk));
pub(super) const SEND_FAIL: Progress = Progress::Finish(Ok(ResultCode::SendFail));

impl Sending {
    fn on_payload(&mut self, cx: &mut Cx<'_>, payload: &[u8]) -> Progress {
        let Some((host, _)) = &self.to.target else {
            return self.send_to(cx, None, payload);
        };
        let family = self.to.family(cx);
        if host.name().is_some() && !cx.wifi.station_is_up() {
            return SEND_FAIL;
        }
        match host.resolve(cx, family) {
            Lookup::Known(ip) => self.send_to(cx, Some(ip), payload),
            asked @ Lookup::Asked(_) => {
                self.payload = payload.to_vec();
                self.step = Step::Resolving(asked);
                Progress::Continue
            }
        }
    }

    fn send_to(&mut self, cx: &mut Cx<'_>, ip: Option<IpAddr>, payload: &[u8]) -> Progress {
        let link = cx.net.links.open(self.to.id);
        let Some(link) = link.filter(|link| link.socket == self.to.socket) else {
            cx.env.log(if link.is_some() {
                "link is changed"
            } else {
                "socket is closed"
            });
            cx.env.event(Event::Dropped {
                what: Dropped::DeadLink,
                bytes: payload.len(),
            });
            return SEND_FAIL;
        };
        let is_udp = link.kind.transport == Transport::Udp;
        if payload.is_empty() && !is_udp {
            return SEND_OK;
        }
        let to = match (ip, &self.to.target) {
            (Some(ip), Some((host, port))) => {
                Some((SocketAddr::new(ip, *port), host.name().cloned()))
            }
            _ => is_udp.then(|| (link.remote, link.name().cloned())),
        };
        if let Some(&(addr, _)) = to.as_ref() {
            if is_nobody(addr) {
                return SEND_FAIL;
            }
            // The stack takes a datagram that nobody on the softAP's network will answer.
            if !cx.wifi.reaches(cx.nvs, addr.ip()) {
                cx.env.event(Event::Dropped {
                    what: Dropped::Unreachable,
                    bytes: payload.len(),
                });
                return SEND_OK;
            }
        }
        if cx.net.waits(self.to.id) {
            self.payload = payload.to_vec();
            self.step = Step::Waiting;
            let patience = Net::patience(self.send_timeout_ms(cx));
            cx.env.set_timer(Timer::Operation, patience);
            return Progress::Continue;
        }
        cx.env.out.send(self.to.socket, to, payload);
        self.watch(cx, is_udp);
        cx.net.on_sending(&mut cx.env, self.to.id);
        self.step = Step::Sending(payload.len());
        if payload.is_empty() {
            SEND_OK
        } else {
            Progress::Continue
        }
    }

    /// The link that was waited for takes nothing any more.
    fn give_up(&self, cx: &mut Cx<'_>) -> Progress {
        cx.env.event(Event::Dropped {
            what: Dropped::DeadLink,
            bytes: self.payload.len(),
        });
        SEND_FAIL
    }

    /// `AT+CIPTCPOPT`'s send time-out.
    fn watch(&self, cx: &mut Cx<'_>, is_udp: bool) {
        let timeout_ms = self.send_timeout_ms(cx);
        if timeout_ms > 0 && !is_udp {
            let timeout = Duration::from_millis(u64::from(timeout_ms));
            cx.env.set_timer(Timer::Operation, timeout);
        }
    }

    fn send_timeout_ms(&self, cx: &Cx<'_>) -> u32 {
        cx.nvs.live.tcp[self.to.id.index()].send_timeout_ms
    }
}
