//! `AT+CIPCLOSEMODE`: how `AT+CIPCLOSE` ends a TCP link, on NonOS (instruction set 3.0): it counts for the link that is open.

use crate::exec::cx::Cx;
use crate::exec::operation::{Handled, Reply};
use crate::exec::table::Command;
use crate::output::Transport;
use crate::profile::Features;
use crate::reply::error::AtError;
use crate::reply::reason::Reason;
use crate::syntax::args::Args;

pub(super) const COMMANDS: &[Command] = &[Command::new("+CIPCLOSEMODE")
    .set(set)
    .needs(Features::SUFFIXES)
    .doc("behaviour.md 5", "Set whether closing a link aborts it")];

/// Without an open TCP link there is nothing that it could count for: decided without a log.
fn set(cx: &mut Cx<'_>, args: &mut Args<'_>) -> Handled {
    let before = super::link_params(cx);
    args.arity(before + 1..=before + 1)?;
    let id = super::link_param(cx, args)?;
    let aborts = args.flag()?;
    let link = cx.net.links.get_mut(id).filter(|link| link.is_open());
    match link {
        Some(link) if link.kind.transport == Transport::Tcp => {
            // The socket closes with what it has to say thrown away, which its peer hears as a reset.
            link.options.linger_s = aborts.then_some(0);
            cx.env.out.options(link.socket, link.options);
            Ok(Reply::Done)
        }
        Some(_) => Err(AtError::Failed),
        None => {
            cx.env.explain(Reason::NoLink);
            Err(AtError::Failed)
        }
    }
}
