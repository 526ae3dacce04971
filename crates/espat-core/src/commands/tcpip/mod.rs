//! TCP/IP commands (manual: "TCP/IP AT Commands").

mod cifsr;
mod cipclose;
mod cipclosemode;
mod cipconnpersist;
mod cipdinfo;
mod cipdns;
mod cipdomain;
mod cipfwver;
mod cipmode;
mod cipmux;
mod cipreconnintv;
mod ciprecv;
mod cipsend;
mod cipsendbuf;
mod cipsendl;
mod cipserver;
mod cipservermaxconn;
mod cipsntp;
mod cipsslcalpn;
mod cipsslccipher;
mod cipsslccn;
mod cipsslcconf;
mod cipsslcpsk;
mod cipsslcsni;
mod cipsslsize;
mod cipstart;
mod cipstatus;
mod cipsto;
mod ciptcpopt;
mod cipv6;
mod ciupdate;
mod mdns;
mod ping;
mod savetranslink;
mod ssl_names;

pub(super) use cipclose::close_and_say;

use alloc::vec::Vec;

use crate::exec::cx::Cx;
use crate::exec::table::Command;
use crate::input::NetError;
use crate::net::{Kind, LinkId};
use crate::output::Transport;
use crate::profile::Features;
use crate::reply::errno;
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[&[Command]] = &[
    cifsr::COMMANDS,
    cipv6::COMMANDS,
    cipdomain::COMMANDS,
    cipstatus::COMMANDS,
    cipstart::COMMANDS,
    ciptcpopt::COMMANDS,
    cipclose::COMMANDS,
    cipconnpersist::COMMANDS,
    cipsend::COMMANDS,
    cipsendbuf::COMMANDS,
    cipsendl::COMMANDS,
    cipdinfo::COMMANDS,
    cipmux::COMMANDS,
    ciprecv::COMMANDS,
    cipserver::COMMANDS,
    cipservermaxconn::COMMANDS,
    cipsslcconf::COMMANDS,
    cipsslccipher::COMMANDS,
    cipsslccn::COMMANDS,
    cipsslcsni::COMMANDS,
    cipsslcalpn::COMMANDS,
    cipsslcpsk::COMMANDS,
    cipmode::COMMANDS,
    cipsto::COMMANDS,
    savetranslink::COMMANDS,
    cipreconnintv::COMMANDS,
    cipsntp::COMMANDS,
    ping::COMMANDS,
    cipdns::COMMANDS,
    mdns::COMMANDS,
    ciupdate::COMMANDS,
    cipfwver::COMMANDS,
    cipsslsize::COMMANDS,
    cipclosemode::COMMANDS,
];

/// How many parameters the link number adds: it stands first in multiple-links mode.
fn link_params(cx: &Cx<'_>) -> u8 {
    u8::from(cx.net.multi)
}

/// The link number in multiple-links mode; link 0 in single-link mode.
fn link_param(cx: &Cx<'_>, args: &mut Args<'_>) -> Result<LinkId, AtError> {
    if !cx.net.multi {
        return Ok(LinkId(0));
    }
    let last = i32::from(cx.env.profile().limits.links) - 1;
    Ok(LinkId(args.byte(0..=last)?))
}

/// The memory for a buffer or a socket. Without it the command fails (text of the core library's log).
fn require_memory(cx: &mut Cx<'_>) -> Result<(), AtError> {
    if cx.env.faults.out_of_memory {
        cx.env.log("alloc fail");
        return Err(AtError::Failed);
    }
    Ok(())
}

/// Why the network refused, where the firmware says so.
fn say_network_error(cx: &mut Cx<'_>, error: NetError) {
    if cx.env.profile().quirks.network_errors_numbered && cx.sys.error_codes {
        let number = errno::number(error);
        cx.env.out.line("+ERRNO").show(format_args!("0x{number:x}"));
    }
}

/// The kind of link with that name, where the firmware has it.
fn kind(cx: &Cx<'_>, text: &[u8]) -> Option<Kind> {
    Kind::parse(text).filter(|kind| kind.exists_on(cx.env.profile()))
}

/// Whether passthrough goes over such a link: NonOS has none over SSL (instruction set 3.0, `AT+CIPSTART`).
fn can_be_raw(cx: &Cx<'_>, kind: Kind) -> bool {
    kind.transport != Transport::Tls || cx.env.has(Features::RTOS)
}

/// A text of a certificate or a handshake: without NUL, which ends a string in the firmware.
fn ssl_text(args: &mut Args<'_>, bytes_max: usize) -> Result<Vec<u8>, AtError> {
    let text = args.string(bytes_max)?;
    if text.contains(&0) {
        return Err(args.invalid());
    }
    Ok(text.to_vec())
}

/// The links that a setting per link is for: one, or all where the number is the number of links; all in single-link
/// mode (behaviour.md U13).
fn links_param(cx: &Cx<'_>, args: &mut Args<'_>) -> Result<core::ops::Range<usize>, AtError> {
    let links = cx.env.profile().limits.links;
    if !cx.net.multi {
        return Ok(0..usize::from(links));
    }
    let id = args.byte(0..=i32::from(links))?;
    Ok(if id == links {
        0..usize::from(links)
    } else {
        usize::from(id)..usize::from(id) + 1
    })
}
