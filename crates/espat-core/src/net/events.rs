//! What the network says, and which link or question it is about.

use core::net::SocketAddr;

use super::Net;
use super::data::Arrival;
use super::link::{Link, Stage};
use crate::exec::cx::Env;
use crate::exec::operation::{LinkEvent, OpEvent};
use crate::input::{NetError, NetEvent};
use crate::nvs::Settings;
use crate::output::{CloseHow, SocketId};
use crate::reply::urc::Urc;

impl Net {
    /// Takes what the network says. `may_print`: a report could go out at this moment.
    pub(crate) fn on_event<'e>(
        &mut self,
        env: &mut Env<'_>,
        event: NetEvent<'e>,
        settings: &Settings,
        may_print: bool,
    ) -> Option<OpEvent<'e>> {
        if let Some((socket, event)) = self.apart_event(event) {
            return Some(OpEvent::Socket(socket, event));
        }
        match event {
            NetEvent::Connected { socket, local } => self.on_connected(env, socket, local),
            NetEvent::Failed { socket, error } => self.on_failed(env, socket, error),
            NetEvent::Listening { listener, .. } => {
                if self.server.listener != Some(listener) {
                    return None;
                }
                self.server.offer(env, &self.links);
                Some(OpEvent::Listening(Ok(())))
            }
            NetEvent::Accepted {
                listener,
                socket,
                peer,
                local,
            } => {
                self.on_accepted(env, listener, socket, peer, local);
                self.tell_sockets(env, settings);
                None
            }
            NetEvent::Sent { socket, n } => {
                let id = self.links.find(socket)?;
                Some(OpEvent::Link(id, LinkEvent::Sent(self.on_sent(env, id, n))))
            }
            NetEvent::SendFailed { socket } => self.on_send_failed(env, socket),
            NetEvent::Data {
                socket,
                from,
                bytes,
                wire_len,
            } => {
                let arrival = Arrival {
                    socket,
                    from,
                    bytes,
                    wire_len,
                };
                self.on_data(env, &arrival, may_print);
                None
            }
            NetEvent::Closed { socket, .. } => {
                let id = self.links.find(socket)?;
                self.end_link(env, id);
                Some(OpEvent::Link(id, LinkEvent::Closed))
            }
            NetEvent::Resolved { query, result } => self
                .queries
                .end(query)
                .then_some(OpEvent::Resolved(query, result)),
            NetEvent::Pinged { query, result } => self
                .queries
                .end(query)
                .then_some(OpEvent::Pinged(query, result)),
            NetEvent::TimeSynced { query, result } => self
                .queries
                .end(query)
                .then_some(OpEvent::TimeSynced(query, result)),
            NetEvent::SlotsChanged { .. } => None,
        }
    }

    fn on_connected(
        &mut self,
        env: &mut Env<'_>,
        socket: SocketId,
        local: SocketAddr,
    ) -> Option<OpEvent<'static>> {
        let id = self.links.find(socket)?;
        let link = self.links.get_mut(id)?;
        link.stage = Stage::Open;
        link.local_port = local.port();
        self.had_links = true;
        self.grant_reads(env);
        Some(OpEvent::Link(id, LinkEvent::Opened))
    }

    fn on_failed<'e>(
        &mut self,
        env: &mut Env<'_>,
        socket: SocketId,
        error: NetError,
    ) -> Option<OpEvent<'e>> {
        if self.server.listener == Some(socket) {
            self.server.on_failed();
            return Some(OpEvent::Listening(Err(error)));
        }
        let id = self.links.find(socket)?;
        self.end_link(env, id);
        Some(OpEvent::Link(id, LinkEvent::Failed(error)))
    }

    fn on_accepted(
        &mut self,
        env: &mut Env<'_>,
        listener: SocketId,
        socket: SocketId,
        peer: SocketAddr,
        local: SocketAddr,
    ) {
        if self.server.listener != Some(listener) {
            env.out.close(socket, CloseHow::Reset);
            return;
        }
        self.server.on_accepted();
        let Some(id) = self.server.free_id(env, &self.links) else {
            env.out.close(socket, CloseHow::Reset);
            return;
        };
        let kind = self.server.kind_of(peer);
        let mut link = Link::new(id, socket, kind, peer, Stage::Open);
        link.options = self.server.options;
        link.local_port = local.port();
        link.heard_at = env.now;
        env.report(Urc::Connect(link.up()));
        self.links.insert(link);
        self.had_links = true;
        if !self.server.offer(env, &self.links) {
            env.log(format_args!(
                "connect reach max:{}",
                self.server.clients_max
            ));
        }
        self.arm_idle_timer(env);
    }
}
