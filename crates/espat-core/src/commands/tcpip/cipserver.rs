//! `AT+CIPSERVER`: the server (behaviour.md 3.11, U6, (d)).

use alloc::boxed::Box;

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, OpEvent, Operation, Progress, Reply};
use crate::exec::table::Command;
use crate::net::Kind;
use crate::net::server::{self, Interface};
use crate::output::{CloseHow, Transport};
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::syntax::args::Args;
use crate::tls::SlotKind;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPSERVER")
    .query(query)
    .query_needs(Features::RTOS)
    .set(set)
    .doc("tcp-ip.html#cmd-SERVER", "Query, start or stop the server")];

/// The port without a `<port>` parameter.
const DEFAULT_PORT: u16 = 333;

/// `<netif>`. The manual of 4.1 names the parameter; its values are decided without evidence, and so is the ERROR for an
/// interface that is down. Without it the server waits for any.
const INTERFACES: [Interface; 3] = [Interface::Any, Interface::Station, Interface::SoftAp];

fn query(cx: &mut Cx<'_>) -> Handled {
    let server = &cx.net.server;
    let features = cx.env.profile().features;
    let line = cx.env.out.line("+CIPSERVER").int(server.is_running());
    if server.is_running() {
        let mut line = line.int(server.port).quoted(server.kind.name());
        // Whether clients are checked is shown where there is an SSL server (behaviour.md 3.11).
        if features.contains(Features::SSL_SERVER) {
            line = line.int(server.verify_clients);
        }
        if features.contains(Features::SERVER_NETIF) {
            line.int(server.interface as u8);
        }
    }
    Ok(Reply::Done)
}

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let most = match cx.env.profile().features {
        has if has.contains(Features::SERVER_NETIF) => 5,
        has if has.contains(Features::RTOS) => 4,
        _ => 2,
    };
    args.arity(1..=most)?;
    if args.flag()? {
        start(cx, args)
    } else {
        stop(cx, args)
    }
}

fn start(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let port = args.opt_word(1..=65_535)?.unwrap_or(DEFAULT_PORT);
    let kind = match args.opt_string(usize::MAX)? {
        None => Kind {
            transport: Transport::Tcp,
            is_v6: false,
        },
        Some(text) => super::kind(cx, text)
            .filter(|kind| match kind.transport {
                Transport::Tcp => true,
                Transport::Tls => cx.env.profile().features.contains(Features::SSL_SERVER),
                Transport::Udp => false,
            })
            .ok_or_else(|| args.invalid())?,
    };
    let verify = args.opt_flag()?.unwrap_or(false) && kind.transport == Transport::Tls;
    let interface = INTERFACES[usize::from(args.opt_byte(0..=2)?.unwrap_or(0))];
    let is_there = interface == Interface::Any || interface.is_up(cx);
    if !cx.net.multi || (kind.is_v6 && !cx.nvs.live.ipv6) || !is_there {
        return Err(AtError::Failed);
    }
    if cx.net.server.is_running() {
        cx.env.explain(Reason::NoChange);
        let ok = cx.env.profile().quirks.server_again_ok;
        return if ok {
            Ok(Reply::Done)
        } else {
            Err(AtError::Failed)
        };
    }
    if verify && !cx.env.config.slots.has(SlotKind::ServerCa, 0) {
        // Nobody could be let in; the answer was not seen on a module.
        cx.env.explain(Reason::NoCa);
        return Err(AtError::Failed);
    }
    super::require_memory(cx)?;
    cx.net.server.verify_clients = verify;
    cx.net.server.interface = interface;
    cx.net.server.start(kind, port);
    server::follow(cx);
    Ok(if cx.net.server.listener.is_some() {
        Reply::Started(Box::new(Opening))
    } else {
        Reply::Done
    })
}

fn stop(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let has_close_all = cx
        .env
        .profile()
        .features
        .contains(Features::SERVER_CLOSE_ALL);
    args.arity(1..=if has_close_all { 2 } else { 1 })?;
    let close_all = args.opt_flag()?.unwrap_or(false);
    if !cx.net.server.is_running() {
        cx.env.explain(Reason::NoChange);
        return Ok(Reply::Done);
    }
    cx.net.server.stop(&mut cx.env, CloseHow::Fin);
    if close_all {
        super::cipclose::close_all(cx);
    }
    Ok(Reply::Done)
}

/// The listener is being opened.
#[derive(Debug)]
struct Opening;

impl Operation for Opening {
    fn on_event(&mut self, cx: &mut Cx<'_>, event: &OpEvent<'_>) -> Progress {
        let OpEvent::Listening(result) = *event else {
            return Progress::Continue;
        };
        match result {
            Ok(()) => Progress::DONE,
            Err(error) => {
                super::say_network_error(cx, error);
                Progress::FAILED
            }
        }
    }
}
