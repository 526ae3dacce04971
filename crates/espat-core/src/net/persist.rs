//! Links that outlive the loss of the access point (behaviour.md 2.4: from 5.0 on `AT+CIPCONNPERSIST` can keep the firmware from closing them).
//!
//! Nothing goes over them until the station has its address again: what is sent waits, and nothing is read. Another address ends them, as lwIP
//! ends what has the old one.

use alloc::vec::Vec;

use super::{Link, LinkId, Net};
use crate::exec::cx::Env;
use crate::output::{CloseHow, Transport};
use crate::reply::urc::Urc;
use crate::time::Duration;

/// How long lwIP sends again what nobody acknowledges: six times on these builds, ten to twenty seconds (behaviour.md 3.3). Then it gives the
/// link up.
const RESENDS: Duration = Duration::from_secs(20);

impl Net {
    /// How long a send may wait for the interface: the send time-out, where that is shorter than what the stack goes on for.
    pub(crate) fn patience(send_timeout_ms: u32) -> Duration {
        match send_timeout_ms {
            0 => RESENDS,
            ms => RESENDS.min(Duration::from_millis(u64::from(ms))),
        }
    }

    /// A send has waited so long as it may: the stack gives the link up where it has gone on as long as it does.
    pub(crate) fn on_patience_ended(
        &mut self,
        env: &mut Env<'_>,
        id: LinkId,
        send_timeout_ms: u32,
    ) {
        if self.waits(id) && Self::patience(send_timeout_ms) == RESENDS {
            self.abandon(env, id);
        }
    }

    /// Whether a link waits for its interface: nothing goes out, nothing is read.
    pub(crate) fn waits(&self, id: LinkId) -> bool {
        self.links.get(id).is_some_and(|link| link.waits)
    }

    /// Whether a link stays when its interface goes. Passthrough opens its link again by itself.
    pub(crate) fn persists(&self, link: &Link) -> bool {
        self.persist && !self.raw && link.is_open() && link.kind.transport != Transport::Udp
    }

    /// The interface went down: links that stay wait for it.
    pub(crate) fn begin_waiting(&mut self) {
        let waiting: Vec<_> = self
            .links
            .iter()
            .filter(|link| self.persists(link))
            .map(|link| link.id)
            .collect();
        for link in self.links.iter_mut() {
            link.waits |= waiting.contains(&link.id);
        }
    }

    /// The interface is up again. Links that have waited go on where it has its old address; otherwise those of IPv4 end. Returns them,
    /// for the running command.
    pub(crate) fn on_interface_up(&mut self, env: &mut Env<'_>, same_address: bool) -> Vec<LinkId> {
        let ends = |link: &Link| link.waits && !same_address && !link.kind.is_v6;
        let closed = self.close_where(env, CloseHow::Reset, |link| link.is_open() && ends(link));
        for id in self.links.ids() {
            self.end_waiting(env, id);
        }
        self.arm_idle_timer(env);
        closed
    }

    /// A link waits no more: what had been asked for before it waited, and came since, is said now.
    pub(super) fn end_waiting(&mut self, env: &mut Env<'_>, id: LinkId) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if !core::mem::take(&mut link.waits) || link.rx.held.len() == 0 {
            return;
        }
        if self.is_read_by_command(id) {
            self.keep_held(env, id);
            return;
        }
        self.release(env, id);
        let data = Urc::Data(id);
        if !env.out.reports.contains(&data) {
            env.report(data);
        }
    }
}
