//! `AT+SAVETRANSLINK`: a link that is opened in passthrough after power-on (behaviour.md 3.14, U10).

use alloc::vec;

use crate::exec::cx::Cx;
use crate::exec::operation::Handled;
use crate::exec::table::Command;
use crate::net::Kind;
use crate::net::dial::Target;
use crate::net::host::Host;
use crate::nvs::Setting;
use crate::output::Transport;
use crate::reply::error::AtError;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+SAVETRANSLINK").set(set).doc(
    "tcp-ip.html#cmd-SAVET",
    "Keep a link that is opened in passthrough after power-on",
)];

fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    args.arity(1..=5)?;
    if !args.flag()? {
        return cx.keep(vec![Setting::SavedLink(None)]);
    }
    args.arity(3..=5)?;
    let host = args.string(cx.env.profile().limits.host_bytes)?;
    let host = Host::parse(host).ok_or_else(|| args.invalid())?;
    let port = args.word(1..=65_535)?;
    let kind = match args.opt_string(usize::MAX)? {
        None => Kind {
            transport: Transport::Tcp,
            is_v6: false,
        },
        Some(text) => super::kind(cx, text)
            .filter(|kind| super::can_be_raw(cx, *kind))
            .ok_or_else(|| args.invalid())?,
    };
    if matches!(host, Host::Literal(ip) if ip.is_ipv6() != kind.is_v6) {
        return Err(AtError::Failed);
    }
    let mut target = Target::new(kind, host, port);
    if target.is_udp() {
        target.local_port = args.opt_word(1..=65_535)?.unwrap_or(0);
    } else {
        target.keep_alive_s = args.opt_word(0..=7200)?.unwrap_or(0);
    }
    cx.keep(vec![Setting::SavedLink(Some(target))])
}
