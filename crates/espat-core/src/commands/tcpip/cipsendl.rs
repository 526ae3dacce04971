//! `AT+CIPSENDL` and `AT+CIPSENDLCFG`: payload of any length, which goes out while it comes in (behaviour.md 5; manual of 2.4).
//!
//! What the network stack has not taken is bounded: the host MCU is held back, with room left for the `+++` that ends it. Reports
//! come while it goes on, data of the same link too: a peer that answers what it gets would otherwise wait for ever.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use super::cipsend::{SEND_FAIL, SEND_OK, Sendable};
use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, LinkEvent, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::net::host::{Lookup, is_nobody};
use crate::net::{LongSend, Net};
use crate::output::{Dropped, Event, Transport};
use crate::profile::Features;
use crate::serial::payload::DataSpec;
use crate::syntax::args::Args;
use crate::time::Duration;
use crate::timers::Timer;
use crate::wifi::WifiEvent;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPSENDL")
        .set(send)
        .needs(Features::SENDL)
        .doc(
            "tcp-ip.html#cmd-SENDL",
            "Send payload of any length while it comes in",
        ),
    Command::new("+CIPSENDLCFG")
        .query(query)
        .set(configure)
        .needs(Features::SENDL)
        .doc(
            "tcp-ip.html#cmd-SENDLCFG",
            "Query or set the sizes of reports and blocks of AT+CIPSENDL",
        ),
];

/// Smallest sizes of both kinds.
const SIZE_MIN: i32 = 100;
const REPORT_MAX: i32 = 1 << 20;
const BLOCK_MAX: i32 = 2920;
const LENGTH_MAX: usize = 0x7fff_ffff;

fn query(cx: &mut Cx<'_>) -> Handled {
    let LongSend { report, block, .. } = cx.net.long_send;
    cx.env.out.line("+CIPSENDLCFG").int(report).int(block);
    Ok(Reply::Done)
}

fn configure(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=2)?;
    let report = args.int(SIZE_MIN..=REPORT_MAX)?.unsigned_abs();
    let block = args.opt_word(SIZE_MIN..=BLOCK_MAX)?;
    let sizes = &mut cx.net.long_send;
    sizes.report = report;
    sizes.block = block.unwrap_or(sizes.block);
    Ok(Reply::Done)
}

fn send(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let to = Sendable::parse(cx, args, LENGTH_MAX)?;
    let is_udp = cx
        .net
        .links
        .open(to.id)
        .is_some_and(|link| link.kind.transport == Transport::Udp);
    let end = match &to.target {
        None => End::OfLink,
        Some(_) => End::Unknown,
    };
    let data = DataSpec::Stream(to.len);
    cx.net.long_send.held = Some(0);
    let sending = Sending {
        to,
        is_udp,
        end,
        group: Vec::new(),
        received: 0,
        handed: 0,
        taken: 0,
        reported: 0,
        is_whole: false,
        has_failed: false,
    };
    Ok(Reply::Prompt {
        data,
        then: Box::new(sending),
    })
}

/// A send that goes on while its payload comes in.
#[derive(Debug)]
struct Sending {
    to: Sendable,
    is_udp: bool,
    end: End,
    /// Bytes that wait to become a block, or for the address.
    group: Vec<u8>,
    /// Bytes that the host MCU has sent.
    received: usize,
    /// Bytes that went to the network.
    handed: usize,
    /// Bytes that the network stack has taken.
    taken: usize,
    /// What the last report said of them.
    reported: usize,
    /// The host MCU has sent everything.
    is_whole: bool,
    /// Nothing more goes out; what still comes in is thrown away.
    has_failed: bool,
}

/// Where it goes.
#[derive(Debug)]
enum End {
    OfLink,
    /// The named host's address has not been asked for.
    Unknown,
    Asked(Lookup),
    At(IpAddr),
}

impl Operation for Sending {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        match (&self.end, *event) {
            (_, OpEvent::Piece { bytes, is_last }) => {
                self.received += bytes.len();
                self.is_whole = is_last;
                self.on_bytes(cx, bytes);
            }
            (_, OpEvent::Cancelled) => return self.cancel(cx),
            (_, OpEvent::GroupDue) => self.send_group(cx),
            (_, OpEvent::Wifi(WifiEvent::Up)) => {
                if self.handed == self.taken {
                    cx.env.timers.stop(Timer::Operation);
                }
                self.send_group(cx);
            }
            (End::Asked(asked), OpEvent::Resolved(query, result)) => {
                match asked.answered(query, result) {
                    None => {}
                    Some(Ok(ip)) => self.on_address(cx, ip),
                    Some(Err(_)) => self.fail(cx),
                }
            }
            (_, OpEvent::Link(id, LinkEvent::Sent(n))) if id == self.to.id => self.on_sent(cx, n),
            (_, OpEvent::Link(id, LinkEvent::Closed)) if id == self.to.id => {
                cx.net.say_closed(&mut cx.env, id);
                self.fail(cx);
            }
            (_, OpEvent::Link(id, LinkEvent::SendFailed)) if id == self.to.id => self.fail(cx),
            (_, OpEvent::Deadline) => {
                if self.handed > self.taken {
                    cx.net.cancel_send(&mut cx.env, self.to.id);
                }
                let timeout_ms = self.send_timeout_ms(cx);
                cx.net
                    .on_patience_ended(&mut cx.env, self.to.id, timeout_ms);
                self.fail(cx);
            }
            _ => {}
        }
        self.progress(cx)
    }
}

impl Sending {
    fn progress(&mut self, cx: &mut Cx<'_>) -> Progress {
        let is_over = self.is_whole && (self.has_failed || self.taken == self.received);
        let waits = self.group.len() + self.handed - self.taken;
        cx.net.long_send.held = (!is_over).then_some(if self.has_failed { 0 } else { waits });
        if !is_over {
            return Progress::Continue;
        }
        if self.taken > self.reported {
            self.report(cx, self.taken);
        }
        if self.has_failed { SEND_FAIL } else { SEND_OK }
    }

    fn on_bytes(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) {
        if self.has_failed {
            drop_bytes(cx, Dropped::DeadLink, bytes.len());
        } else if !self.is_ready(cx) {
            self.group.extend_from_slice(bytes);
            if cx.net.waits(self.to.id) && cx.env.timers.due(Timer::Operation).is_none() {
                let patience = Net::patience(self.send_timeout_ms(cx));
                cx.env.set_timer(Timer::Operation, patience);
            }
        } else if !self.is_udp && cx.group_interval() == Duration::ZERO {
            self.send(cx, bytes);
        } else {
            self.collect(cx, bytes);
        }
    }

    /// Bytes become blocks.
    fn collect(&mut self, cx: &mut Cx<'_>, mut bytes: &[u8]) {
        let block = usize::from(cx.net.long_send.block);
        let interval = cx.group_interval();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(block - self.group.len()));
            bytes = rest;
            let is_first = self.group.is_empty();
            self.group.extend_from_slice(head);
            if self.group.len() == block || (self.is_whole && bytes.is_empty()) {
                self.send_group(cx);
            } else if interval == Duration::ZERO {
                // A datagram is a chunk: without an interval nothing else tells where one ends.
                let gap = cx.env.profile().limits.chunk_gap;
                cx.env.set_timer(Timer::Group, gap);
            } else if is_first {
                cx.env.set_timer(Timer::Group, interval);
            }
        }
    }

    /// Whether nothing keeps bytes from going out; asks for the address where it is not known.
    fn is_ready(&mut self, cx: &mut Cx<'_>) -> bool {
        if let (End::Unknown, Some((host, _))) = (&self.end, &self.to.target) {
            if host.name().is_some() && !cx.wifi.station_is_up() {
                self.fail(cx);
                return true;
            }
            let family = self.to.family(cx);
            self.end = match host.resolve(cx, family) {
                Lookup::Known(ip) => End::At(ip),
                asked @ Lookup::Asked(_) => End::Asked(asked),
            };
        }
        self.is_open_ended(cx)
    }

    /// Whether the address is known, and the link does not wait for its interface.
    fn is_open_ended(&self, cx: &Cx<'_>) -> bool {
        matches!(self.end, End::OfLink | End::At(_)) && !cx.net.waits(self.to.id)
    }

    fn on_address(&mut self, cx: &mut Cx<'_>, ip: IpAddr) {
        self.end = End::At(ip);
        self.send_group(cx);
    }

    /// What has come together goes out: in blocks, the last of which need not be full.
    fn send_group(&mut self, cx: &mut Cx<'_>) {
        if self.group.is_empty() || !self.is_open_ended(cx) {
            return;
        }
        cx.env.timers.stop(Timer::Group);
        let group = core::mem::take(&mut self.group);
        for piece in group.chunks(usize::from(cx.net.long_send.block)) {
            self.send(cx, piece);
        }
    }

    fn send(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) {
        if self.has_failed {
            drop_bytes(cx, Dropped::DeadLink, bytes.len());
            return;
        }
        let link = cx.net.links.open(self.to.id);
        let Some(link) = link.filter(|link| link.socket == self.to.socket) else {
            drop_bytes(cx, Dropped::DeadLink, bytes.len());
            self.fail(cx);
            return;
        };
        let to = match (&self.end, &self.to.target) {
            (End::At(ip), Some((host, port))) => {
                Some((SocketAddr::new(*ip, *port), host.name().cloned()))
            }
            _ => self.is_udp.then(|| (link.remote, link.name().cloned())),
        };
        if let Some(&(addr, _)) = to.as_ref() {
            if is_nobody(addr) {
                drop_bytes(cx, Dropped::DeadLink, bytes.len());
                self.fail(cx);
                return;
            }
            // The stack takes a datagram that nobody on the softAP's network will answer.
            if !cx.wifi.reaches(cx.nvs, addr.ip()) {
                drop_bytes(cx, Dropped::Unreachable, bytes.len());
                self.handed += bytes.len();
                self.on_sent(cx, bytes.len());
                return;
            }
        }
        if self.handed == self.taken {
            self.watch(cx);
        }
        self.handed += bytes.len();
        cx.env.out.send(self.to.socket, to, bytes);
        cx.net.on_sending(&mut cx.env, self.to.id);
    }

    /// `AT+CIPTCPOPT`'s send time-out runs while the stack takes nothing.
    fn watch(&self, cx: &mut Cx<'_>) {
        let timeout_ms = self.send_timeout_ms(cx);
        if timeout_ms > 0 && !self.is_udp {
            let timeout = Duration::from_millis(u64::from(timeout_ms));
            cx.env.set_timer(Timer::Operation, timeout);
        }
    }

    fn send_timeout_ms(&self, cx: &Cx<'_>) -> u32 {
        cx.nvs.live.tcp[self.to.id.index()].send_timeout_ms
    }

    fn on_sent(&mut self, cx: &mut Cx<'_>, n: usize) {
        if self.has_failed {
            return;
        }
        self.taken = (self.taken + n).min(self.handed);
        cx.env.timers.stop(Timer::Operation);
        if self.taken < self.handed {
            self.watch(cx);
        }
        // A report a multiple of the size, as the manual shows them.
        let size = usize::try_from(cx.net.long_send.report).unwrap_or(usize::MAX);
        let mut next = self.reported - self.reported % size + size;
        while next <= self.taken {
            self.report(cx, next);
            next += size;
        }
    }

    fn report(&mut self, cx: &mut Cx<'_>, sent: usize) {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let line = cx.env.out.line("+CIPSENDL");
        line.int(number(sent)).int(number(self.received));
        self.reported = sent;
    }

    fn fail(&mut self, cx: &mut Cx<'_>) {
        if self.has_failed {
            return;
        }
        self.has_failed = true;
        cx.env.timers.stop(Timer::Operation);
        cx.env.timers.stop(Timer::Group);
        let lost = self.group.len() + self.handed - self.taken;
        self.group = Vec::new();
        drop_bytes(cx, Dropped::DeadLink, lost);
    }

    /// `+++`: what the stack has not taken is thrown away. Nothing follows the text, as after that of `AT+CIPSEND` (decided without
    /// evidence).
    fn cancel(&mut self, cx: &mut Cx<'_>) -> Progress {
        if let End::Asked(Lookup::Asked(query)) = self.end {
            cx.net.queries.cancel(cx.env.out, query);
        }
        if !self.has_failed {
            let lost = self.group.len() + self.handed - self.taken;
            if self.handed > self.taken {
                cx.net.cancel_send(&mut cx.env, self.to.id);
            }
            drop_bytes(cx, Dropped::Cancelled, lost);
        }
        cx.env.timers.stop(Timer::Group);
        cx.net.long_send.held = None;
        cx.env.out.notice("SEND CANCELLED");
        Progress::Silent
    }
}

fn drop_bytes(cx: &mut Cx<'_>, what: Dropped, bytes: usize) {
    if bytes > 0 {
        cx.env.event(Event::Dropped { what, bytes });
    }
}
