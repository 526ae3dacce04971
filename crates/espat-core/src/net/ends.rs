//! How links end: by the host MCU, by their peer, by silence, or with the interface.

use alloc::vec::Vec;

use super::Net;
use super::link::{Link, LinkId, Stage};
use crate::exec::cx::Env;
use crate::output::{CloseHow, Dropped, Event, Transport};
use crate::reply::urc::Urc;
use crate::time::Duration;
use crate::timers::Timer;

impl Net {
    /// Closes a link for the host MCU, or the module itself; nothing about it is reported.
    pub(crate) fn drop_link(&mut self, env: &mut Env<'_>, id: LinkId, how: CloseHow) {
        self.forget_reports(env, id);
        let Some(link) = self.links.remove(id) else {
            return;
        };
        if link.has_socket() {
            env.out.close(link.socket, how);
        }
        let unread = link.rx.len();
        if unread > 0 {
            env.event(Event::Dropped {
                what: Dropped::Unread,
                bytes: unread,
            });
        }
        self.after_close(env);
    }

    /// A link ended by the network or by a timer: report it. Its number is taken until then.
    pub(crate) fn end_link(&mut self, env: &mut Env<'_>, id: LinkId) {
        self.end_waiting(env, id);
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        link.stage = Stage::Ended;
        let is_announced = link.rx.announced;
        if !(is_announced && self.is_read_by_command(id)) {
            self.release(env, id);
            env.report(Urc::Closed(id));
        }
    }

    /// Prints that a link is down without waiting for a place, unless something else is to be said of it first.
    pub(crate) fn say_closed(&mut self, env: &mut Env<'_>, id: LinkId) {
        let closed = Urc::Closed(id);
        if env.faults.reports.is_some() {
            return;
        }
        let of_link = env.out.reports.iter().filter(|urc| urc.link() == Some(id));
        if of_link.eq([&closed]) {
            env.out.reports.retain(|urc| *urc != closed);
            env.out.report(closed, self.multi, false);
            self.retire(env, id);
        }
    }

    /// The report that a link is down has been printed: its number is free. Unless that was the number's last link, which passthrough
    /// had left: of this one something is still to be said, or read.
    pub(crate) fn retire(&mut self, env: &mut Env<'_>, id: LinkId) {
        let is_over = |link: &Link| link.stage == Stage::Ended && link.rx.len() == 0;
        if self.links.get(id).is_some_and(is_over) && !env.out.reports.contains(&Urc::Closed(id)) {
            self.links.remove(id);
            self.after_close(env);
        }
    }

    fn after_close(&mut self, env: &mut Env<'_>) {
        self.server.offer(env, &self.links);
        self.arm_idle_timer(env);
    }

    fn forget_reports(&mut self, env: &mut Env<'_>, id: LinkId) {
        env.out.reports.retain(|urc| urc.link() != Some(id));
    }

    /// Sets the timer for the accepted link that has been silent longest.
    pub(crate) fn arm_idle_timer(&mut self, env: &mut Env<'_>) {
        let timeout = Duration::from_secs(u64::from(self.server.timeout_s));
        let next = self
            .links
            .iter()
            .filter(|link| link.is_client())
            .map(|link| link.heard_at + timeout)
            .min();
        match next {
            Some(at) if self.server.timeout_s > 0 => env.timers.set(Timer::ServerIdle, at),
            _ => env.timers.stop(Timer::ServerIdle),
        }
    }

    /// `Timer::ServerIdle`: closes the clients that have been silent too long. Returns them, for the running command.
    pub(crate) fn on_idle_timer(&mut self, env: &mut Env<'_>) -> Vec<LinkId> {
        let timeout = Duration::from_secs(u64::from(self.server.timeout_s));
        let now = env.now;
        let is_due = |link: &Link| link.is_client() && link.heard_at + timeout <= now;
        let due = self.close_where(env, CloseHow::Fin, is_due);
        self.arm_idle_timer(env);
        due
    }

    /// An interface went down: its links are closed and reported. Returns them, for the running command.
    pub(crate) fn on_interface_down(&mut self, env: &mut Env<'_>) -> Vec<LinkId> {
        self.cut_apart(env);
        self.begin_waiting();
        let ends: Vec<_> = self
            .links
            .iter()
            .filter(|link| link.has_socket() && !self.persists(link))
            .map(|link| link.id)
            .collect();
        let closed = self.close_where(env, CloseHow::Reset, |link| ends.contains(&link.id));
        self.arm_idle_timer(env);
        closed
    }

    /// The station's IPv4 address changed: lwIP aborts TCP connections that have the old one, and UDP sockets go on with the new
    /// one (ESP-IDF, `LWIP_TCP_KEEP_CONNECTION_WHEN_IP_CHANGES`, which is off; lwIP, `tcp_netif_ip_addr_changed`). Returns the links,
    /// for the running command.
    pub(crate) fn on_address_changed(&mut self, env: &mut Env<'_>) -> Vec<LinkId> {
        self.cut_apart(env);
        let has_address = |link: &Link| {
            link.has_socket() && link.kind.transport != Transport::Udp && !link.kind.is_v6
        };
        let closed = self.close_where(env, CloseHow::Reset, has_address);
        self.arm_idle_timer(env);
        closed
    }

    /// Closes a link that is being opened, and reports it.
    pub(crate) fn abandon(&mut self, env: &mut Env<'_>, id: LinkId) {
        self.close_where(env, CloseHow::Reset, |link| link.id == id);
    }

    pub(super) fn close_where(
        &mut self,
        env: &mut Env<'_>,
        how: CloseHow,
        is_wanted: impl Fn(&Link) -> bool,
    ) -> Vec<LinkId> {
        let mut closed = Vec::new();
        for link in self.links.iter().filter(|link| is_wanted(link)) {
            env.out.close(link.socket, how);
            closed.push(link.id);
        }
        for &id in &closed {
            self.end_link(env, id);
        }
        closed
    }
}
