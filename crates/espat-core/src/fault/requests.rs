//! What the module asks of the network and what the network says, and what rules do to either on the way.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::FaultId;
use super::act::Job;
use super::action::{Action, SendAction};
use super::layer::Layer;
use super::net::Query;
use super::plan::{Counter, EventKind, MomentKind, RequestKind};
use super::rules::Moment;
use super::run::below;
use crate::heard::Heard;
use crate::input::Input;
use crate::module::Module;
use crate::output::{
    NetRequest, PartitionStep, QueryId, SocketId, StoreRequest, StoreTag, Transport,
};
use crate::time::Duration;

impl Layer {
    /// The module asks something of the network.
    pub(super) fn take_request(&mut self, request: &NetRequest<'_>) {
        match *request {
            NetRequest::Connect { socket, to } => {
                let link = self.seen.link_of(socket);
                self.event(&EventKind::Dial, link);
                self.net.known(socket);
                let kind = if self.seen.is_apart(socket) {
                    RequestKind::Upgrade
                } else if to.transport == Transport::Tls {
                    RequestKind::Handshake
                } else {
                    RequestKind::Connect
                };
                self.on_attempt(socket, kind, link);
            }
            NetRequest::Read { socket, max } => self.net.known(socket).credit = max,
            NetRequest::Send { socket, bytes, .. } => {
                if self.on_send(socket, bytes.len()) {
                    return;
                }
            }
            NetRequest::CancelSend { socket } => {
                let socket = self.net.known(socket);
                (socket.told, socket.untold) = (0, 0);
            }
            NetRequest::Close { socket, .. } => {
                let link = self.seen.link_of(socket);
                let known = self.net.forget(socket);
                self.jobs.retain(|(_, job)| !job.is_about(socket));
                self.effects
                    .retain(|(_, effect)| effect.socket() != Some(socket));
                self.event(&EventKind::Closed, link);
                if known.is_some_and(|socket| socket.is_ghost) {
                    return;
                }
            }
            NetRequest::Resolve { query, .. } => {
                self.event(&EventKind::Resolve, None);
                self.on_question(query, RequestKind::Resolve);
            }
            NetRequest::TimeSync { query, .. } => self.on_question(query, RequestKind::TimeSync),
            NetRequest::Cancel { query } => {
                self.jobs.retain(|(_, job)| !job.answers(query));
                let known = self.net.take_query(query);
                if known.is_some_and(|query| query.is_ghost) {
                    return;
                }
            }
            NetRequest::Listen { .. }
            | NetRequest::Accept { .. }
            | NetRequest::Options { .. }
            | NetRequest::Clock { .. }
            | NetRequest::Ping { .. }
            | NetRequest::Advertise { .. } => {}
        }
        if !self.is_swallowed(request) {
            self.to_host.out.net(request);
        }
    }

    /// Whether the network has nothing to do with a request.
    fn is_swallowed(&mut self, request: &NetRequest<'_>) -> bool {
        match *request {
            NetRequest::Connect { socket, .. }
            | NetRequest::Read { socket, .. }
            | NetRequest::Send { socket, .. }
            | NetRequest::CancelSend { socket }
            | NetRequest::Options { socket, .. } => self
                .net
                .socket(socket)
                .is_some_and(|socket| socket.is_ghost),
            NetRequest::Resolve { query, .. } | NetRequest::TimeSync { query, .. } => {
                let mut queries = self.net.queries.iter();
                queries.any(|known| known.id == query && known.is_ghost)
            }
            NetRequest::Listen { .. }
            | NetRequest::Accept { .. }
            | NetRequest::Clock { .. }
            | NetRequest::Close { .. }
            | NetRequest::Ping { .. }
            | NetRequest::Cancel { .. }
            | NetRequest::Advertise { .. } => false,
        }
    }

    /// The module opens a socket: it may fail, or take its time.
    fn on_attempt(&mut self, id: SocketId, kind: RequestKind, link: Option<u8>) {
        for (plan, action) in self.request_actions(kind, link) {
            if let Action::Fail { error, after, .. } = action {
                self.net.known(id).is_ghost = true;
                let heard = Heard::Failed { socket: id, error };
                let of = [plan].into();
                self.jobs.push((self.now + after, Job::Tell { heard, of }));
                return;
            }
            if let Action::Slow { by, .. } = action {
                let socket = self.net.known(id);
                socket.late_by = Some(socket.late_by.unwrap_or_default() + by);
                socket.late_of.push(plan);
            }
        }
    }

    /// The module asks a question: it may fail, or take its time.
    fn on_question(&mut self, id: QueryId, kind: RequestKind) {
        let mut query = Query {
            id,
            is_ghost: false,
            late_by: Duration::ZERO,
            late_of: Vec::new(),
            wrong_time: None,
        };
        let mut is_touched = false;
        for (plan, action) in self.request_actions(kind, None) {
            is_touched = true;
            if let Action::Fail { error, after, .. } = action
                && !query.is_ghost
            {
                query.is_ghost = true;
                let heard = if kind == RequestKind::Resolve {
                    Heard::Resolved {
                        query: id,
                        result: Err(error),
                    }
                } else {
                    Heard::TimeSynced {
                        query: id,
                        result: Err(error),
                    }
                };
                let of = [plan].into();
                self.jobs.push((self.now + after, Job::Tell { heard, of }));
            } else if let Action::Slow { by, .. } = action {
                query.late_by += by;
                query.late_of.push(plan);
            } else if let Action::WrongTime(seconds) = action {
                query.wrong_time = Some((seconds, plan));
            }
        }
        if is_touched {
            self.net.queries.push(query);
        }
    }

    /// Payload for the network; whether it goes no further.
    fn on_send(&mut self, id: SocketId, len: usize) -> bool {
        let link = self.seen.link_of(id);
        self.seen.is_sending = self.seen.is_busy() && link.is_some();
        self.count(Counter::LinkSent, link, len);
        self.event(&EventKind::Send, link);
        let actions = if link.is_some() {
            self.request_actions(RequestKind::Send, link)
        } else {
            Vec::new()
        };
        let now = self.now;
        let socket = self.net.known(id);
        let mut answer = None;
        let mut is_lost = socket.is_silent || socket.is_half_closed || socket.is_ghost;
        if socket.is_silent {
            answer = Some(Heard::Sent { socket: id, n: len });
        } else if socket.is_half_closed {
            answer = Some(Heard::SendFailed { socket: id });
        }
        for (plan, action) in actions {
            let Action::Send(action) = action else {
                continue;
            };
            if let SendAction::WithholdOk(Some(by)) = action {
                socket.sent_at = Some(now + by);
                socket.sent_of = [plan].into();
            } else if let SendAction::Fail { delivered } = action
                && !is_lost
            {
                answer = Some(Heard::SendFailed { socket: id });
                if delivered {
                    socket.told += len;
                }
                is_lost = !delivered;
            }
        }
        if let Some(answer) = answer {
            self.jobs.push((now, Job::tell(answer)));
        }
        is_lost
    }

    /// What rules do to a request of this kind; what else they do is put on the list.
    fn request_actions(&mut self, kind: RequestKind, link: Option<u8>) -> Vec<(FaultId, Action)> {
        let moment = Moment {
            link,
            ..Moment::of(MomentKind::Request(kind))
        };
        let mut found = Vec::new();
        for fired in self.fire(&moment) {
            let actions = &self.plans[fired.plan].plan.rules[fired.rule].actions;
            let own = actions.iter().filter(|action| action.moment().is_some());
            found.extend(own.map(|action| (fired.id, action.clone())));
            self.schedule(fired);
        }
        found
    }

    /// The module wants something kept.
    pub(super) fn take_store(&mut self, tag: StoreTag, request: StoreRequest<'_>) {
        let mut written = 0;
        if let StoreRequest::Partition { step, .. } = request {
            match step {
                PartitionStep::Chunk(bytes) if self.seen.upgrade_socket().is_some() => {
                    written = bytes.len();
                }
                // Nobody waits for its answer.
                PartitionStep::Abort => return self.to_host.out.store_again(tag, request),
                PartitionStep::Begin | PartitionStep::Chunk(_) | PartitionStep::Commit => {}
            }
        }
        match self.ahead.fail_write.take() {
            Some((_, error)) => self.jobs.push((self.now, Job::Refuse(tag, error))),
            None => self.to_host.out.store_again(tag, request),
        }
        if written > 0 {
            self.count(Counter::Upgraded, None, written);
        }
    }

    /// What comes from the upgrade's server, where a rule has bits of it wrong.
    fn corrupt(&mut self, heard: &mut Heard) {
        let Heard::Data { socket, bytes, .. } = heard else {
            return;
        };
        if !self.seen.is_apart(*socket) || bytes.is_empty() {
            return;
        }
        let Some((id, n)) = self.ahead.corrupt.take() else {
            return;
        };
        if let Some(plan) = self.plans.iter_mut().find(|plan| plan.id == id) {
            let mut left: Vec<usize> = (0..bytes.len()).collect();
            for _ in 0..n.min(bytes.len()) {
                let at = below(&mut plan.rng, left.len());
                bytes[left.swap_remove(at)] ^= 1 << below(&mut plan.rng, 8);
            }
        }
    }

    /// The network says something.
    pub(super) fn hear(&mut self, module: &mut Module, mut heard: Heard) {
        self.corrupt(&mut heard);
        if let Some(id) = heard.query()
            && let Some(query) = self.net.take_query(id)
        {
            let heard = altered(heard, &query);
            let job = Job::Tell {
                heard,
                of: query.late_of,
            };
            self.jobs.push((self.now + query.late_by, job));
            return;
        }
        let heard = match heard.socket() {
            None => Some(heard),
            Some(id) => self.net.known(id).hear(heard, self.now),
        };
        if let Some(heard) = heard {
            self.tell(module, &heard);
        }
    }

    /// Tells the module of something that the network did, or seems to have done.
    pub(super) fn tell(&mut self, module: &mut Module, heard: &Heard) {
        let before = heard.socket().and_then(|socket| self.seen.link_of(socket));
        let cut;
        let mut heard = heard;
        if let Heard::Data { socket, bytes, .. } = heard
            && before.is_some()
        {
            let Some(left) = self.arrive(heard, before) else {
                let (socket, had) = (*socket, !bytes.is_empty());
                self.read_again(socket, had);
                return;
            };
            cut = left;
            heard = &cut;
        }
        self.hold_reports(module, heard);
        self.feed(module, Input::Net(heard.event(Vec::as_slice)));
        let after = heard.socket().and_then(|socket| self.seen.link_of(socket));
        let link = before.or(after);
        if let Some(socket) = heard.socket()
            && heard.ends_socket()
        {
            self.net.forget(socket);
            self.effects
                .retain(|(_, effect)| effect.socket() != Some(socket));
        }
        if link.is_some() {
            self.on_told(heard, link);
        }
    }

    /// The module has heard of something about a link.
    fn on_told(&mut self, heard: &Heard, link: Option<u8>) {
        let event = match heard {
            Heard::Connected { .. } | Heard::Accepted { .. } => EventKind::Connect,
            Heard::Sent { .. } => EventKind::Sent,
            Heard::Closed { .. } => EventKind::Closed,
            Heard::Data { bytes, .. } => {
                self.count(Counter::LinkReceived, link, bytes.len());
                EventKind::Data
            }
            Heard::Failed { .. }
            | Heard::Listening { .. }
            | Heard::SendFailed { .. }
            | Heard::Resolved { .. }
            | Heard::Pinged { .. }
            | Heard::TimeSynced { .. }
            | Heard::SlotsChanged { .. } => return,
        };
        self.event(&event, link);
    }

    /// Payload that arrives, as rules make it; `None` where nothing of it is left.
    fn arrive(&mut self, heard: &Heard, link: Option<u8>) -> Option<Heard> {
        let moment = Moment {
            link,
            ..Moment::of(MomentKind::Request(RequestKind::Data))
        };
        let mut heard = heard.clone();
        let Heard::Data {
            from,
            bytes,
            wire_len,
            ..
        } = &mut heard
        else {
            return Some(heard);
        };
        let had = bytes.len();
        for fired in self.fire(&moment) {
            let running = &mut self.plans[fired.plan];
            for action in &running.plan.rules[fired.rule].actions {
                if let Action::Overrun { bytes: lost, at } = action {
                    let n = (*lost).min(bytes.len());
                    let at = at.unwrap_or_else(|| below(&mut running.rng, bytes.len() - n + 1));
                    let at = at.min(bytes.len());
                    bytes.drain(at..(at + n).min(bytes.len()));
                } else if let (Action::ChangeSender { ip, port }, Some(from)) = (action, &mut *from)
                {
                    from.set_ip(ip.map_or(from.ip(), IpAddr::V4));
                    from.set_port(port.unwrap_or(from.port()));
                }
            }
            self.schedule(fired);
        }
        *wire_len -= (had - bytes.len()).min(*wire_len);
        (had == 0 || !bytes.is_empty()).then_some(heard)
    }

    /// Data was lost whole: the network may deliver the next.
    fn read_again(&mut self, id: SocketId, had: bool) {
        let socket = self.net.known(id);
        let (max, is_ghost) = (socket.credit, socket.is_ghost);
        if had && !is_ghost {
            self.to_host.out.read(id, max);
        }
    }
}

/// An answer as rules made it.
fn altered(heard: Heard, query: &Query) -> Heard {
    match (heard, query.wrong_time) {
        (
            Heard::TimeSynced {
                query,
                result: Ok(_),
            },
            Some((seconds, _)),
        ) => Heard::TimeSynced {
            query,
            result: Ok(seconds.saturating_mul(1_000_000)),
        },
        (heard, _) => heard,
    }
}
