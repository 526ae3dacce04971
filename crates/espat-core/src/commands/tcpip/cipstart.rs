//! `AT+CIPSTART`, `AT+CIPSTARTEX`: open a link (behaviour.md 3.3, 3.4; decisions.md U1, U12, (c), (h)).

use alloc::boxed::Box;
use core::net::{IpAddr, SocketAddr};

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, LinkEvent, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::module::SYSMSG_LINK_CONN;
use crate::net::host::{Host, Lookup, socket_options};
use crate::net::{Kind, LinkId, UdpMode};
use crate::output::{Connect, Family, Transport};
use crate::reply::error::AtError;
use crate::reply::urc::Urc;
use crate::syntax::args::Args;
use crate::timers::Timer;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPSTART")
        .set(start)
        .doc("tcp-ip.html#cmd-START", "Open a link"),
    Command::new("+CIPSTARTEX").set(start_ex).doc(
        "tcp-ip.html#cmd-STARTEX",
        "Open a link with the lowest free number",
    ),
];

/// Longest keep-alive interval, in seconds.
const KEEP_ALIVE_MAX: i32 = 7200;
const PORT_MAX: i32 = 65_535;

fn start(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 3..=before + 6)?;
    let id = super::link_param(cx, args)?;
    open(cx, args, id)
}

fn start_ex(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(3..=6)?;
    let limit = if cx.net.multi {
        cx.env.profile().limits.links
    } else {
        1
    };
    let id = cx.net.links.free_id(limit).ok_or(AtError::Failed)?;
    open(cx, args, id)
}

fn open(cx: &mut Cx<'_>, args: &mut Args<'_>, id: LinkId) -> Handled {
    let start = Start::parse(cx, args, id)?;
    if cx.net.links.get(id).is_some() {
        cx.env.log("ALREADY CONNECTED");
        return Err(AtError::Failed);
    }
    if !cx.wifi.station_is_up() && !cx.wifi.softap_is_on(cx.nvs) {
        cx.env.log("no ip");
        return Err(AtError::Failed);
    }
    let family = if start.kind.is_v6 {
        Family::V6
    } else {
        Family::V4
    };
    match start.host.resolve(&mut cx.env, cx.net, family) {
        Lookup::Known(ip) => start.connect(cx, ip),
        Lookup::Asked(_) if !cx.wifi.station_is_up() => return Err(AtError::Failed),
        asked @ Lookup::Asked(_) => {
            return Ok(Reply::Started(Box::new(Starting {
                start,
                wait: Wait::Name(asked),
            })));
        }
    }
    Ok(Reply::Started(Box::new(Starting {
        start,
        wait: Wait::Link,
    })))
}

/// What the host MCU asked for.
#[derive(Debug)]
struct Start {
    id: LinkId,
    kind: Kind,
    host: Host,
    port: u16,
    keep_alive_s: u16,
    local_port: u16,
    udp_mode: UdpMode,
    local_ip: Option<IpAddr>,
}

impl Start {
    fn parse(cx: &mut Cx<'_>, args: &mut Args<'_>, id: LinkId) -> Result<Self, AtError> {
        let kind = Kind::parse(args.string(usize::MAX)?).ok_or_else(|| args.invalid())?;
        let host = Host::parse(args.string(cx.env.profile().limits.host_bytes)?)
            .ok_or_else(|| args.invalid())?;
        if let Host::Literal(ip) = host
            && ip.is_ipv6() != kind.is_v6
        {
            return Err(args.invalid());
        }
        let is_udp = kind.transport == Transport::Udp;
        let port = args.word(i32::from(!is_udp)..=PORT_MAX)?;
        let mut start = Self {
            id,
            kind,
            host,
            port,
            keep_alive_s: 0,
            local_port: 0,
            udp_mode: UdpMode::Fixed,
            local_ip: None,
        };
        if is_udp {
            start.parse_udp(args)?;
        } else {
            start.keep_alive_s = args.opt_word(0..=KEEP_ALIVE_MAX)?.unwrap_or(0);
        }
        start.local_ip = args.opt_ip()?;
        if args.has_more() {
            return Err(AtError::Count {
                need: args.read(),
                given: args.given(),
            });
        }
        let is_foreign = |ip: IpAddr| !cx.wifi.own_addresses(&cx.env, cx.nvs).contains(&Some(ip));
        if (kind.is_v6 && !cx.nvs.live.ipv6) || start.local_ip.is_some_and(is_foreign) {
            return Err(AtError::Failed);
        }
        Ok(start)
    }

    fn parse_udp(&mut self, args: &mut Args<'_>) -> Result<(), AtError> {
        self.local_port = args.opt_word(1..=PORT_MAX)?.unwrap_or(0);
        let mode = args.opt_int(0..=2)?;
        if mode.is_some() && self.local_port == 0 {
            return Err(args.invalid());
        }
        self.udp_mode = match mode {
            None | Some(0) => UdpMode::Fixed,
            Some(1) => UdpMode::FirstSender,
            Some(_) => UdpMode::EverySender,
        };
        Ok(())
    }

    fn connect(&self, cx: &mut Cx<'_>, ip: IpAddr) {
        let limits = &cx.env.profile().limits;
        let to = Connect {
            transport: self.kind.transport,
            remote: SocketAddr::new(ip, self.port),
            name: self.host.name().cloned(),
            local_ip: self.local_ip,
            local_port: self.local_port,
            options: socket_options(&cx.nvs.live.tcp[self.id.index()], self.keep_alive_s),
            deadline: cx.env.now + limits.connect_timeout,
        };
        if self.kind.transport == Transport::Tcp && !cx.wifi.reaches(cx.nvs, ip) {
            cx.env.set_timer(Timer::Operation, limits.connect_timeout);
            return;
        }
        cx.net
            .open(&mut cx.env, self.id, self.kind, to, self.udp_mode);
    }
}

/// A link that is being opened.
#[derive(Debug)]
struct Starting {
    start: Start,
    wait: Wait,
}

#[derive(Debug)]
enum Wait {
    Name(Lookup),
    Link,
}

impl Operation for Starting {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        match (&self.wait, *event) {
            (Wait::Name(asked), OpEvent::Resolved(query, result)) => {
                match asked.answered(query, result) {
                    None => Progress::Continue,
                    Some(Ok(ip)) => {
                        self.wait = Wait::Link;
                        self.start.connect(cx, ip);
                        Progress::Continue
                    }
                    Some(Err(_)) => {
                        cx.env.log("gethostbyname fail");
                        Progress::FAILED
                    }
                }
            }
            (Wait::Link, OpEvent::Link(id, LinkEvent::Opened)) if id == self.start.id => {
                report_up(cx, id);
                Progress::DONE
            }
            (Wait::Link, OpEvent::Link(id, LinkEvent::Failed)) if id == self.start.id => {
                Progress::FAILED
            }
            // Nobody on the softAP's network answers for this address.
            (Wait::Link, OpEvent::Deadline) => {
                cx.env.report(Urc::Closed(self.start.id));
                Progress::FAILED
            }
            _ => Progress::Continue,
        }
    }
}

/// `CONNECT`, as part of the answer.
fn report_up(cx: &mut Cx<'_>, id: LinkId) {
    let Some(link) = cx.net.links.get(id) else {
        return;
    };
    let link_conn = cx.nvs.live.sysmsg & SYSMSG_LINK_CONN != 0;
    cx.env
        .out
        .report(Urc::Connect(link.up()), cx.net.multi, link_conn);
}
