//! `AT+CIPSTART`, `AT+CIPSTARTEX`: open a link (behaviour.md 3.3, 3.4, U1, U12, (c), (h);
//! manuals of 2.4 and 4.1 for the shared keep-alive and the time-out).

use alloc::boxed::Box;
use core::net::IpAddr;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::input::NetError;
use crate::net::dial::{Dial, Dialed, Target};
use crate::net::host::Host;
use crate::net::{Kind, LinkId, UdpMode};
use crate::output::Transport;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::reply::urc::Urc;
use crate::syntax::args::Args;
use crate::sys::SYSMSG_LINK_CONN;
use crate::time::Duration;
use crate::timers::Timer;

pub(super) const COMMANDS: &[Command] = &[
    Command::new("+CIPSTART")
        .set(start)
        .doc("tcp-ip.html#cmd-START", "Open a link"),
    Command::new("+CIPSTARTEX")
        .set(start_ex)
        .needs(Features::RTOS)
        .doc(
            "tcp-ip.html#cmd-STARTEX",
            "Open a link with the lowest free number",
        ),
];

/// Longest keep-alive interval, in seconds.
const KEEP_ALIVE_MAX: i32 = 7200;
const PORT_MAX: i32 = 65_535;
/// Longest time-out, in milliseconds; 0 leaves it to the network stack.
const TIMEOUT_MAX: i32 = 60_000;

/// What the host MCU asks for.
struct Wanted {
    target: Target,
    keep_alive_s: Option<u16>,
    timeout: Option<Duration>,
}

fn start(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    let most = most_params(cx);
    let counted = args.arity(before + 3..=before + most);
    // AT 0.20 looks for the number first, and without one finds no type where that should stand.
    let id = super::link_param(cx, args).inspect_err(|error| {
        let is_text = matches!(error, AtError::Type(_));
        cx.env.explain(if is_text {
            Reason::BadKind
        } else {
            Reason::BadLink
        });
    });
    counted?;
    let id = id?;
    open(cx, args, id)
}

fn start_ex(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(3..=most_params(cx))?;
    let limit = if cx.net.multi {
        cx.env.profile().limits.links
    } else {
        1
    };
    let id = cx.net.links.free_id(limit).ok_or(AtError::Failed)?;
    open(cx, args, id)
}

/// The link's number not counted.
fn most_params(cx: &Cx<'_>) -> u8 {
    5 + u8::from(cx.env.has(Features::RTOS)) + u8::from(has_timeout(cx))
}

fn has_timeout(cx: &Cx<'_>) -> bool {
    let features = cx.env.profile().features;
    features.contains(Features::CONNECT_TIMEOUT)
}

fn open(cx: &mut Cx<'_>, args: &mut Args<'_>, id: LinkId) -> Handled {
    let wanted = parse(cx, args)?;
    if cx.net.links.get(id).is_some() {
        cx.env.explain(Reason::AlreadyConnected);
        return Err(AtError::Failed);
    }
    if !cx.wifi.station_is_up() && !cx.wifi.softap_is_on(cx.nvs) {
        cx.env.explain(Reason::NoAddress);
        return Err(AtError::Failed);
    }
    let ssl_links_max = usize::from(cx.env.profile().limits.ssl_links);
    let is_ssl = wanted.target.kind.transport == Transport::Tls;
    if is_ssl && cx.net.links.ssl() >= ssl_links_max {
        return Err(AtError::Failed);
    }
    super::require_memory(cx)?;
    if !cx.env.has_socket(cx.net.links.count()) {
        return Err(AtError::Failed);
    }
    if let Some(timeout) = wanted.timeout {
        cx.env.set_timer(Timer::Operation, timeout);
    }
    let target = with_keep_alive(cx, id, wanted);
    let dial = match Dial::begin(cx, id, target) {
        Dialed::Pending(dial) => Some(dial),
        Dialed::Unreachable => {
            wait_for_nobody(cx);
            None
        }
        Dialed::NoHost(error) | Dialed::Failed(error) => {
            super::say_network_error(cx, error);
            cx.env.timers.stop(Timer::Operation);
            return Err(AtError::Failed);
        }
        Dialed::Up => {
            cx.env.timers.stop(Timer::Operation);
            return Err(AtError::Failed);
        }
    };
    Ok(Reply::Started(Box::new(Starting { id, dial })))
}

/// Keep-alive as `AT+CIPTCPOPT` has it too, where the firmware has that: the later of the two counts.
fn with_keep_alive(cx: &mut Cx<'_>, id: LinkId, wanted: Wanted) -> Target {
    let mut target = wanted.target;
    let features = cx.env.profile().features;
    match wanted.keep_alive_s {
        Some(seconds) if features.contains(Features::TCP_KEEP_ALIVE) => {
            cx.nvs.live.tcp_keep_alive_s[id.index()] = seconds;
        }
        given => target.keep_alive_s = given.unwrap_or(0),
    }
    target
}

fn parse(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Result<Wanted, AtError> {
    let kind = parse_kind(cx, args).inspect_err(|_| cx.env.explain(Reason::BadKind))?;
    let remote = parse_remote(cx, args, kind);
    let (host, port) = remote.inspect_err(|error| {
        // Of a quoted port NonOS says no word (behaviour.md U16).
        if !matches!(error, AtError::Type(_)) {
            cx.env.explain(Reason::BadRemote);
        }
    })?;
    let mut target = Target::new(kind, host, port);
    let mut keep_alive_s = None;
    if target.is_udp() {
        parse_udp(cx, args, &mut target)?;
    } else {
        keep_alive_s = args.opt_word(0..=KEEP_ALIVE_MAX)?;
    }
    target.local_ip = args.opt_ip()?;
    let timeout = if has_timeout(cx) {
        parse_timeout(args)?
    } else {
        None
    };
    args.finish()?;
    let is_foreign = |ip: IpAddr| !cx.wifi.own_addresses(&cx.env, cx.nvs).contains(&Some(ip));
    if (kind.is_v6 && !cx.nvs.live.ipv6) || target.local_ip.is_some_and(is_foreign) {
        return Err(AtError::Failed);
    }
    Ok(Wanted {
        target,
        keep_alive_s,
        timeout,
    })
}

fn parse_timeout(args: &mut Args<'_>) -> Result<Option<Duration>, AtError> {
    let ms = args.opt_word(0..=TIMEOUT_MAX)?.filter(|ms| *ms > 0);
    Ok(ms.map(|ms| Duration::from_millis(u64::from(ms))))
}

fn parse_kind(cx: &Cx<'_>, args: &mut Args<'_>) -> Result<Kind, AtError> {
    super::kind(cx, args.string(usize::MAX)?).ok_or_else(|| args.invalid())
}

fn parse_remote(cx: &Cx<'_>, args: &mut Args<'_>, kind: Kind) -> Result<(Host, u16), AtError> {
    let host = args.string(cx.env.profile().limits.host_bytes)?;
    let host = Host::parse(host).ok_or_else(|| args.invalid())?;
    if let Host::Literal(ip) = host
        && ip.is_ipv6() != kind.is_v6
    {
        return Err(args.invalid());
    }
    let port_min = i32::from(kind.transport != Transport::Udp);
    let port = args.word(port_min..=PORT_MAX)?;
    Ok((host, port))
}

fn parse_udp(cx: &mut Cx<'_>, args: &mut Args<'_>, target: &mut Target) -> Result<(), AtError> {
    if let Some(port) = args.opt_word(1..=PORT_MAX)? {
        cx.env.log(format_args!("local port:{port}"));
        target.local_port = port;
    }
    let mode = args.opt_int(0..=2)?;
    if let Some(mode) = mode {
        if target.local_port == 0 {
            return Err(args.invalid());
        }
        cx.env.log(format_args!("change type:{mode}"));
    }
    target.udp_mode = match mode {
        None | Some(0) => UdpMode::Fixed,
        Some(1) => UdpMode::FirstSender,
        Some(_) => UdpMode::EverySender,
    };
    Ok(())
}

/// Without a station there is only the softAP's network, on which nobody answers for a foreign address.
fn wait_for_nobody(cx: &mut Cx<'_>) {
    let end = cx.env.now + cx.env.profile().limits.connect_timeout;
    let asked = cx.env.timers.due(Timer::Operation);
    let end = asked.map_or(end, |asked| end.min(asked));
    cx.env.timers.set(Timer::Operation, end);
}

/// A link that is being opened; without `dial`, one that nobody will answer.
#[derive(Debug)]
struct Starting {
    id: LinkId,
    dial: Option<Dial>,
}

impl Operation for Starting {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        let Some(dial) = self.dial.take() else {
            if !matches!(event, OpEvent::Deadline) {
                return Progress::Continue;
            }
            cx.net.end_link(&mut cx.env, self.id);
            super::say_network_error(cx, NetError::TimedOut);
            return Progress::FAILED;
        };
        if matches!(event, OpEvent::Deadline) {
            super::say_network_error(cx, NetError::TimedOut);
            dial.give_up(cx);
            return Progress::FAILED;
        }
        match dial.on_event(cx, event) {
            Dialed::Pending(dial) => {
                self.dial = Some(dial);
                Progress::Continue
            }
            Dialed::Unreachable => {
                wait_for_nobody(cx);
                Progress::Continue
            }
            Dialed::Up => {
                report_up(cx, self.id);
                Progress::DONE
            }
            Dialed::NoHost(error) | Dialed::Failed(error) => {
                super::say_network_error(cx, error);
                Progress::FAILED
            }
        }
    }
}

/// `CONNECT`, as part of the answer.
fn report_up(cx: &mut Cx<'_>, id: LinkId) {
    let Some(link) = cx.net.links.get(id) else {
        return;
    };
    let link_conn = cx.nvs.live.sysmsg & SYSMSG_LINK_CONN != 0;
    let is_udp = link.kind.transport == Transport::Udp;
    let shows_link = cx.net.multi || (is_udp && cx.env.profile().quirks.udp_connect_shows_link);
    cx.env
        .out
        .report(Urc::Connect(link.up()), shows_link, link_conn);
}
